"""The stewards' page: what each view says, decisions kept and refused, small counts banded."""

from __future__ import annotations

import ast
import json
import re
import sys
from functools import cache
from pathlib import Path
from string import Formatter

import polars as pl
import pytest
import yaml
from babel.messages.pofile import read_po
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest

from dashboards.steward import LOOPBACK, command, language_of, shell_texts
from dashboards.steward_data import RefusedDecisionError, StewardZone, banded, looks_personal
from dashboards.text import LANGUAGES, LOCALE_FOLDER
from dashboards.views import steward_parts
from dashboards.views.steward_checks import blocked_words
from dashboards.views.steward_reasons import REASONS
from pipelines.checks.results import write_results
from tests.support import hostile
from tests.support.steward_zone import CANDIDATE, OLDER, verdict, write_zone

PAGE = str(Path(__file__).resolve().parents[2] / "dashboards" / "steward_page.py")
VIEWS = ("release", "checks", "quarantine", "hidden", "microdata")
HEADERS = {
    "nb": ("Utgivelse", "Kontroller", "Karantene", "Skjulte tall", "Tabeller for analytikere"),
    "nn": ("Utgjeving", "Kontrollar", "Karantene", "Skjulte tal", "Tabellar for analytikarar"),
    "en": ("Release", "Checks", "Quarantine", "Hidden figures", "Tables for analysts"),
}
NUMBER = "13889012345"
NUMBER_WRITTEN = "138890 12345"


@cache
def components() -> BidiComponentManager:
    """What Streamlit finds by reading about every package there is, once and not for every page."""
    manager = BidiComponentManager()
    manager.discover_and_register_components(start_file_watching=False)
    return manager


def page(monkeypatch: pytest.MonkeyPatch, home: Path, **query: str) -> AppTest:
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))
    app = AppTest.from_file(PAGE, default_timeout=60)
    app._bidi_component_manager = components()
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert [error.message for error in app.exception] == []
    return app


def text_of(app: AppTest) -> str:
    """Everything that the page says, markup included."""
    said = [str(getattr(block, "value", "")) for block in app.main]
    for kind in ("html", "markdown", "info", "success", "warning", "error", "header", "caption"):
        said += [str(getattr(block, "value", "")) for block in app.get(kind)]
        said += [str(getattr(getattr(block, "proto", None), "body", "")) for block in app.get(kind)]
    return "\n".join(said)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steward")
    write_zone(folder, blocking=True)
    return folder


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", range(len(VIEWS)))
def test_every_view_in_every_language(
    monkeypatch: pytest.MonkeyPatch, home: Path, language: str, place: int
) -> None:
    app = page(monkeypatch, home, lang=language, view=VIEWS[place])
    assert [header.value for header in app.header] == [HEADERS[language][place]]


@pytest.mark.parametrize("view", VIEWS)
def test_empty_zone_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, view: str
) -> None:
    app = page(monkeypatch, tmp_path, lang="en", view=view)
    said = text_of(app)
    assert "folkepuls run" in said or "No rows are held back." in said


def test_hostile_address_falls_back(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    app = page(monkeypatch, home, lang="<script>", view="../restricted", release="../../x")
    assert [header.value for header in app.header] == ["Utgivelse"]


def test_checks_are_sentences_with_state_and_what_they_block(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    said = text_of(page(monkeypatch, home, lang="nb", view="checks"))
    assert "ingen teller er mellom 1 og terskelen for indikatoren" in said
    assert "Rød – som før" in said
    assert "Rød – ny" in said
    assert "Grønn igjen" in said
    assert "Kunne ikke kjøres" in said
    assert "Stanser: neste utgivelse." in said
    assert "27 av 18\u202f879 rader avviker; ingen tåles." in said


def test_small_counts_are_banded(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    checks = text_of(page(monkeypatch, home, lang="nb", view="checks"))
    assert "&lt;5 av 182\u202f340 rader avviker" in checks
    held = text_of(page(monkeypatch, home, lang="en", view="quarantine"))
    cells = '</td><td class="fp-number">1</td><td class="fp-number">&lt;5</td>'
    assert f"The line is not valid JSON.{cells}" in held
    hidden = text_of(page(monkeypatch, home, lang="en", view="hidden"))
    assert row_of(hidden, "Emergency admissions per 1,000") == [
        ["6%"],
        ["96", "few persons: 92", "small group: &lt;5"],
        ["&lt;5"],
        ["&lt;1%", "12 of 4,800"],
        ["3", "required: 3"],
        ["2 values"],
        ["No: proven"],
    ]


def row_of(said: str, name: str) -> list[list[str]]:
    """Lines of each cell of the first row with this heading."""
    row = re.search(rf'<th scope="row"[^>]*>{re.escape(name)}</th>(.*?)</tr>', said)
    assert row is not None
    return [re.findall(r">([^<>]+)<", f">{cell}<") for cell in row.group(1).split("</td>")[:-1]]


def order_of(said: str) -> list[str]:
    """Row headings of the first table."""
    return re.findall(r'<th scope="row"[^>]*>([^<]+)', said.split("</table>")[0])


def test_indicators_are_sorted_as_the_address_asks(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    by_share = text_of(page(monkeypatch, home, lang="en", view="hidden"))
    assert order_of(by_share)[-1] == "Emergency admissions per 1,000"
    assert 'aria-sort="descending">Share hidden' in by_share
    by_width = text_of(page(monkeypatch, home, lang="en", view="hidden", sort="narrowest"))
    assert order_of(by_width)[0] == "Emergency admissions per 1,000"
    assert 'aria-sort="ascending">Narrowest interval' in by_width


def test_one_indicator_is_told_year_by_year_and_by_reason(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    said = text_of(
        page(monkeypatch, home, lang="en", view="hidden", indicator="home_nursing_users_per_1000")
    )
    assert row_of(said, "2025") == [
        ["1,270"],
        ["127", "few persons: 123", "small group: &lt;5"],
        ["43"],
        ["2%", "102 of 4,800"],
        ["4", "required: 3"],
        ["2 values"],
        [
            "Perhaps: too large to be settled exactly",
            "2 of 3 parts proven, largest: 1,242 cells",
        ],
    ]
    assert row_of(said, "Unsafe by themselves: small group") == [["&lt;5"]]
    assert row_of(said, "Not in use yet") == [["310"]]
    assert "Policy: standard." in said


def test_a_release_from_before_rules_and_widths_were_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    steward = write_zone(tmp_path)
    path = steward / "disclosure" / f"{CANDIDATE}.parquet"
    pl.read_parquet(path).drop("rule").write_parquet(path)
    (steward / "protection" / f"{CANDIDATE}.parquet").unlink()
    said = text_of(page(monkeypatch, tmp_path, lang="en", view="hidden"))
    assert row_of(said, "emergency_admissions_per_1000") == [
        ["6%"],
        ["96"],
        ["&lt;5"],
        *[["–"]] * 4,
    ]


def test_checks_of_one_table_that_could_not_be_run_share_a_card(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    steward = write_zone(tmp_path)
    sentences = [("Én", "Éin", "One expectation"), ("To", "To", "Another expectation")]
    broken = [
        verdict(
            "publication.release", f"release.{place}", texts, n=-1, unexpected=-1, status="error"
        )
        for place, texts in enumerate(sentences)
    ]
    whole = verdict("publication.areas", "areas.columns", ("a", "b", "c"), n=1, unexpected=1)
    write_results(steward, "run-0003", [*broken, whole], "2026-02-01")
    said = text_of(page(monkeypatch, tmp_path, lang="en", view="checks"))
    assert "2 checks of release could not be run." in said
    assert "<li>One expectation</li><li>Another expectation</li>" in said
    assert "Not as agreed." in said
    assert "of 1 rows" not in said


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, "<5"), (4, "<5"), (5, 5), (900, 900)])
def test_bands(count: int, shown: str | int) -> None:
    assert banded(count) == shown


def test_new_fields_are_named_with_the_deliveries_they_came_in(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    (row,) = StewardZone.of(home).new_fields().to_dicts()
    assert row == {
        "source": "synthetic",
        "entity": "Procedure",
        "field": "bodySite",
        "deliveries": 1,
    }
    assert "bodySite" in text_of(page(monkeypatch, home, lang="en", view="quarantine"))


def test_quarantine_is_counted_by_delivery_entity_and_reason(home: Path) -> None:
    rows = StewardZone.of(home).quarantine()
    found = rows.filter(pl.col("reason") == "code_not_allowed").row(0, named=True)
    assert (found["delivery"], found["entity"], found["rows"], found["files"]) == (
        "kommuner-2024",
        "EpisodeOfCare",
        48,
        2,
    )


def test_primary_and_secondary_are_told_apart(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    said = text_of(page(monkeypatch, home, lang="en", view="hidden"))
    assert "Unsafe by themselves" in said
    assert "To protect others" in said
    assert "Readers of a release are never told which it is." in said


def test_tables_for_analysts_are_told_with_risk_bias_and_terms(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    said = text_of(page(monkeypatch, home, lang="en", view="microdata"))
    row = re.search(r"Chronic conditions</th>(.*?)</tr>", said)
    assert row is not None
    assert re.findall(r">([^<>]+)</td>", row.group(1)) == [
        "10,017", "&lt;5", "194", "5", "18.2%", "20.0%", "1.9%", "6", "16.7%"
    ]  # fmt: skip
    assert "Has diabetes</th>" in said
    bias = re.search(r"Type 2 diabetes</th>(.*?)</tr>", said)
    assert bias is not None
    assert re.findall(r">([^<>]+)</td>", bias.group(1)) == [
        "Chronic conditions",
        "−1.1%",
        "44.3%",
        "474.0%",
    ]
    assert "personal data in law" in said
    assert "Contacts was not made" in said
    assert "Chronic conditions lacks the years 2022" in said
    assert "Analysts are told this in bands only." in said
    assert "planning and steering" in said
    nynorsk = text_of(page(monkeypatch, home, lang="nn", view="microdata"))
    assert "Kroniske tilstandar" in nynorsk
    assert "Har diabetes</th>" in nynorsk


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


def test_the_page_opens_no_other_zone(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    opened: list[str] = []
    watching = [True]

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event in ("open", "os.listdir", "os.scandir"):
            opened.append(str(arguments[0]))

    sys.addaudithook(note)  # There is no way to take it off again: it is told to rest.
    for view in VIEWS:
        page(monkeypatch, home, lang="nn", view=view)
    watching.clear()
    inside = [path for path in opened if path.startswith(str(home))]
    assert inside
    assert all(path.startswith(str(home / "steward")) for path in inside)
    source = "\n".join(
        path.read_text()
        for folder in ("dashboards", "dashboards/views")
        for path in Path(PAGE).parents[1].joinpath(folder).glob("steward*.py")
    )
    assert "current_release" not in source
    assert "import pipelines" not in source
    assert "anonymization" not in source


def test_process_listens_on_loopback_only() -> None:
    arguments = command(8600)
    assert f"--server.address={LOOPBACK}" in arguments
    assert LOOPBACK == "127.0.0.1"
    assert "--browser.gatherUsageStats=false" in arguments
    assert language_of({"lang": "nn"}) == "nn"
    assert language_of({"lang": "fr"}) == "nb"
    assert shell_texts("nb")[0] == "Folkepuls for forvaltere"


def test_everything_that_a_check_may_block_has_words() -> None:
    from dashboards.text import translator
    from pipelines.checks import journal, published

    words = blocked_words(translator("en", "steward"))
    assert {*journal.BLOCKS, *published.BLOCKS} <= set(words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_reasons_read_as_in_the_catalogue(language: str) -> None:
    from dashboards.text import translator
    from dashboards.views.steward_quarantine import reason_in_words

    path = Path(PAGE).parents[1] / "pipelines" / "catalogue" / "quarantine_reasons.yml"
    catalogue = yaml.safe_load(path.read_text(encoding="utf-8"))
    tr = translator(language, "steward")
    words = {reason: reason_in_words(tr, reason) for reason in catalogue}
    assert words == {reason: texts[language] for reason, texts in catalogue.items()}
    assert set(REASONS) == set(catalogue)
    assert reason_in_words(tr, "unheard_of") == "unheard_of"


@pytest.mark.parametrize("language", ["nb", "nn"])
def test_every_message_is_translated_and_none_is_left_over(language: str) -> None:
    with (LOCALE_FOLDER / language / "LC_MESSAGES" / "steward.po").open("rb") as source:
        catalogue = read_po(source, locale=language, abort_invalid=True)
    translated = {message.id: message.string for message in catalogue if message.id}
    assert set(translated) == used_messages()
    for message, text in translated.items():
        assert text, message
        fields = [{f for _, f, _, _ in Formatter().parse(t) if f} for t in (message, text)]
        assert fields[0] == fields[1], message


def used_messages() -> set[str]:
    root = Path(PAGE).parent
    files = [*root.glob("steward*.py"), *(root / "views").glob("steward_*.py")]
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and is_translator(node.func):
                message = node.args[0]
                if isinstance(message, ast.Name):
                    continue  # marked for translation where it is written
                assert isinstance(message, ast.Constant), f"{file.name}: not a plain text"
                found.add(str(message.value))
    return found


def is_translator(function: ast.expr) -> bool:
    named = isinstance(function, ast.Name) and function.id in ("tr", "_")
    return named or (isinstance(function, ast.Attribute) and function.attr == "translate")
