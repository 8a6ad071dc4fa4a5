"""The generated reference pages: indicators, policies, tables and commands, as they are declared.

Belongs here: turning declarations into Markdown. Does not belong here: anything a person writes;
a page made here is made again, never edited.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import typer
import yaml
from typer.cli import get_docs_for_click

import anonymization
from pipelines import epidemiology
from pipelines.catalogue.entities import restricted_tables
from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.catalogue.model import LANGUAGES, Indicator
from pipelines.checks.contracts import published_contracts
from pipelines.ingest.views import standard
from pipelines.reference_library import library_page
from pipelines.resources import DBT_FOLDER
from pipelines.settings import atomic_write
from pipelines.synthetic import region_page

MADE = "<!-- Made by `folkepuls docs build` from the catalogue; do not edit. -->\n"
LIBRARY = "<!-- Made by `folkepuls docs build` from the docstrings; do not edit. -->\n"


def write_reference(folder: Path, app: typer.Typer) -> list[Path]:
    """Write all generated pages.

    Args:
        folder: Where to; made when missing.
        app: The commands.

    Returns:
        The pages written.
    """
    written = []
    # Unlike data, documentation is for everyone to read.
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(catalogue(), app).items():
        with atomic_write(folder / name) as path:
            path.write_text(text, encoding="utf-8")
        (folder / name).chmod(0o644)
        written.append(folder / name)
    return written


def pages(entries: Catalogue, app: typer.Typer) -> Mapping[str, str]:
    """Every generated page by file name.

    Args:
        entries: The loaded catalogue.
        app: The commands.
    """
    return {
        "anonymization.md": f"{LIBRARY}\n{library_page(anonymization)}",
        "commands.md": _commands(app),
        "epidemiology.md": f"{LIBRARY}\n{library_page(epidemiology)}",
        "indicators.md": _indicators(entries),
        "policies.md": _policies(entries),
        "published-tables.md": _published(),
        "restricted-tables.md": _restricted(),
        "models.md": _models(DBT_FOLDER / "models"),
        "synthetic-region.md": region_page(),
        "viewdefinitions.md": f"{MADE}\n{standard.page()}",
    }


def _commands(app: typer.Typer) -> str:
    command = typer.main.get_command(app)
    told = get_docs_for_click(obj=command, ctx=typer.Context(command), name="folkepuls")
    # Ways to be completed by a shell are the same for every command there is.
    lines = [line for line in told.splitlines() if "-completion`" not in line]
    return MADE + "\n".join(lines).rstrip() + "\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(value: object) -> str:
    return " ".join(str("" if value is None else value).split()).replace("|", "\\|")


def _indicators(entries: Catalogue) -> str:
    parts = [MADE, "# Indicators\n"]
    parts.append(
        _table(
            ("#", "id", "nb", "nn", "en"),
            (
                (e.number, f"[{e.id}](#{e.id})", *(e.texts[lang].title for lang in LANGUAGES))
                for e in entries.indicators.values()
            ),
        )
    )
    parts += [_indicator(entry, entries) for entry in entries.indicators.values()]
    return "\n".join(parts)


def _indicator(entry: Indicator, entries: Catalogue) -> str:
    text = entry.texts["en"]
    ages = f"{entry.ages.min}+" if entry.ages.max is None else f"{entry.ages.min}-{entry.ages.max}"
    codes = "; ".join(
        f"{name}: {', '.join(f'{c.system} {c.prefix}' for c in codes)}"
        for name, codes in entry.code_sets.items()
    )
    rows = [
        ("version", entry.version),
        ("numerator", f"{text.numerator} (`{entry.numerator.measure}`)"),
        ("denominator", f"{text.denominator} (`{entry.denominator.measure}`)"),
        ("unit", text.unit),
        ("ages", ages),
        (
            "age groups",
            ", ".join(label for _, _, label in entry.age_bands()) if entry.age_groups else "none",
        ),
        ("values", ", ".join(entry.value_kinds)),
        (
            "coverage",
            f"{entry.coverage.service}; flagged below {entry.coverage.full:.0%}, "
            f"not shown below {entry.coverage.flagged:.0%}",
        ),
        ("parameters", ", ".join(f"{k} = {v}" for k, v in entry.parameters.items()) or "none"),
        ("codes", codes or "none"),
        ("policy", f"[{entry.policy}](policies.md#{entry.policy})"),
        ("statutory heading", entry.statutory_heading),
        ("comparable to", "; ".join(entry.comparable_to) or "none known"),
    ]
    caveats = "\n".join(f"- {caveat.text}" for caveat in text.caveats)
    return (
        f"## {entry.id}\n\n**{text.title}.** {text.definition}\n\n{text.why}\n\n"
        f"{_table(('what', 'how'), rows)}\nCaveats:\n\n{caveats}\n"
    )


def _policies(entries: Catalogue) -> str:
    parts = [MADE, "# Disclosure policies\n"]
    for policy in entries.policies.values():
        rules = _table(("rule", "value"), ((name, _rule(v)) for name, v in policy.rules.items()))
        texts = "\n\n".join(f"*{lang}*: {policy.texts[lang].rule}" for lang in LANGUAGES)
        parts.append(
            f"## {policy.id}\n\nVersion {policy.version} of {policy.date}, {policy.kind}; owner: "
            f"{policy.owner}.\n\n{policy.reason}\n\n{rules}\n{texts}\n"
        )
    return "\n".join(parts)


def _rule(value: object) -> object:
    """A rule as one reads it: what is nested becomes ``key: value``, what is listed has commas."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_rule(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return "; ".join(_named(one) if isinstance(one, Mapping) else str(one) for one in value)
    return value


def _named(entry: Mapping[str, object]) -> str:
    rest = {key: value for key, value in entry.items() if key != "name"}
    return f"`{entry['name']}`" + (f" ({_rule(rest)})" if rest else "")


def _published() -> str:
    parts = [
        MADE,
        "# Published tables\n",
        "What every release holds, as Parquet and in "
        "`indicators.duckdb`. `value` is null unless `value_status` is `ok`.\n",
    ]
    for name, contract in published_contracts().items():
        rows = (
            (
                f"`{column}`",
                spec.type,
                "yes" if spec.nullable else "no",
                ", ".join(map(str, spec.codes or ())),
            )
            for column, spec in contract.columns.items()
        )
        key = ", ".join(f"`{column}`" for column in contract.key)
        table = _table(("column", "type", "null", "values"), rows)
        parts.append(f"## {name}\n\nKey: {key}\n\n{table}")
    return "\n".join(parts)


def _restricted() -> str:
    parts = [
        MADE,
        "# Restricted tables\n",
        "What leaves the journal, and what the pseudonym "
        "door does with each column. Whatever is not named here is dropped.\n",
    ]
    for name, table in restricted_tables().items():
        rows = (
            (
                f"`{column.name}`",
                column.type,
                column.door,
                "dropped for graded addresses" if column.reveals_location else "",
                column.texts["en"],
            )
            for column in table.columns
        )
        parts.append(
            f"## {name}\n\n{table.grain['en']}\n\n"
            f"{_table(('column', 'type', 'door', 'place', 'what'), rows)}"
        )
    return "\n".join(parts)


def _models(folder: Path) -> str:
    parts = [MADE, "# dbt models\n"]
    for layer in ("staging", "intermediate", "marts"):
        parts.append(f"## {layer}\n")
        rows = []
        for path in sorted((folder / layer).rglob("*.yml")):
            for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", ()):
                rows.append(
                    (f"`{model['name']}`", model["config"]["meta"]["grain"], model["description"])
                )
        parts.append(_table(("model", "grain", "what"), rows))
    return "\n".join(parts)
