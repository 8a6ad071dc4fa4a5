"""What is worked out once and kept for the next reader: charts, tables, frames.

Belongs here: the one way to keep a result. Does not belong here: results.

Every kept function is a pure function of what it is given, and is given published things alone: a
release (or a ``Context``, which is a release in a language), then choices such as indicator, area,
year and language. These are the key. A release is told apart by identity, so that nothing of an
earlier one ever answers for a newer; when a release is read, all that was kept of others is let
go. What one reader has alone (address, session, citation with its link) is never given to a kept
function. Each function keeps as many results as it says, and the longest unused goes first.

The pages themselves (``views``) are scripts that Streamlit runs anew for every reader: what they
kept would answer nobody, and would never be let go.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_FORGET: list[Callable[[], None]] = []


def kept(most: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Keep a function's results by its arguments.

    Args:
        most: How many results are kept.

    Raises:
        ValueError: The function is a page's own.
    """

    def keep(function: Callable[P, T]) -> Callable[P, T]:
        if function.__module__ == "__main__":
            raise ValueError(
                f"{function.__name__}: expected a function of an imported module, got one of a "
                "script, which is made anew at each run. Move it beside the page's components."
            )
        remembered = lru_cache(maxsize=most)(function)
        _FORGET.append(remembered.cache_clear)

        @wraps(function)
        def answered(*args: P.args, **kwargs: P.kwargs) -> T:
            return remembered(*args, **kwargs)  # type: ignore[arg-type]

        return answered

    return keep


def forget() -> None:
    """Let go of everything kept."""
    for clear in _FORGET:
        clear()
