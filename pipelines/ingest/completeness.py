"""Is everything in that should be? What is absent must not be counted as nothing.

Belongs here: comparing what was taken in with what each source says its organisations deliver.
Does not belong here: judging rows (``parse``) and what a gap stops (``pipelines.assets``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from pipelines.catalogue.sources import load_sources
from pipelines.ingest.corrections import needless_corrections
from pipelines.ingest.inbox import refused_deliveries
from pipelines.ingest.ledger import LedgerEntry, delivered_years, read_ledger
from pipelines.settings import Zones


def delivery_gaps(
    zones: Zones, inbox: str | None = None, as_of: dt.datetime | None = None
) -> list[str]:
    """What is missing from the restricted zone, in words; empty when all is there.

    A gap is a delivery or a file that was refused, or an organisation of a delivering source (or a
    cohort, of one that delivers by cohorts) from which nothing has been taken in about a year that
    the release covers. An event that was not delivered would otherwise be counted as one that did
    not happen. A correction that the source has made needless is a gap too: it may by now spoil
    what is right.

    Args:
        zones: The zones.
        inbox: Another inbox than the zone's.
        as_of: Only what was known then counts.

    Returns:
        One sentence per gap: what, and why.
    """
    entries = [
        entry for entry in read_ledger(zones).values() if as_of is None or entry.known_at <= as_of
    ]
    gaps = [
        f"{result.source}/{result.delivery} was refused ({result.reason})"
        for result in (refused_deliveries(zones, inbox) if as_of is None else ())
    ]
    gaps += [
        f"{entry.source}/{entry.delivery}/{file.name} was refused ({file.refused_reason})"
        for entry in entries
        for file in entry.files
        if file.state == "refused"
    ]
    return gaps + _silences(entries, delivered_years(zones, as_of)) + needless_corrections(entries)


def _silences(entries: Sequence[LedgerEntry], years: Iterable[int]) -> list[str]:
    """Organisations, or cohorts of theirs, from which nothing has come about a year."""
    told = {
        (entry.source, entry.organisation, entry.cohort, year)
        for entry in entries
        for year in range(int(entry.period_start[:4]), int(entry.period_end[:4]) + 1)
    }
    gaps = []
    sources, listed = load_sources(), list(years)
    for source in sorted({entry.source for entry in entries}):
        for organisation in sources[source].organisations:
            cohorts = sources[source].cohorts.get(organisation, ())
            for year in listed:
                if (source, organisation, None, year) in told:
                    continue
                silent = [c for c in cohorts if (source, organisation, c, year) not in told]
                if silent == list(cohorts):
                    gaps.append(f"{source}: {organisation} has delivered nothing about {year}")
                else:
                    gaps += [
                        f"{source}: {organisation} has delivered nothing about {year} of {cohort}"
                        for cohort in silent
                    ]
    return gaps
