"""The printed profile: four tagged pages (PDF/UA-1), the same bytes for the same release.

Belongs here: setting a sheet with typst, naming files, writing all of them. Does not belong here:
what the profile says (``sheet.py``) and how it looks (``profile.typ``). Nothing is fetched and no
clock is read: fonts are those that typst carries, and the file is dated as its data are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.data_access import Release, current_release
from dashboards.profiles.glyphs import STANDARD, printable
from dashboards.profiles.sheet import ProfileError, sheet
from dashboards.session import Context

if TYPE_CHECKING:
    import typst

TEMPLATE = Path(__file__).with_name("profile.typ")


def printed(
    reader: Context, area: Mapping[str, Any], year: int, peers: Sequence[str] = ()
) -> bytes:
    """A municipality's profile as PDF/UA-1.

    Args:
        reader: The release, in a language.
        area: The municipality's row of ``areas``.
        year: The year.
        peers: Municipalities to set beside it.

    Raises:
        ProfileError: The municipality did not exist at the end of the year.
    """
    content = printable(sheet(reader, area, year, peers))
    made = datetime.combine(reader.release.facts["data_to"], time(), tzinfo=UTC)
    result = _compiler().compile(
        format="pdf",
        pdf_standards=STANDARD,
        timestamp=int(made.timestamp()),
        sys_inputs={"sheet": json.dumps(content, ensure_ascii=False)},
    )
    if not isinstance(result, bytes):
        raise TypeError(f"Profile of {area['area_code']}: expected one PDF from typst.")
    return result


@lru_cache(maxsize=1)
def _compiler() -> typst.Compiler:
    # The library is large, and most visits to the page print nothing.
    import typst

    return typst.Compiler(TEMPLATE, root=TEMPLATE.parent, ignore_system_fonts=True)


def file_name(reader: Context, area_code: str, year: int) -> str:
    """A telling name; synthetic figures carry the word."""
    mark = "SYNTETISK_" if reader.release.synthetic else ""
    return f"{mark}profil_{area_code}_{year}_{reader.release.id}_{reader.language}.pdf"


def write_profiles(
    home: Path, folder: Path, areas: Sequence[str] = (), language: str | None = None
) -> Iterator[Path]:
    """Write the profiles of municipalities, newest year, one file each.

    Args:
        home: The data folder.
        folder: Where they go; it is made if need be.
        areas: Municipality numbers; all that exist by default.
        language: ``nb``, ``nn`` or ``en``; each municipality's own by default.

    Yields:
        Each file as it is written.

    Raises:
        NothingPublishedError: There is no release.
        ProfileError: A number is no municipality of the release in its newest year.
    """
    release = current_release(home)
    year = release.years[0]
    towns = _chosen(release, year, areas)
    folder.mkdir(parents=True, exist_ok=True)
    for area in towns.iter_rows(named=True):
        reader = Context(release, language or area["language"])
        path = folder / file_name(reader, area["area_code"], year)
        path.write_bytes(printed(reader, area, year))
        yield path


def _chosen(release: Release, year: int, areas: Sequence[str]) -> pl.DataFrame:
    towns = release.areas(year).filter(pl.col("area_level") == "municipality").sort("area_code")
    unknown = sorted(set(areas) - set(towns["area_code"]))
    if unknown:
        raise ProfileError(
            f"Municipalities {', '.join(unknown)}: expected numbers of release {release.id} at "
            f"the end of {year}, such as {towns['area_code'][0]}."
        )
    return towns.filter(pl.col("area_code").is_in(areas)) if areas else towns
