"""The ``folkepuls`` command with a catalogue of a few indicators, one of each kind there is.

Belongs here: which they are, and the program that knows no others. Does not belong here: what is
done with it. What is looked at is then how a run goes, not what the whole catalogue comes to: a
candidate of all indicators takes two minutes, one of these some seconds.
"""

from __future__ import annotations

from pipelines.catalogue import loader
from pipelines.catalogue.loader import Catalogue

CHOSEN = (
    # What everybody knows; it tells the region's ages, which others are standardised to.
    "adoption_inhabitants_share",
    # A part of everybody, events that are parts of others, and days.
    "portal_active_users_share",
    "emergency_admissions_per_1000",
    "ambulatory_sensitive_admissions_per_1000",
    "ready_for_discharge_days_per_1000",
    # A part of those whom the journal counts, and one behind which few contributors stand.
    "ready_for_discharge_same_day_share",
    "seen_by_doctor_long_stay_share",
    # What has no age and sex: employees, what they write, and what is counted once.
    "adoption_staff_share",
    "structured_documentation_share",
    "overdue_worklist_items_share",
    "migration_persons_reconciled_share",
)
KIND = "microdata"
PROGRAM = "from tests.support.few_indicators import main; main()"


def few() -> Catalogue:
    """The project's catalogue without the other indicators, but for those of analysts' tables."""
    whole = loader.load()
    chosen = {*CHOSEN}.union(
        *(
            policy.rules.get("indicators", {})
            for policy in whole.policies.values()
            if policy.kind == KIND
        )
    )
    kept = {name: one for name, one in whole.indicators.items() if name in chosen}
    return Catalogue(kept, whole.policies)


def main() -> None:
    """The command; for a process of its own, since it replaces the catalogue."""
    chosen = few()
    loader.load = lambda: chosen
    from pipelines.cli import main as command

    command()
