"""A believable steward zone, written where a test or a screenshot wants it.

Belongs here: verdicts, quarantine counts, disclosure counts and release records of two runs.
Does not belong here: any figure that is meant as true. Deterministic.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from pipelines.checks.model import CheckResult
from pipelines.checks.results import write_results

CANDIDATE = "r-2025-12-31-8c21d4aa"
OLDER = "r-2024-12-31-11f09b3e"
EARLIER = "2025-12-05T03:00:00+00:00"
LATEST = "2026-01-05T03:00:00+00:00"
BLOCKING = "publication.indicator_values.indicator_values.rule_small_numerator"
INDICATORS = (
    "emergency_admissions_per_1000",
    "home_nursing_users_per_1000",
    "diabetes_type2_prevalence",
    "portal_active_users_share",
)


def write_zone(home: Path, *, blocking: bool = False, candidate: bool = True) -> Path:
    """Write ``steward/`` under a data folder.

    Args:
        home: The data folder.
        blocking: Whether a red check stands against the candidate.
        candidate: Whether a release waits for a decision.

    Returns:
        The steward zone.
    """
    steward = home / "steward"
    (steward / "inbox").mkdir(parents=True)
    write_results(steward, "run-0001", _verdicts(before=True, blocking=blocking), EARLIER)
    write_results(steward, "run-0002", _verdicts(before=False, blocking=blocking), LATEST)
    _quarantine(steward)
    _new_fields(steward)
    _disclosure(steward)
    _protection(steward)
    _microdata(steward)
    _releases(steward, blocking=blocking, candidate=candidate)
    return steward


def verdict(
    suite: str,
    check_id: str,
    sentence: tuple[str, str, str],
    *,
    n: int = 1000,
    unexpected: int = 0,
    status: str | None = None,
    **facts: object,
) -> CheckResult:
    """One verdict; its status follows from the counts unless it is given."""
    stage, table = suite.split(".")[:2]
    return CheckResult.model_validate(
        {
            "suite": suite,
            "check_id": check_id,
            "stage": stage,
            "table_name": table,
            "column_name": check_id.split(".")[1],
            "kahn_category": "conformance",
            "severity": "error",
            "n": n,
            "unexpected_n": unexpected,
            "threshold": 0.0,
            "status": status or ("fail" if unexpected else "pass"),
            "blocks": "release" if stage == "publication" else "marts,analysis,release",
            "text_nb": sentence[0],
            "text_nn": sentence[1],
            "text_en": sentence[2],
            **facts,
        }
    )


def _verdicts(*, before: bool, blocking: bool) -> list[CheckResult]:
    stays, values = "restricted.encounter", "publication.indicator_values"
    return [
        verdict(
            stays,
            "encounter.ended_on.order",
            (
                "Sykehusopphold: «ended_on» kommer aldri før datoen den følger etter.",
                "Sjukehusopphald: «ended_on» kjem aldri før datoen han følgjer etter.",
                "Hospital stays: “ended_on” never comes before the date it follows.",
            ),
            n=182_340,
            unexpected=0 if before else 3,
            severity="warn",
            status="pass" if before else "fail",
        ),
        verdict(
            stays,
            "encounter.priority_code.codes",
            (
                "Sykehusopphold: «priority_code» har bare koder fra kodelisten.",
                "Sjukehusopphald: «priority_code» har berre kodar frå kodelista.",
                "Hospital stays: “priority_code” holds only codes from the code list.",
            ),
            n=182_340,
            unexpected=412,
            threshold=0.01,
            status="pass",
        ),
        verdict(
            stays,
            "encounter.key",
            (
                "Sykehusopphold: ingen to rader har samme nøkkel.",
                "Sjukehusopphald: ingen to rader har same nøkkel.",
                "Hospital stays: no two rows share a key.",
            ),
            n=182_340,
            unexpected=14 if before else 0,
        ),
        verdict(
            "restricted.prescription",
            "prescription.atc_code.pattern",
            (
                "Resepter: «atc_code» er skrevet på den avtalte formen.",
                "Reseptar: «atc_code» er skriven på den avtalte forma.",
                "Prescriptions: “atc_code” is written in the agreed form.",
            ),
            n=-1 if blocking else 640_112,
            unexpected=-1 if blocking else 0,
            status="error" if blocking else "pass",
        ),
        verdict(
            values,
            "indicator_values.rule_small_numerator",
            (
                "Indikatorverdier: ingen teller er mellom 1 og terskelen for indikatoren.",
                "Indikatorverdiar: ingen teljar er mellom 1 og terskelen for indikatoren.",
                "Indicator values: no numerator lies between 1 and the threshold.",
            ),
            n=18_879,
            unexpected=27 if blocking else 0,
        ),
        verdict(
            values,
            "indicator_values.key",
            (
                "Indikatorverdier: ingen to rader har samme nøkkel.",
                "Indikatorverdiar: ingen to rader har same nøkkel.",
                "Indicator values: no two rows share a key.",
            ),
            n=18_879,
        ),
    ]


def _new_fields(steward: Path) -> None:
    folder = steward / "new_fields"
    folder.mkdir()
    row = ("synthetic", "kommuner-2024", "Procedure", "Procedure-0001.ndjson.gz", "bodySite")
    names = ["source", "delivery", "entity", "file", "field"]
    pl.DataFrame([row], schema=names, orient="row").write_parquet(
        folder / "synthetic__kommuner-2024.parquet"
    )


def _quarantine(steward: Path) -> None:
    folder = steward / "quarantine"
    folder.mkdir()
    for delivery, rows in {
        "kommuner-2024": [
            ("EpisodeOfCare", "EpisodeOfCare-0001.ndjson.gz", "broken_json", 2),
            ("EpisodeOfCare", "EpisodeOfCare-0001.ndjson.gz", "code_not_allowed", 37),
            ("EpisodeOfCare", "EpisodeOfCare-0002.ndjson.gz", "code_not_allowed", 11),
        ],
        "sykehus-2025": [("Encounter", "Encounter-0001.ndjson.gz", "invalid_date", 128)],
    }.items():
        pl.DataFrame(
            [
                {
                    "source": "synthetic",
                    "delivery": delivery,
                    "entity": entity,
                    "file": file,
                    "reason": reason,
                    "rows": count,
                }
                for entity, file, reason, count in rows
            ]
        ).write_parquet(folder / f"synthetic__{delivery}.parquet")


def _disclosure(steward: Path) -> None:
    folder = steward / "disclosure"
    folder.mkdir()
    rows = []
    for place, indicator in enumerate(INDICATORS):
        for status, reason, rule, cells in (
            ("ok", "none", None, 1480 - 210 * place),
            ("suppressed", "primary", "persons", 92 + 31 * place),
            ("suppressed", "primary", "denominator", 4),
            ("suppressed", "secondary", None, 3 + 40 * place),
            ("not_covered", "municipality_not_live", None, 310),
        ):
            rows.append(
                {
                    "release_id": CANDIDATE,
                    "indicator_id": indicator,
                    "period": "2025",
                    "area_level": "municipality",
                    "status": status,
                    "reason": reason,
                    "rule": rule,
                    "cells": cells,
                }
            )
    pl.DataFrame(rows).write_parquet(folder / f"{CANDIDATE}.parquet")


def _protection(steward: Path) -> None:
    folder = steward / "protection"
    folder.mkdir()
    titles = {
        "nb": "Akutte innleggelser per 1 000",
        "nn": "Akutte innleggingar per 1 000",
        "en": "Emergency admissions per 1,000",
    }
    rows = []
    for place, indicator in enumerate(INDICATORS):
        proven = place % 2 == 0
        rows.append(
            {
                "indicator_id": indicator,
                **{f"title_{code}": text for code, text in titles.items()},
                "policy_id": "standard",
                "period": "2025",
                "cost": 12.0 + 90.0 * place,
                "worth": 4_800.0,
                "attacked": 99 + 71 * place,
                "narrowest": 3.0 + place,
                "width_required": 3.0,
                "second_attacked": 61,
                "second_values": 2,
                "blocks": 3,
                "proven": 3 if proven else 2,
                "reason": None if proven else "too_large",
                "block_cells": None if proven else 1_242,
                "gap": None,
            }
        )
        titles = {code: indicator for code in titles}
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / f"{CANDIDATE}.parquet")


def _microdata(steward: Path) -> None:
    (steward / "microdata").mkdir()
    told = {
        "table": "chronic_conditions",
        "titles": {
            "nb": "Kroniske tilstander",
            "nn": "Kroniske tilstandar",
            "en": "Chronic conditions",
        },
        "attribute_titles": {
            "diabetes": {"nb": "Har diabetes", "nn": "Har diabetes", "en": "Has diabetes"}
        },
        "made": True,
        "years_left_out": [2022],
        "recipient": "analysts",
        "terms": {
            "agreement": dict.fromkeys(("nb", "nn", "en"), "none with others; local use"),
            "purpose": dict.fromkeys(("nb", "nn", "en"), "planning and steering"),
        },
        "suppressed": 3,
        "loss": 0.181919,
        "risk": {
            "records": 10_017,
            "classes": 194,
            "k": 5,
            "prosecutor_max": 0.2,
            "marketer": 0.019367,
            "sensitive": {"diabetes": {"distinct": 2, "t": 0.296}},
        },
        "population": {"k_map": 6, "journalist_max": 1 / 6},
        "bias": [
            {
                "indicator_id": "diabetes_type2_prevalence",
                "titles": {
                    "nb": "Diabetes type 2",
                    "nn": "Diabetes type 2",
                    "en": "Type 2 diabetes",
                },
                "region": -0.0106,
                "typical": 0.442841,
                "worst": 4.739694,
            }
        ],
    }
    absent = {"titles": {"nb": "Kontakter", "nn": "Kontaktar", "en": "Contacts"}, "made": False}
    for name, content in (("chronic_conditions", told), ("contacts", absent)):
        (steward / "microdata" / f"{name}.json").write_text(json.dumps(content))


def _releases(steward: Path, *, blocking: bool, candidate: bool) -> None:
    folder = steward / "releases"
    folder.mkdir()
    audit = {
        "hidden": 1086,
        "narrowest": 4.0,
        "width_required": 3.0,
        "ok": True,
        "determined": 0,
    }
    records = [
        {
            "release_id": CANDIDATE,
            "state": "candidate" if candidate else "published",
            "built": LATEST,
            "cells_by_status": {
                "ok": 11_640,
                "suppressed": 1086,
                "not_covered": 1240,
                "unreliable": 94,
            },
            "audit": audit,
            "blocking_checks": [BLOCKING] if blocking else [],
            "utility_loss": [{"indicator_id": name, "band": "1-5 %"} for name in INDICATORS],
        },
        {
            "release_id": OLDER,
            "state": "published",
            "built": "2025-01-05T03:00:00+00:00",
            "cells_by_status": {"ok": 9000},
            "audit": audit,
            "blocking_checks": [],
            "utility_loss": [],
        },
    ]
    for record in records:
        path = folder / f"{record['release_id']}.json"
        path.write_text(json.dumps(record), encoding="utf-8")
