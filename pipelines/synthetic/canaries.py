"""Planted strings that must appear nowhere outside the identified zone.

Belongs here: choosing them. Does not belong here: looking for them (the tests do, byte by byte).
"""

from __future__ import annotations

import polars as pl

from pipelines.synthetic.model import Region
from pipelines.synthetic.resources import people


def canaries(region: Region, n: int = 1000) -> dict[str, list[str]]:
    """Choose canaries among what the extract of a region holds.

    Args:
        region: The region, as given to ``write_extract``.
        n: How many in all, spread evenly over the kinds.

    Returns:
        By kind, distinct strings that stand in the delivered files: ``national_number``,
        ``patient_id``, ``family_name``, ``phone``, ``address_line``, ``free_text``. Persons with
        a graded address come first, the others are spread over the region.

    Raises:
        ValueError: If ``n`` is less than the number of kinds.
    """
    known = people(region)
    persons = known.persons.join(
        region.persons.select("person", "graded_from"), on="person", maintain_order="left"
    ).sort(pl.col("graded_from").is_null(), "patient_number")
    lines = persons.select("person").join(
        known.addresses.select("person", "line"), on="person", maintain_order="left_right"
    )
    sources = {
        "national_number": persons["number"],
        "patient_id": persons["patient_id"],
        "family_name": persons["family"],
        "phone": persons["phone"],
        "address_line": lines["line"],
        "free_text": persons["who"],
    }
    each, rest = divmod(n, len(sources))
    if each < 1:
        raise ValueError(f"canaries: n must be {len(sources)} or more, got {n}.")
    return {
        kind: _first_distinct(values, each + (position < rest))
        for position, (kind, values) in enumerate(sources.items())
    }


def _first_distinct(values: pl.Series, wanted: int) -> list[str]:
    return [str(value) for value in values.unique(maintain_order=True).head(wanted)]
