"""Requests with a token, tried again where that helps, and never past the budget.

Belongs here: the token on a request, the one renewal on 401, which answers are worth another try
and how long is waited before it. Does not belong here: getting a token (``auth``), what an answer
means.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import httpx
import stamina

from pipelines.catalogue.profiles import Budgets
from pipelines.clients.bulk.clock import Clock, Deadline
from pipelines.clients.bulk.errors import ExportError, place, plain_code
from pipelines.clients.bulk.http import FAILURES, Check, Http, Reply
from pipelines.clients.bulk.waits import backoff, clamped, retry_after_seconds, server_time

T = TypeVar("T")
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
UNAUTHORISED = 401


class Token(Protocol):
    """Where a session has its tokens from."""

    def current(self) -> str:
        """A token that is good for some time yet."""

    def forget(self, token: str) -> None:
        """A server has refused this token."""


class AgainError(Exception):
    """A try failed in a way that may pass.

    Attributes:
        reason: Code for the error when no try is left.
        got: What was got, in plain words.
        wait_seconds: What the server asks to wait; null: nothing.
        closes_job: When no try is left, the job is of no more use.
        tries: Tries after which it is given up, where they are fewer than the budget's.
    """

    def __init__(
        self,
        reason: str,
        got: str,
        wait_seconds: float | None = None,
        *,
        closes_job: bool = False,
        tries: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.got = got
        self.wait_seconds = wait_seconds
        self.closes_job = closes_job
        self.tries = tries


class Session:
    """Asks one server, for as long as one call may take.

    Args:
        http: Sends single requests.
        tokens: Where tokens come from; null for an open server.
        budgets: Tries and waits.
        clock: The clock.
        deadline: When the whole call must be over.
    """

    def __init__(
        self, http: Http, tokens: Token | None, budgets: Budgets, clock: Clock, deadline: Deadline
    ) -> None:
        self.http = http
        self.tokens = tokens
        self.budgets = budgets
        self.clock = clock
        self.deadline = deadline

    def ask(
        self,
        method: str,
        url: str,
        check: Check,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        *,
        bearer: bool = True,
    ) -> Reply:
        """Ask for something small, and again where that may help.

        Args:
            method: Verb.
            url: Address.
            check: Judges addresses.
            headers: Headers besides the token.
            content: Body.
            bearer: Send the token.

        Returns:
            An answer whose status is none of those that are tried again; it may be a refusal.

        Raises:
            ExportError: No try is left, the budget is used up, or the token is refused twice.
        """
        return self.tried(
            place(url),
            lambda: self.once(method, url, check, headers or {}, content, bearer=bearer),
        )

    def once(
        self,
        method: str,
        url: str,
        check: Check,
        headers: Mapping[str, str],
        content: bytes | None = None,
        *,
        bearer: bool,
    ) -> Reply:
        """One try of a small request; arguments and result as for ``ask``.

        Raises:
            AgainError: Another try may help.
            ExportError: ``unauthorised``: the token was refused after it had been renewed.
        """
        token = self.tokens.current() if bearer and self.tokens is not None else None
        reply = self.http.small(method, url, check, with_token(headers, token), content)
        if reply.status == UNAUTHORISED and token is not None and self.tokens is not None:
            self.tokens.forget(token)
            renewed = self.tokens.current()
            reply = self.http.small(method, url, check, with_token(headers, renewed), content)
            if reply.status == UNAUTHORISED:
                raise unauthorised(reply.url)
        self.judge(reply)
        return reply

    def judge(self, reply: Reply) -> None:
        """Raise where an answer calls for another try.

        Raises:
            AgainError: Another try may help.
        """
        codes = issue_codes(reply)
        if reply.status not in _AGAIN and not (reply.status >= 400 and "transient" in codes):
            return
        told = f" ({', '.join(sorted(codes))})" if codes else ""
        raise AgainError(
            "server_refuses" if reply.status == 429 else "server_fails",
            f"status {reply.status}{told}",
            self.asked_wait(reply.headers),
            closes_job=reply.status == 500 and bool(codes - {"transient"}),
        )

    def asked_wait(self, headers: httpx.Headers) -> float | None:
        """Seconds that an answer asks to wait, by the server's own clock where it tells it."""
        now: dt.datetime = server_time(headers.get("date")) or self.clock.now()
        return retry_after_seconds(headers.get("retry-after"), now)

    def tried(self, subject: str, once: Callable[[], T]) -> T:
        """Do something, and again where that may help, at most as often as the budget says.

        Args:
            subject: What it is about, for the error.
            once: Does it; raises ``AgainError`` or one of ``FAILURES`` where another try may help.

        Raises:
            ExportError: No try is left, or the budget is used up.
        """
        wait = 0.0
        for attempt in stamina.retry_context(
            on=_worth_it, attempts=self.budgets.tries, timeout=None,
            wait_initial=0, wait_max=0, wait_jitter=0,
        ):  # fmt: skip
            with attempt:
                if attempt.num > 1:
                    # Waited here and not by the library, whose clock is the machine's own.
                    self.sleep(wait, subject)
                try:
                    return once()
                except (AgainError, *FAILURES) as error:
                    again = error if isinstance(error, AgainError) else _network(error)
                    allowed = min(self.budgets.tries, again.tries or self.budgets.tries)
                    if attempt.num >= allowed:
                        raise _given_up(subject, again, attempt.num) from None
                    wait = self.wait(again.wait_seconds, backoff(attempt.num))
                    raise again from None
        raise RuntimeError(f"{subject}: no try was made")

    def wait(self, asked: float | None, otherwise: float) -> float:
        """A wait in seconds, clamped."""
        budgets = self.budgets
        return clamped(
            asked, otherwise, budgets.shortest_wait_seconds, budgets.longest_wait_seconds
        )

    def sleep(self, seconds: float, subject: str) -> None:
        """Wait, unless the budget would be used up by it.

        Raises:
            ExportError: ``out_of_time``.
        """
        if seconds >= self.deadline.left():
            raise out_of_time(subject, self.budgets)
        self.clock.sleep(seconds)


def out_of_time(subject: str, budgets: Budgets) -> ExportError:
    """The error of a call that would take longer than it may."""
    return ExportError(
        "out_of_time",
        f"{subject}: expected to be done within {budgets.whole_minutes:g} minutes, and would not "
        "be. What has been fetched is kept: run it again, or raise budgets.whole_minutes in the "
        "profile.",
    )


def unauthorised(url: str) -> ExportError:
    """The error of a token that was refused after it had been renewed."""
    return ExportError(
        "unauthorised",
        f"{place(url)}: expected the token to be taken, got 401 with a new one too. Ask the "
        "server's operator whether this client still has access.",
    )


def issue_codes(reply: Reply) -> set[str]:
    """Issue codes of an OperationOutcome; empty where the answer is none."""
    content = reply.json() if reply.status >= 400 else None
    issues = content.get("issue") if isinstance(content, dict) else None
    if not isinstance(issues, list):
        return set()
    return {plain_code(issue.get("code")) for issue in issues if isinstance(issue, dict)}


def _worth_it(error: Exception) -> bool:
    return isinstance(error, AgainError)


def with_token(headers: Mapping[str, str], token: str | None) -> dict[str, str]:
    """Headers with a bearer token, where there is one."""
    return {**headers, **({} if token is None else {"Authorization": f"Bearer {token}"})}


def _network(error: Exception) -> AgainError:
    # The text of such an error may quote what was received; its kind says enough.
    certificate = " (its certificate is not trusted)" if "CERTIFICATE" in str(error) else ""
    return AgainError("unreachable", f"{type(error).__name__}{certificate}")


def _given_up(subject: str, again: AgainError, tries: int) -> ExportError:
    return ExportError(
        again.reason,
        f"{subject}: expected an answer, got {again.got}, {tries} times. Run it again later; if "
        "it stays, ask the server's operator.",
        closes_job=again.closes_job,
    )
