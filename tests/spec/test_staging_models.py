"""What the staging models of the later entities keep, and what they leave out.

Belongs here: rules that no indicator tries yet. Does not belong here: whatever a spec in
``indicators/`` can show.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from tests.support.compiled_models import Dbt, QuickWarehouse

DAY = dt.date(2024, 3, 1)
METADATA = {"source": "spec", "delivery": "spec", "transaction_time": "2030-01-01T00:00:00Z"}

# Organisation and cohort (null: all its persons) of full deliveries, and the month they are of.
DELIVERIES: dict[str, tuple[str, str | None, int]] = {
    "north-1": ("kommuner", "north", 1),
    "south-1": ("kommuner", "south", 1),
    "north-2": ("kommuner", "north", 2),
    "whole-1": ("sykehus", None, 1),
    "whole-part-2": ("sykehus", "north", 2),
    "part-1": ("primaerhelse", "north", 1),
    "part-whole-2": ("primaerhelse", None, 2),
}


def journal() -> dict[str, list[dict[str, Any]]]:
    scores = [("relevant", 3.0), ("not-relevant", 9.0)]
    statuses = ("active", "completed", "revoked", "entered-in-error")
    return {
        "observation": [
            {"observation_key": key, "status": "final", "code": "function_score", "value": value}
            for key, value in scores
        ]
        + [
            {"observation_key": "nine", "status": "amended", "code": "NPU03568", "value": 9.0},
            {"observation_key": "wrong", "status": "entered-in-error", "code": "fall"},
        ],
        "portal_form": [
            {"form_key": key, "task_kind": kind, "status": status, "sent_on": DAY}
            for key, kind, status in (
                ("form", "form", "completed"),
                ("item", "worklist_item", "requested"),
                ("dropped-item", "worklist_item", "cancelled"),
            )
        ],
        "message": [
            {"message_key": status, "message_type": "foresporsel", "status": status}
            for status in ("completed", "not-done", "entered-in-error")
        ],
        "care_decision": [{"decision_key": each, "status": each} for each in statuses],
        "immunization": [
            {"immunization_key": each, "status": each} for each in ("completed", "not-done")
        ],
        "claim": [{"claim_key": each, "status": each} for each in ("active", "cancelled")],
        # By cohort: what was delivered when is in ``DELIVERIES``.
        "procedure": [
            {
                "procedure_key": f"{delivery}-{key}",
                "status": "completed",
                "delivery": delivery,
                "transaction_time": f"2024-0{month}-05T00:00:00Z",
            }
            for delivery, (_, _, month) in DELIVERIES.items()
            for key in ("old", "new")
        ],
        "reservation": [
            {"reservation_key": each, "status": each}
            for each in ("active", "inactive", "entered-in-error")
        ],
    }


@pytest.fixture(scope="module")
def staged(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> QuickWarehouse:
    home = QuickWarehouse(tmp_path_factory.mktemp("staging"), dbt)
    home.write_journal(
        {table: [{**METADATA, **row} for row in rows] for table, rows in journal().items()},
        [
            {
                "source": "spec",
                "delivery": delivery,
                "organisation": organisation,
                "cohort": cohort,
                "table_name": "procedure",
                "kind": "full",
                "is_complete": True,
                "transaction_time": f"2024-0{month}-05T00:00:00Z",
            }
            for delivery, (organisation, cohort, month) in DELIVERIES.items()
        ],
    )
    home.write_catalogue(range(2024, 2025))
    home.run("staging")
    return home


def test_a_full_delivery_of_a_cohort_stands_for_that_cohort_alone(staged: QuickWarehouse) -> None:
    """And one of everybody for all cohorts; without cohorts ``north-2`` would end ``south-1``."""
    keys = staged.table("staging.stg_journal__procedure")["procedure_key"]
    deliveries = {key.rsplit("-", 1)[0] for key in keys}
    assert deliveries == {"south-1", "north-2", "whole-1", "whole-part-2", "part-whole-2"}


@pytest.mark.parametrize(
    ("model", "key", "kept"),
    [
        ("observation", "observation_key", {"relevant", "not-relevant", "nine"}),
        ("portal_form", "form_key", {"form"}),
        ("worklist_item", "item_key", {"item"}),
        ("message", "message_key", {"completed"}),
        ("care_decision", "decision_key", {"active", "completed", "revoked"}),
        ("immunization", "immunization_key", {"completed"}),
        ("claim", "claim_key", {"active"}),
        ("reservation", "reservation_key", {"active", "inactive"}),
    ],
)
def test_what_is_kept(model: str, key: str, kept: set[str], staged: QuickWarehouse) -> None:
    assert set(staged.table(f"staging.stg_journal__{model}")[key]) == kept


def test_a_function_that_is_not_relevant_has_no_score(staged: QuickWarehouse) -> None:
    found = staged.table("staging.stg_journal__observation")
    values = dict(found.select("observation_key", pl.col("value")).iter_rows())
    assert values == {"relevant": 3.0, "not-relevant": None, "nine": 9.0}
