"""Characters that no font of the printed profile has, and what stands in their place.

Belongs here: making texts printable. Does not belong here: what the texts say. PDF/UA wants every
character to have a glyph, so one strange sign in a name would leave a municipality without its
profile. Which characters the fonts have is asked of typst itself, once each: a list of our own
would be wrong with its next version.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import typst

STANDARD: Final = "ua-1"
UNKNOWN: Final = "?"
"""Stands for a character that has no readable form among the fonts' own."""
_PROBE: Final = Path(__file__).with_name("sign.typ")
_SURE: Final = frozenset(map(chr, [*range(0x20, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]))
"""Basic Latin and Latin-1 without their control signs: not worth a question."""

_TURNS: Final = frozenset(
    map(chr, [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
)
"""Signs that steer the direction of text (Unicode Standard Annex 9, section 2)."""


def printable(content: Any) -> Any:  # noqa: ANN401
    """The same content with every text of it in characters that can be set.

    Args:
        content: Texts, numbers, lists and mappings with texts as keys, which stay.

    Returns:
        Its copy: a full-width plus is a plus; what has no plain form is ``UNKNOWN``; a sign that
        would turn the direction of the text around it is left out.
    """
    if isinstance(content, str):
        return "".join(map(_set, content))
    if isinstance(content, list | tuple):
        return [printable(one) for one in content]
    if isinstance(content, dict):
        return {key: printable(one) for key, one in content.items()}
    return content


@lru_cache(maxsize=4096)
def _set(sign: str) -> str:
    """A character as it can be set."""
    if sign in _TURNS:
        return ""
    if _has(sign):
        return sign
    plain = unicodedata.normalize("NFKC", sign)
    return plain if all(map(_has, plain)) else UNKNOWN


@lru_cache(maxsize=4096)
def _has(sign: str) -> bool:
    """Whether some font that typst carries has a glyph for a character."""
    if sign in _SURE:
        return True
    import typst

    try:
        _prober().compile(format="pdf", pdf_standards=STANDARD, sys_inputs={"sign": sign})
    except typst.TypstError as refused:
        if "could not be displayed" not in str(refused):
            raise
        return False
    return True


@lru_cache(maxsize=1)
def _prober() -> typst.Compiler:
    import typst

    return typst.Compiler(_PROBE, root=_PROBE.parent, ignore_system_fonts=True)
