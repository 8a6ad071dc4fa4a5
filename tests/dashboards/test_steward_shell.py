"""Around the stewards' page: its zone, its process, its words in every language."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from string import Formatter

import pytest
import yaml
from babel.messages.pofile import read_po

from dashboards.steward import LOOPBACK, command, language_of, shell_texts
from dashboards.text import LANGUAGES, LOCALE_FOLDER
from dashboards.views.steward_checks import blocked_words
from dashboards.views.steward_reasons import REASONS
from tests.support.steward_page import PAGE, VIEWS, page
from tests.support.steward_zone import write_zone


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steward")
    write_zone(folder, blocking=True)
    return folder


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
