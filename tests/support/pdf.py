"""What a tagged PDF says of itself and to a screen reader, read without a library.

Belongs here: unpacking, and finding title, language, tags, alternative texts and written text.
Does not belong here: expectations. It reads what typst writes (objects in packed streams, text by
glyph numbers with a map to Unicode for each font), not any PDF.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import cached_property

_STREAM = re.compile(
    rb"(\d+) 0 obj\s*(<<(?:(?!endobj).)*?/Length (\d+).*?>>)\s*stream\r?\n", re.DOTALL
)
_PLAIN = rb"\\.|[^\\()]"
# Parentheses may stand in a string as they are where they come in pairs.
_PAIRED = rb"\((?:" + _PLAIN + rb"|\((?:" + _PLAIN + rb"|\((?:" + _PLAIN + rb")*\))*\))*\)"
_STRING = rb"(" + _PAIRED + rb"|<[0-9A-Fa-f]*>)"
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


_SHOWN = re.compile(rb"/(\w+) [\d.]+ Tf|(?<=[\[)>\d ])" + _STRING, re.DOTALL)


def _raw(token: bytes) -> bytes:
    """The bytes of a string of the file."""
    if token.startswith(b"<"):
        return bytes.fromhex(token[1:-1].decode())
    return re.sub(
        rb"\\(\d{1,3}|.)",
        lambda m: bytes([int(m[1], 8)]) if m[1].isdigit() else _ESCAPED.get(m[1], m[1]),
        token[1:-1],
        flags=re.DOTALL,
    )


def _text(token: bytes) -> str:
    """A string of the file as text: UTF-16 with its mark, else Latin-1."""
    raw = _raw(token)
    return raw[2:].decode("utf-16-be") if raw.startswith(b"\xfe\xff") else raw.decode("latin-1")


@dataclass(frozen=True)
class Pdf:
    """A PDF's bytes."""

    content: bytes

    @cached_property
    def _streams(self) -> dict[int, tuple[bytes, bytes]]:
        found = {}
        for begins in _STREAM.finditer(self.content):
            number, head, length = begins.groups()
            body = self.content[begins.end() : begins.end() + int(length)]
            packed = b"/FlateDecode" in head
            found[int(number)] = (head, zlib.decompress(body) if packed else body)
        return found

    @cached_property
    def objects(self) -> bytes:
        """Everything that is not packed text: the file's own objects and those in streams."""
        inside = [body for head, body in self._streams.values() if b"/ObjStm" in head]
        return b"\n".join([self.content, *inside])

    def strings(self, key: str) -> list[str]:
        """All strings under a key, such as ``Alt``."""
        return [
            _text(t) for t in re.findall(rb"/" + key.encode() + rb"\s*" + _STRING, self.objects)
        ]

    @cached_property
    def metadata(self) -> str:
        """The XMP packet."""
        (packet,) = [body for head, body in self._streams.values() if b"/XML" in head]
        return packet.decode()

    @property
    def tags(self) -> list[str]:
        """Kinds of the structure's elements, in the order of the file."""
        return [kind.decode() for kind in re.findall(rb"/S\s*/([A-Za-z0-9]+)\b", self.objects)]

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return len(re.findall(rb"/Type\s*/Page\b", self.objects))

    def _object(self, number: int) -> bytes:
        found = re.search(rb"\b%d 0 obj\s*(.*?)\s*endobj" % number, self.content, re.DOTALL)
        if found is None:
            raise ValueError(f"PDF: no object {number}.")
        return found[1]

    def _letters(self, font: int) -> dict[bytes, str]:
        """A font's glyph numbers and the letters they stand for."""
        (cmap,) = re.findall(rb"/ToUnicode (\d+) 0 R", self._object(font))
        _, body = self._streams[int(cmap)]
        pairs = re.findall(rb"^<([0-9A-F]{4})> <([0-9A-F]+)>$", body, re.MULTILINE)
        return {
            bytes.fromhex(glyph.decode()): bytes.fromhex(code.decode()).decode("utf-16-be")
            for glyph, code in pairs
        }

    @cached_property
    def text(self) -> list[str]:
        """What is written on each page, in the order in which it is written."""
        written = []
        for head in re.findall(rb"<</Type/Page/(.*?)>>", self.content):
            (resources,) = re.findall(rb"Resources (\d+) 0 R", head)
            (contents,) = re.findall(rb"Contents (\d+) 0 R", head)
            named = re.findall(rb"/(f\d+) (\d+) 0 R", self._object(int(resources)))
            fonts = {name: self._letters(int(font)) for name, font in named}
            letters: list[str] = []
            for block in re.findall(rb"BT(.*?)ET", self._streams[int(contents)][1], re.DOTALL):
                current: dict[bytes, str] = {}
                for name, token in _SHOWN.findall(block):
                    if name:
                        current = fonts[name]
                        continue
                    raw = _raw(token)
                    letters += [current.get(raw[i : i + 2], "") for i in range(0, len(raw), 2)]
                letters.append(" ")
            written.append("".join(letters))
        return written
