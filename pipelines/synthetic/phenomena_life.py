"""How often each thing befalls the journal of a region, by the year of the delivery that tells it.

Belongs here: counting identities that change, late, corrected and deleted rows, reservations,
gradings. Does not belong here: phenomena of care (``phenomena``).
"""

from __future__ import annotations

import polars as pl

from pipelines.synthetic.model import Region
from pipelines.synthetic.phenomena_tools import count

_DATES = {
    "encounters": "ended_on",
    "conditions": "recorded_on",
    "prescriptions": "authored_on",
    "journal_entries": "recorded_on",
}


def life_counts(region: Region) -> list[pl.DataFrame]:
    """Counts for every region; those of a journal's life only where it lives."""
    graded = region.persons.drop_nulls("graded_from")
    known = pl.col("graded_from") == pl.col("known_from")
    parts = [
        count("graded_from_the_start", graded.filter(known), "graded_from"),
        count("graded_later", graded.filter(~known), "graded_from"),
        count(
            "errors_found_a_year_later",
            region.conditions.drop_nulls("corrected_year"),
            "corrected_year",
        ),
    ]
    if region.life is None:
        return parts
    life = region.life
    local = pl.col("first_system") == "HNR"
    parts += [
        count("d_numbers_replaced", life.numbers.filter(~local), "number_from"),
        count("newborns_numbered", life.numbers.filter(local), "number_from"),
        count("second_resources", life.seconds, "second_from"),
        count("second_resources_linked", life.seconds, "merged_in"),
        count("mistaken_merges", life.merges, "merged_in"),
        count("mistaken_merges_parted", life.merges, "parted_in"),
    ]
    for name, rows in life.deleted.items():
        parts.append(count(f"deleted_{name}", rows, "deleted_in"))
    for name, on in _DATES.items():
        frame: pl.DataFrame = getattr(region, name)
        came = pl.max_horizontal(pl.col(on).dt.year(), pl.lit(region.settings.first_year))
        next_year = frame.with_columns((came + 1).alias("told_in"))
        parts.append(count(f"late_{name}", next_year.filter("late"), "told_in"))
        parts.append(count(f"corrected_{name}", next_year.filter("amended"), "told_in"))
    reservations = region.more["reservations"]
    for purpose in ("planning", "research"):
        some = reservations.filter(pl.col("purpose") == purpose)
        parts.append(count(f"reserved_{purpose}", some, "valid_from"))
        lifted = some.drop_nulls("lifted_in")
        parts.append(count(f"reservations_lifted_{purpose}", lifted, "lifted_in"))
    return parts
