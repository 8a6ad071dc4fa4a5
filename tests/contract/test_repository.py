"""What the repository promises about itself: imports, locks, links, commands, sizes, silence."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipelines.resources import QUIET, dbt_environment
from pipelines.settings import ROOT, Settings

MIB = 1024 * 1024
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def entries() -> list[str]:
    """Requirements of the lock file, each with its hashes on one line."""
    return [line for line in LOCK.replace("\\\n", " ").splitlines() if line.strip()]


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_imports_run_one_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from importlinter.cli import lint_imports

    monkeypatch.chdir(ROOT)
    assert lint_imports(cache_dir=str(tmp_path)) == 0


def test_every_locked_requirement_has_an_exact_version_and_a_hash() -> None:
    assert len(entries()) > 100
    for entry in entries():
        requirement, *hashes = re.split(r"\s+--hash=", entry)
        parsed = Requirement(requirement.strip())
        assert [one.operator for one in parsed.specifier] == ["=="], entry[:60]
        assert parsed.url is None
        assert hashes, f"{parsed.name} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one.strip()) for one in hashes)


def test_the_lock_names_no_host() -> None:
    assert re.findall(r"https?://|--index|--find-links|--trusted-host|@ |git\+", LOCK) == []


def test_what_the_project_asks_for_is_locked() -> None:
    wanted = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["dev"],
        *PROJECT["build-system"]["requires"],
    ]
    locked: dict[str, str] = {}
    for entry in entries():
        one = Requirement(re.split(r"\s+--hash=", entry)[0].strip())
        locked[canonicalize_name(one.name)] = next(iter(one.specifier)).version
    for text in wanted:
        requirement = Requirement(text)
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in requirements.lock"
        assert requirement.specifier.contains(version), f"{text}: the lock says {version}"


@pytest.mark.parametrize(
    ("switch", "value"),
    [
        ("DAGSTER_DISABLE_TELEMETRY", "1"),
        ("DO_NOT_TRACK", "1"),
        ("DBT_SEND_ANONYMOUS_USAGE_STATS", "false"),
        ("GX_ANALYTICS_ENABLED", "false"),
        ("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false"),
        ("MARIMO_SKIP_UPDATE_CHECK", "1"),
    ],
)
def test_no_tool_calls_home(switch: str, value: str) -> None:
    assert QUIET[switch] == value
    assert dbt_environment(Settings())[switch] == value


@pytest.mark.parametrize(
    ("package", "file", "switch"),
    [
        ("dagster", "_core/telemetry_upload.py", "DAGSTER_DISABLE_TELEMETRY"),
        ("dbt", "cli/flags.py", "DO_NOT_TRACK"),
        ("dbt", "cli/params.py", "DBT_SEND_ANONYMOUS_USAGE_STATS"),
        (
            "great_expectations",
            "data_context/data_context/abstract_data_context.py",
            "GX_ANALYTICS_ENABLED",
        ),
        ("marimo", "_cli/cli.py", "MARIMO_SKIP_UPDATE_CHECK"),
    ],
)
def test_a_switch_is_one_that_the_tool_reads(package: str, file: str, switch: str) -> None:
    """A switch under another name would switch nothing."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.submodule_search_locations
    source = Path(found.submodule_search_locations[0]) / file
    assert switch in source.read_text(encoding="utf-8")
    assert switch in QUIET


def test_no_file_in_git_is_large() -> None:
    large = {
        str(path.relative_to(ROOT)): path.stat().st_size
        for path in tracked()
        if path.is_file() and path.stat().st_size > MIB
    }
    assert large == {}


def test_no_data_and_no_key_is_in_git() -> None:
    zones = ("identified", "restricted", "analysis", "steward", "published", "state")
    names = [path.relative_to(ROOT) for path in tracked()]
    assert [name for name in names if name.parts[0] == "data" and name.parts[1] in zones] == []
    assert [name for name in names if name.suffix in (".duckdb", ".ndjson", ".parquet")] == []
    assert [name for name in names if name.name == "keys.json"] == []


def test_commands_in_the_texts_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(phony.group(1).split()) <= targets
    for page in markdown():
        named = set(re.findall(r"\bmake ([a-z][a-z-]+)\b", code_of(page)))
        assert named <= targets, f"{page.name} names {sorted(named - targets)}"


def test_folkepuls_commands_in_the_texts_exist() -> None:
    import typer

    from pipelines.cli import app

    group = typer.main.get_command(app)
    for page in markdown():
        for words in re.findall(
            r"^\s*(?:\$ )?folkepuls ((?:[a-z][a-z-]* ?)+)", code_of(page), re.MULTILINE
        ):
            command = group
            for word in words.split():
                if not hasattr(command, "commands"):
                    break
                assert word in command.commands, f"{page.name}: folkepuls {words}"
                command = command.commands[word]


def markdown() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md" and path.is_file()]


def code_of(page: Path) -> str:
    """Code in a page: fenced blocks, and what stands between backticks."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return "\n".join([*fenced, *inline])


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as they are made of their words."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", markdown(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def glossary_rows() -> list[list[str]]:
    lines = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in lines
        if line.startswith("|")
    ]


def test_the_glossary_is_well_formed() -> None:
    rows = glossary_rows()
    head = ["bokmål", "nynorsk", "English", "in the code"]
    assert rows[0] == head
    terms = [row for row in rows if row != head and set(row) != {"---"}]
    assert len(terms) > 50
    for row in terms:
        assert len(row) == 4, row
        assert all(row), row
        assert row[3] == "–" or re.fullmatch(r"(`[^`]+`( \([^)]+\))?(, )?)+", row[3]), row
    names = [row[0] for row in terms]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_the_ignored_folders_are_the_zones() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    for zone in ("identified", "restricted", "analysis", "steward", "published", "state"):
        assert f"/data/{zone}/" in ignored
