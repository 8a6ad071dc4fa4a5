"""A release candidate of a small region, built once per process.

Belongs here: the candidate, its marts and its part of the catalogue, and a home in which it waits.
Does not belong here: expectations. Nobody may change what is handed out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.publication.build import Candidate, build
from pipelines.publication.figures import Marts
from pipelines.publication.reaudit import audit_files
from pipelines.publication.release import Origin, write_candidate
from pipelines.publication.steward_report import write_steward_report
from pipelines.settings import Zones, reference_dir
from tests.support.publication_marts import small_region

INDICATORS = ("home_nursing_users_per_1000", "home_nursing_users_80plus_share")
ORIGIN = Origin(date(2024, 1, 1), date(2024, 12, 31), "2025-01-05T03:00:00+00:00", synthetic=True)


@dataclass(frozen=True, repr=False)
class SmallCandidate:
    """A candidate with what it was built from."""

    marts: Marts
    catalogue: Catalogue
    candidate: Candidate


@cache
def small_candidate() -> SmallCandidate:
    """The candidate of 2024 for two indicators that share a measure."""
    entries = catalogue()
    chosen = Catalogue({one: entries.indicators[one] for one in INDICATORS}, entries.policies)
    whole = small_region().marts
    marts = Marts(
        *(
            frame.filter(frame["indicator_id"].is_in(INDICATORS))
            for frame in (whole.indicator_counts, whole.flow_counts, whole.coverage)
        ),
        whole.strata_map,
    )
    return SmallCandidate(marts, chosen, build(marts, chosen, reference_dir(), range(2024, 2025)))


def undecided_candidate(zones: Zones) -> str:
    """Write it where it waits for a steward, with what stewards are told of it; its id."""
    small, made = small_candidate(), small_candidate().candidate
    zones.create()
    release_id = write_candidate(zones, made.tables, made.exact, made.certificate, ORIGIN)
    audit = audit_files(zones.releases / release_id, small.marts, small.catalogue)
    write_steward_report(zones, release_id, made, [], audit, small.marts, ORIGIN)
    return release_id
