"""The municipalities as arrays: population, go-live, catchment, and the code valid on a day.

Belongs here: reading ``data/reference``. Does not belong here: persons.

A *place* is a municipality of today (index 0…). Ålesund (1508) and Haram (1580) are places of
their own also before 2024, when both carry the code 1507. A *part* is what has never been divided
since 2018 (Snillfjord's part of Heim, say): an address lies in one, and so has a statistical tract.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.settings import BorderSet, reference_dir
from pipelines.synthetic.days import FAR, Bools, Floats, Ints, day

HOSPITALS = ("STO", "HMR", "HNT", "OUTSIDE")
SERVICES = ("municipal_care", "portal", "documentation")
BORDER_DAY = day(dt.date(2024, 1, 1))
BORDER_DAYS = (day(dt.date(2019, 1, 1)), day(dt.date(2020, 1, 1)), BORDER_DAY)
"""Days since 2018 on which municipalities got other codes."""
_BORDERS = ("municipality_2019", "municipality_2020", "municipality_2024")
SPLIT = "1507"
_BANDS = ("0_17", "18_66", "67_79", "80_plus")


@dataclass(frozen=True)
class Parts:
    """Parts of municipalities, in order of their place.

    Attributes:
        first: By place: its first part, the one that most live in.
        count: By place: how many it has.
        codes: By spell of ``BORDER_DAYS`` (before the first, …): the parts' municipality codes.
        numbers: The two digits that tell a part's tracts from others' of its municipality.
    """

    first: Ints
    count: Ints
    codes: tuple[pl.Series, ...]
    numbers: pl.Series

    def code_at(self, parts: Ints, days: Ints) -> pl.Series:
        """Municipality code of each part, valid on each day."""
        spell = np.searchsorted(BORDER_DAYS, days, side="right")
        together = pl.concat(self.codes).rename("municipality_code")
        return together.gather(pl.Series(spell * self.numbers.len() + parts))


@dataclass(frozen=True)
class Places:
    """Municipalities of today, by index.

    Attributes:
        codes: Codes valid from 2024.
        names: Everyday names.
        population: Place × year of ``population_years``: inhabitants on 1 January.
        population_years: First days' years.
        bands: Place × four age bands, 1 January 2024.
        live_on: Service → day of go-live by place (``FAR`` where it is a plan).
        catchment: Place × ``HOSPITALS``: share of the inhabitants' stays.
        hospital_live: Day of go-live by hospital (``FAR`` outside the region).
        split: Places that carried the code 1507 before 2024.
        parts: What the places are made of.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    population: Ints
    population_years: tuple[int, ...]
    bands: Ints
    live_on: dict[str, Ints]
    catchment: Floats
    hospital_live: Ints
    split: Bools
    parts: Parts

    def inhabitants(self, year: int) -> Ints:
        """Inhabitants on 1 January of the nearest year in the file."""
        nearest = min(self.population_years, key=lambda known: (abs(known - year), known))
        return self.population[:, self.population_years.index(nearest)]

    def code_at(self, places: Ints, days: Ints) -> pl.Series:
        """Municipality code of each place, valid on each day; null for place -1."""
        index = np.where(self.split[places] & (days < BORDER_DAY), len(self.codes), places)
        codes = pl.Series([*self.codes, SPLIT])
        known = pl.Series(np.where(places < 0, 0, index)).cast(pl.UInt32)
        gathered = codes.gather(known).alias("code").to_frame()
        return gathered.select(
            pl.when(pl.Series(places >= 0)).then(pl.col("code")).alias("code")
        ).to_series()

    def by_borders(self, border_set: BorderSet, residence: pl.DataFrame) -> pl.Series:
        """Municipality code of each address by the borders of a year, from where it truly is.

        Args:
            border_set: A year; ``date``: the code valid when the address began.
            residence: Address spells with ``place``, ``part`` and ``municipality_code``.
        """
        if border_set == "date":
            return residence["municipality_code"]
        on = np.full(residence.height, day(dt.date(int(border_set), 1, 1)))
        if border_set == "2019":
            return self.parts.code_at(residence["part"].to_numpy(), on)
        return self.code_at(residence["place"].to_numpy(), on)


def load_places(folder: Path | None = None) -> Places:
    """Read the places from the reference files.

    Args:
        folder: Folder of the reference files; the project's own by default.

    Returns:
        The places, in order of code.

    Raises:
        ValueError: If the catchment shares of a municipality do not sum to 1.
    """
    root = folder or reference_dir()
    everything = _read(root / "municipalities.csv")
    today = everything.filter(pl.col("valid_to").is_null()).sort("municipality_code")
    codes = tuple(today["municipality_code"].to_list())
    calendar = _read(root / "go_live.csv").filter(pl.col("status") == "live")
    split = today["predecessor"].fill_null("").str.starts_with(SPLIT).to_numpy()
    years = tuple(
        int(column.removeprefix("population_"))
        for column in everything.columns
        if column.removeprefix("population_").isdigit()
    )
    hospitals = _read(root / "hospitals.csv").filter(pl.col("status") == "live")
    live = dict(zip(hospitals["hospital_code"], hospitals["go_live_on"], strict=True))
    return Places(
        codes=codes,
        names=tuple(today["name"].to_list()),
        population=_population(everything, today, years, split),
        population_years=years,
        bands=today.select(
            pl.col(f"population_2024_{b}").cast(pl.Int64) for b in _BANDS
        ).to_numpy(),
        live_on={service: _live_days(calendar, codes, service) for service in SERVICES},
        catchment=_catchment(_read(root / "catchment.csv"), codes),
        hospital_live=np.array(
            [day(dt.date.fromisoformat(live[h])) if h in live else FAR for h in HOSPITALS]
        ),
        split=split,
        parts=_parts(root, codes),
    )


def _read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


def _population(
    everything: pl.DataFrame, today: pl.DataFrame, years: tuple[int, ...], split: Bools
) -> Ints:
    numbers = today.select(
        pl.col(f"population_{year}").cast(pl.Int64).fill_null(0) for year in years
    ).to_numpy()
    before = everything.filter(pl.col("municipality_code") == SPLIT)
    shares = numbers[split, years.index(2024)] / numbers[split, years.index(2024)].sum()
    for column, year in enumerate(years):
        if (numbers[split, column] == 0).all():
            whole = int(before[f"population_{year}"][0])
            numbers[split, column] = np.rint(shares * whole)
    return np.asarray(numbers, dtype=np.int64)


def _parts(root: Path, codes: tuple[str, ...]) -> Parts:
    rows = _read(root / "borders.csv").drop_nulls(_BORDERS)
    order = pl.DataFrame({"municipality_2024": codes}).with_row_index("place")
    tract = pl.col("prefix").str.slice(4, 2)
    parts = (
        rows.group_by(_BORDERS)
        # Where a municipality is one part, its tracts are told by its code alone.
        .agg(tract.filter(tract != "").first().fill_null("01").alias("number"))
        .join(order, on="municipality_2024")
        .sort("place", "number")
    )
    renumbered = _read(root / "border_events.csv").filter(
        pl.col("event_on") == "2019-01-01", pl.col("kind") == "county_change"
    )
    before = dict(zip(renumbered["to_code"], renumbered["from_code"], strict=True))
    count = np.bincount(parts["place"].to_numpy(), minlength=len(codes))
    return Parts(
        first=np.cumsum(count) - count,
        count=count,
        codes=(parts[_BORDERS[0]].replace(before), *(parts[name] for name in _BORDERS)),
        numbers=parts["number"],
    )


def _live_days(calendar: pl.DataFrame, codes: tuple[str, ...], service: str) -> Ints:
    rows = calendar.filter(pl.col("service") == service)
    live = {
        code: day(dt.date.fromisoformat(on))
        for code, on in zip(rows["municipality_code"], rows["go_live_on"], strict=True)
    }
    return np.array([live.get(code, FAR) for code in codes], dtype=np.int64)


def _catchment(rows: pl.DataFrame, codes: tuple[str, ...]) -> Floats:
    wide = (
        rows.with_columns(pl.col("share").cast(pl.Float64))
        .pivot(on="hospital_code", index="municipality_code", values="share")
        .fill_null(0.0)
    )
    ordered = pl.DataFrame({"municipality_code": codes}).join(
        wide, on="municipality_code", how="left", maintain_order="left"
    )
    shares = ordered.select(HOSPITALS).to_numpy()
    wrong = int((~np.isclose(shares.sum(axis=1), 1.0)).sum())
    if wrong:
        raise ValueError(
            f"catchment.csv: the shares of {wrong} municipalities do not sum to 1; "
            "mend the file before making a region."
        )
    return np.asarray(shares, dtype=np.float64)
