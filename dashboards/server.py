"""What the web server adds to every answer: the page's language and what a browser may do.

Belongs here: ASGI middleware that both the planner's and the steward's process use. Does not
belong here: pages. Streamlit serves one fixed English shell for all pages; the middleware
rewrites its ``lang`` and its texts for readers without scripts, and closes the page to every
other host (EN 301 549 / WCAG 3.1.1; Content Security Policy Level 3).
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_LANG = re.compile(rb'<html lang="[a-z]*"')
_NOSCRIPT = re.compile(rb"<noscript>.*?</noscript>", re.DOTALL)
_SERVICE_LINK = re.compile(rb'\s*<link rel="service-desc"[^>]*>')
_TITLE = re.compile(rb"<title>.*?</title>")

BASE = b"""<script>window.__streamlit = {BACKEND_BASE_URL: new URL(".", location).href}</script>"""
"""Where the server answers: the folder of the page, as for the page's own scripts.

Streamlit would first look below the page itself (``/kommune/_stcore/health``), where nothing is.
Every page stands one step below the server's own folder, also where that is not the root of the
host (``server.baseUrlPath``, or a proxy that leaves a prefix out).
"""

GROUND = b"""<script>
(() => {
  const grounds = {light: "Light", dark: "Dark", auto: "System"};
  const address = new URL(location);
  const asked = address.searchParams.get("ground");
  try {
    if (Object.hasOwn(grounds, asked)) localStorage.setItem("ground", grounds[asked]);
    const kept = localStorage.getItem("ground");
    const place = `stActiveTheme-${location.pathname}-v2`;
    if (kept) localStorage.setItem(place, JSON.stringify(kept));
  } catch { /* A reader who lets nothing be kept gets what the machine asks for. */ }
  address.searchParams.delete("ground");
  if (asked) history.replaceState(history.state, "", address);
})()
</script>"""
"""Light or dark ground by the reader's choice (``ground=dark``), kept in the browser alone.

Streamlit keeps a choice for one page, under a name of its own, and shows its menu for it in English
only. The choice leaves the address at once, so that a link that is passed on does not carry it.
"""

Lost = Callable[[str, str], bytes | None]
"""Of a path and a language: what answers where no page has the path; ``None`` where one has it."""
LanguageOf = Callable[[Mapping[str, str]], str]
ShellTexts = Callable[[str], tuple[str, str]]

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


def content_security_policy(page: bytes) -> str:
    """The policy for a page: everything from this host, and the page's own inline scripts.

    Args:
        page: The HTML as sent; its inline scripts are named by SHA-256.
    """
    digests = (hashlib.sha256(body).digest() for body in _INLINE_SCRIPT.findall(page))
    scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'wasm-unsafe-eval' {scripts}".rstrip(),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def localised(page: bytes, language: str, title: str, no_script: str) -> bytes:
    """The shell in a language.

    Args:
        page: Streamlit's HTML.
        language: For ``<html lang>``.
        title: Shown until the page names itself.
        no_script: Said to readers whose browser runs no scripts.

    Raises:
        ValueError: The shell has no ``<html lang>``: Streamlit has changed it.
    """
    replaced, found = _LANG.subn(f'<html lang="{language}"'.encode(), page, count=1)
    if not found:
        raise ValueError('Streamlit\'s page: expected <html lang="…">, got none.')
    shell = f"<noscript><p>{html.escape(no_script)}</p></noscript>".encode()
    replaced = _NOSCRIPT.sub(lambda _: shell, replaced)
    replaced = _SERVICE_LINK.sub(b"", replaced).replace(b"<head>", b"<head>" + BASE + GROUND, 1)
    named = f"<title>{html.escape(title)}</title>".encode()
    return _TITLE.sub(lambda _: named, replaced, count=1)


class PageMiddleware:
    """Sets security headers on every answer and the language of every HTML page."""

    def __init__(
        self, app: ASGIApp, language_of: LanguageOf, texts: ShellTexts, lost: Lost | None = None
    ) -> None:
        self.app = app
        self.lost = lost
        self.language_of = language_of
        self.texts = texts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; websockets pass through untouched."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = scope["headers"]
        if any(name == b"accept" and b"text/html" in value for name, value in headers):
            # The shell must arrive whole and unpacked to be rewritten: it is a few kilobytes.
            unwanted = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
            kept = [(name, value) for name, value in headers if name not in unwanted]
            scope = {**scope, "headers": kept}
        await self.app(scope, receive, _Answer(self, scope, send))


class _Answer:
    """Holds back an HTML answer until it is complete, then sends it rewritten."""

    def __init__(self, page: PageMiddleware, scope: Scope, send: Send) -> None:
        self.page = page
        self.scope = scope
        self.send = send
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            if headers.get("content-type", "").startswith("text/html"):
                self.start = message
                return
        elif self.start is not None and message["type"] == "http.response.body":
            self.body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self.start)
            return
        await self.send(message)

    async def _finish(self, start: Message) -> None:
        headers = MutableHeaders(scope=start)
        body = self.body
        if start["status"] == 200 and "content-encoding" not in headers and body:
            query = dict(parse_qsl(self.scope.get("query_string", b"").decode("latin-1")))
            language = self.page.language_of(query)
            # Streamlit answers every path with the shell.
            elsewhere = self.page.lost(self.scope["path"], language) if self.page.lost else None
            if elsewhere is None:
                body = localised(body, language, *self.page.texts(language))
            else:
                start["status"], body = 404, elsewhere
            headers["content-language"] = language
            headers["cache-control"] = "no-cache"
            headers["content-length"] = str(len(body))
            for name in ("etag", "last-modified"):
                if name in headers:
                    del headers[name]
        headers["content-security-policy"] = content_security_policy(body)
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})
