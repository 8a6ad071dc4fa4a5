"""The dbt models as SQL: compiled once in a session, run in DuckDB without dbt.

Belongs here: compiling them, and making tables of what they select as dbt does. Does not belong
here: what must come of it; whether dbt comes to the same is for ``tests/faults/test_journal_life``
to say.
"""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from pipelines.resources import DBT_FOLDER, dbt_environment, environment, prepared_dbt_project
from pipelines.settings import Settings
from tests.support.library_warnings import LIBRARY_WARNINGS
from tests.support.warehouse import Warehouse

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

COMPILE = ("--quiet", "compile", "--no-introspect", "--no-populate-cache")


@dataclass(frozen=True, repr=False)
class Dbt:
    """The parsed project: its manifest, and its models with compiled SQL by name.

    Attributes:
        settings: Of the home that it was compiled for. Several processes read it: write elsewhere.
        manifest: What dbt knows of the project.
        models: The models of the manifest by name.
    """

    settings: Settings
    manifest: dict[str, Any]
    models: dict[str, dict[str, Any]]

    def sql(self, name: str, home: Path) -> str:
        """What a model selects in some home."""
        return _moved(str(self.models[name]["compiled_code"]), self.settings.home, home)

    def lent_to(self, home: Path) -> Manifest:
        """The parsed project for another home: parsing it anew would take seven seconds."""
        from dbt.contracts.graph.manifest import Manifest

        folder = self.settings.zones.state / "dbt" / "target"
        manifest = Manifest.from_msgpack((folder / "partial_parse.msgpack").read_bytes())
        for source in manifest.sources.values():
            for meta in (source.meta, source.source_meta, source.config.meta):
                meta.update(
                    {key: _moved(text, self.settings.home, home) for key, text in meta.items()}
                )
        manifest.build_flat_graph()
        return manifest

    def in_order(self, names: Collection[str]) -> Iterator[str]:
        """Models, each after those that it reads."""
        waiting = set(names)
        while waiting:
            ready = sorted(name for name in waiting if not upstream(self.models[name]) & waiting)
            assert ready, f"models wait for each other: {sorted(waiting)}"
            yield from ready
            waiting.difference_update(ready)

    def needed(self, *names: str, empty: Collection[str] = ()) -> set[str]:
        """Models, and all that they are made of; of those that are left empty nothing is."""
        above = {one for name in names if name not in empty for one in upstream(self.models[name])}
        return {*names} | (self.needed(*above, empty=empty) if above else set())

    def selected(self, *chosen: str) -> set[str]:
        """Names of models: those named, and all of a layer that is named, such as ``staging``."""
        known = {layer(model) for model in self.models.values()} | set(self.models)
        assert set(chosen) <= known, f"neither model nor layer: {sorted(set(chosen) - known)}"
        return {
            name for name, model in self.models.items() if name in chosen or layer(model) in chosen
        }


def _moved(text: str, before: Path, now: Path) -> str:
    return text.replace(str(before), str(now))


def layer(model: dict[str, Any]) -> str:
    """The folder that a model lies in, below ``models``."""
    return str(model["fqn"][1])


def upstream(model: dict[str, Any]) -> set[str]:
    """Names of the models that a model reads."""
    nodes = model["depends_on"]["nodes"]
    return {node.rsplit(".", 1)[1] for node in nodes if node.startswith("model.")}


def compile_models(home: Path) -> None:
    """Parse the project and compile all models for a home; a failure shows what dbt said.

    Raises:
        RuntimeError: dbt could not.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    settings = Settings(home=home)
    said = io.StringIO()
    with warnings.catch_warnings():
        # Whichever test asks first: these are not about it.
        for text in LIBRARY_WARNINGS:
            warnings.filterwarnings("ignore", text.split(":")[1], DeprecationWarning)
        prepared_dbt_project(settings)
    arguments = [*COMPILE, "--project-dir", str(DBT_FOLDER), "--select", "resource_type:model"]
    with environment(dbt_environment(settings)), contextlib.redirect_stdout(said):
        result = dbtRunner().invoke(arguments)
        DuckDBConnectionManager.close_all_connections()
    if not result.success:
        nodes = [f"{one.node.name}: {one.message}" for one in result.result or () if one.message]
        raise RuntimeError(
            f"dbt compile failed: {nodes[:5]} {result.exception} {said.getvalue()[-500:]}"
        )


def compiled_models(home: Path) -> Dbt:
    """What ``compile_models`` left in a home."""
    settings = Settings(home=home)
    path = settings.zones.state / "dbt" / "target" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    nodes = manifest["nodes"].values()
    models = {node["name"]: node for node in nodes if node["resource_type"] == "model"}
    return Dbt(settings, manifest, models)


def create(connection: duckdb.DuckDBPyConnection, model: dict[str, Any], sql: str) -> None:
    """Make a view or a table of a model, with the types that its contract promises."""
    relation = model["relation_name"]
    if not model["config"]["contract"]["enforced"]:
        connection.execute(f"create schema if not exists {model['database']}.{model['schema']}")
        connection.execute(f"create {model['config']['materialized']} {relation} as {sql}")
        return
    columns = {name: column["data_type"] for name, column in model["columns"].items()}
    create_empty(connection, model, columns)
    connection.execute(f"insert into {relation} select {', '.join(columns)} from ({sql})")


def create_empty(
    connection: duckdb.DuckDBPyConnection, model: dict[str, Any], columns: Mapping[str, str]
) -> None:
    """Make a table for a model, without rows, of columns by name and type."""
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    connection.execute(f"create schema if not exists {model['database']}.{model['schema']}")
    connection.execute(f"create table {model['relation_name']} ({typed})")


class QuickWarehouse(Warehouse):
    """Restricted tables written by hand, and the compiled models run on them in memory."""

    def __init__(self, home: Path, dbt: Dbt) -> None:
        super().__init__(home, dbt)
        self._dbt = dbt
        self._connection: duckdb.DuckDBPyConnection | None = None

    def run(self, *chosen: str) -> None:
        """Make some models or layers anew; they may read nothing that is left out."""
        self.close()
        self._open()
        self.go_on(*chosen)

    def count_only(self, *measures: str) -> None:
        """Make all marts anew of some measures' rows; what only others are made of is not made."""
        # The union of all measures is content with empty ones; what reads one by itself is not.
        read = {
            one
            for name, model in self._dbt.models.items()
            if name != "int_measure_values" and name not in self._shapes
            for one in upstream(model)
        }
        counted = self._shapes.keys() & (read | {f"msr_{name}" for name in measures})
        empty = self._shapes.keys() - self._dbt.needed(*counted)
        self.close()
        self._open()
        names = self._dbt.needed(*self._dbt.selected("marts"), empty=empty)
        for name in self._dbt.in_order(names):
            if name in empty:
                create_empty(self.made, self._dbt.models[name], self._shapes[name])
            else:
                create(self.made, self._dbt.models[name], self._dbt.sql(name, self.settings.home))

    @cached_property
    def _shapes(self) -> dict[str, dict[str, str]]:
        """Columns of every measure, as the models give them."""
        self.run("staging", "intermediate")
        return {
            name: {
                row[0]: row[1]
                for row in self.made.execute(f"describe {model['relation_name']}").fetchall()
            }
            for name, model in self._dbt.models.items()
            if name.startswith("msr_")
        }

    def go_on(self, *chosen: str) -> None:
        """Make further models or layers of those that are made."""
        for name in self._dbt.in_order(self._dbt.selected(*chosen)):
            create(self.made, self._dbt.models[name], self._dbt.sql(name, self.settings.home))

    def _open(self) -> None:
        config = {"threads": self.settings.threads, "preserve_insertion_order": "false"}
        self._connection = connection = duckdb.connect(":memory:", config=config)
        connection.execute("attach ':memory:' as restricted")
        connection.execute("use restricted")

    def keep(self, *names: str) -> None:
        """Write some tables, such as ``marts.fct_coverage``, where the pipeline reads them."""
        self.made.execute("attach ? as kept", [str(self.zones.warehouse)])
        for name in names:
            self.made.execute(f"create schema if not exists kept.{name.split('.')[0]}")
            self.made.execute(f"create table kept.{name} as from restricted.{name}")
        self.made.execute("detach kept")

    def table(self, name: str) -> pl.DataFrame:
        """One table, such as ``marts.fct_coverage``."""
        return self.made.table(name).pl()

    @property
    def made(self) -> duckdb.DuckDBPyConnection:
        """The database that holds what was run last."""
        assert self._connection is not None, "run comes first"
        return self._connection

    def close(self) -> None:
        """Let go of the tables."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
