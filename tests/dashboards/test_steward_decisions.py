"""Decisions on the stewards' page: kept, refused, and text whatever they hold."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards.steward_data import RefusedDecisionError, StewardZone, looks_personal
from dashboards.views import steward_parts
from tests.support import hostile
from tests.support.steward_page import page, text_of
from tests.support.steward_zone import CANDIDATE, OLDER, write_zone

NUMBER = "13889012345"


NUMBER_WRITTEN = "138890 12345"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steward")
    write_zone(folder, blocking=True)
    return folder


def fill(app: AppTest, decision: str | None, name: str, reason: str) -> AppTest:
    if decision is not None:
        app.radio[0].set_value(decision)
    app.text_input[0].set_value(name)
    app.text_area[0].set_value(reason)
    app.button[0].click().run()
    assert [error.message for error in app.exception] == []
    return app


def test_approval_is_left_for_the_pipeline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    steward = write_zone(tmp_path)
    app = page(monkeypatch, tmp_path, lang="en")
    fill(app, "approve", " Kari *Nordmann* ", "Figures agree with last year's.")
    left = steward / "inbox" / f"{CANDIDATE}.json"
    assert json.loads(left.read_text()) == {
        "release_id": CANDIDATE,
        "decision": "approve",
        "name": "Kari *Nordmann*",
        "reason": "Figures agree with last year's.",
    }
    assert left.stat().st_mode & 0o777 == 0o600
    assert [block.value for block in app.success] == [
        "Approved by Kari \\*Nordmann\\*. It takes effect at the next run."
    ]
    assert len(app.radio) == 0, "a decision is made once"


def test_rejection_of_a_blocked_candidate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    steward = write_zone(tmp_path, blocking=True)
    app = page(monkeypatch, tmp_path, lang="en")
    assert app.radio[0].options == ["Reject"]
    fill(app, "reject", "Kari Nordmann", "Small numerators are shown.")
    left = json.loads((steward / "inbox" / f"{CANDIDATE}.json").read_text())
    assert left["decision"] == "reject"
    assert "Rejected by Kari Nordmann" in app.warning[0].value


@pytest.mark.parametrize(
    ("decision", "name", "reason", "said"),
    [
        (None, "Kari", "Looks right to me.", "Choose approve or reject."),
        ("approve", " ", "Looks right to me.", "a decision is signed"),
        ("approve", "Kari", "ok", "at least ten characters"),
        ("approve", "Kari", f"Checked against {NUMBER}.", "national identity number"),
        ("approve", "Kari", f"Checked against {NUMBER_WRITTEN}.", "national identity number"),
        ("approve", NUMBER, "Looks right to me.", "national identity number"),
        ("approve", "Kari", "Ask kari@example.org about it.", "national identity number"),
        ("approve", "K" * 81, "Looks right to me.", "too long"),
        ("approve", "Kari", "x" * 1001, "too long"),
    ],
)
def test_a_poor_decision_is_refused_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    decision: str | None,
    name: str,
    reason: str,
    said: str,
) -> None:
    steward = write_zone(tmp_path)
    app = fill(page(monkeypatch, tmp_path, lang="en"), decision, name, reason)
    assert said in app.error[0].value
    assert NUMBER not in app.error[0].value
    assert list((steward / "inbox").iterdir()) == []


@pytest.mark.parametrize(
    ("release_id", "decision", "code"),
    [
        (OLDER, "approve", "not_a_candidate"),
        ("never-built", "approve", "not_a_candidate"),
        ("../../published/x", "approve", "not_a_candidate"),
        (CANDIDATE, "publish", "unknown_decision"),
        (CANDIDATE, "approve", "blocked"),
    ],
)
def test_the_zone_refuses_by_itself(home: Path, release_id: str, decision: str, code: str) -> None:
    zone = StewardZone.of(home)
    with pytest.raises(RefusedDecisionError) as refused:
        zone.decide(release_id, decision, "Kari Nordmann", "Looks right to me.")  # type: ignore[arg-type]
    assert refused.value.code == code
    assert list((home / "steward" / "inbox").iterdir()) == []


def test_a_failed_audit_cannot_be_approved(tmp_path: Path) -> None:
    steward = write_zone(tmp_path)
    path = steward / "releases" / f"{CANDIDATE}.json"
    for audit in ({"ok": False}, {}, {"ok": "yes"}):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"audit": audit}))
        with pytest.raises(RefusedDecisionError, match="blocked"):
            StewardZone.of(tmp_path).decide(CANDIDATE, "approve", "Kari", "Looks right to me.")


@pytest.mark.parametrize(
    ("text", "personal"),
    [
        ("13889012345", True),
        ("138890 12345", True),
        ("13 88 90 123 45", True),
        ("13.88.90-12345", True),
        ("See 1388901234 (ten digits)", False),
        ("Rows 18 879 of 2025-12-31", False),
        ("ola@example.org", True),
        ("@steward", False),
    ],
)
def test_what_looks_personal(text: str, personal: bool) -> None:
    assert looks_personal(text) is personal


def test_what_files_hold_is_text_never_markup_nor_a_formula(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_zone(tmp_path)
    folder = tmp_path / "steward" / "quarantine"
    rows = pl.DataFrame({"source": hostile.NAMES}).with_columns(
        delivery="source", entity="source", file=pl.lit("f"), reason="source", rows=pl.lit(7)
    )
    rows.write_parquet(folder / "x.parquet")
    read = hostile.Markup(text_of(page(monkeypatch, tmp_path, lang="en", view="quarantine")))
    assert any("window.ran=1" in cell for cell in read.cells)
    assert read.running == []
    assert not {"script", "img", "iframe", "svg", "math"} & set(read.tags)
    assert hostile.live_copies(read.cells) == []

    monkeypatch.setattr(steward_parts, "escape", lambda text, quote=True: text)
    broken = hostile.Markup(text_of(page(monkeypatch, tmp_path, lang="en", view="quarantine")))
    assert broken.running


@pytest.mark.parametrize("said", hostile.MARKUP[:8])
def test_a_decision_left_by_hand_is_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str
) -> None:
    write_zone(tmp_path)
    left = tmp_path / "steward" / "inbox" / f"{CANDIDATE}.json"
    left.parent.mkdir(exist_ok=True)
    left.write_text(json.dumps({"decision": "approve", "name": said, "reason": said}))
    app = page(monkeypatch, tmp_path, lang="en", view="release")
    assert [block.value for block in app.success]
    assert not any(re.search(r"(?<!\\)[<\[]", block.value) for block in app.success)
