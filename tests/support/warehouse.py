"""A warehouse of hand-written rows: restricted tables in, marts out, through the real models.

Belongs here: what tests need to run dbt on small inputs. Does not belong here: expectations.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from pipelines.catalogue.entities import restricted_tables
from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.catalogue.tables import catalogue_tables
from pipelines.clients.population_register import SCHEMA
from pipelines.ingest.columns import table_schema
from pipelines.ingest.ledger import DELIVERY_SCHEMA, DELIVERY_TABLE
from pipelines.resources import DBT_FOLDER, dbt_environment, environment
from pipelines.settings import BorderSet, PublicDenominators, Settings, Zones, reference_dir

if TYPE_CHECKING:
    from tests.support.compiled_models import Dbt

Rows = Sequence[Mapping[str, Any]]


class Warehouse:
    """Restricted tables written by hand, and dbt run on them in this process.

    Args:
        home: The data folder.
        parsed: The parsed project; without it dbt cannot be run.
    """

    def __init__(self, home: Path, parsed: Dbt | None = None) -> None:
        self.settings = Settings(home=home)
        self.parsed = parsed
        self.zones: Zones = self.settings.zones.create()
        self.write_register()

    def write_journal(self, tables: Mapping[str, Rows], deliveries: Rows = ()) -> None:
        """Write every restricted table and the deliveries; what is not given is empty."""
        known = restricted_tables()
        unknown = set(tables) - set(known)
        if unknown:
            raise KeyError(f"no restricted tables {sorted(unknown)}; known: {sorted(known)}")
        for name, table in known.items():
            folder = self.zones.journal / name
            folder.mkdir(exist_ok=True)
            frame = _frame(tables.get(name, ()), table_schema(table))
            frame.write_parquet(folder / "spec__spec.parquet")
        folder = self.zones.journal / DELIVERY_TABLE
        folder.mkdir(exist_ok=True)
        _frame(deliveries, DELIVERY_SCHEMA).write_parquet(folder / "spec__spec.parquet")

    def write_register(self, rows: Rows = ()) -> None:
        """Write the population register that dbt reads; without rows there is none."""
        _frame(rows, SCHEMA).write_parquet(self.zones.register / "population.parquet")

    def write_catalogue(
        self,
        years: range,
        entries: Catalogue | None = None,
        public_denominators: PublicDenominators = "journal",
        border_set: BorderSet = "date",
    ) -> None:
        """Write the catalogue's tables for some years, and what the settings say of them."""
        tables = catalogue_tables(
            entries or catalogue(), reference_dir(), years, public_denominators, border_set
        )
        for name, frame in tables.items():
            frame.write_parquet(self.zones.catalogue / f"{name}.parquet")

    def write_single_year_strata(self) -> None:
        """Strata of single years of age: every person counts, no age is merged."""
        areas = [
            ("municipality", code)
            for code in catalogue_tables(catalogue(), reference_dir(), range(2024, 2025))[
                "municipalities"
            ]["municipality_code"]
        ]
        strata = (
            pl.DataFrame(
                [*areas, ("region", "MIDT")], schema=["area_level", "area_code"], orient="row"
            )
            .join(pl.DataFrame({"sex": ["female", "male"]}), how="cross")
            .join(
                pl.DataFrame({"age_from": range(121)}, schema={"age_from": pl.Int32}), how="cross"
            )
            .with_columns(age_to=pl.col("age_from"))
        )
        strata.write_parquet(self.zones.strata_map)

    def dbt(self, *arguments: str) -> None:
        """Run dbt on the parsed project; a failure shows what dbt said."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        assert self.parsed is not None, "dbt runs on a parsed project: give it to the warehouse"
        runner = dbtRunner(manifest=self.parsed.lent_to(self.settings.home))
        said = io.StringIO()
        with environment(dbt_environment(self.settings)), contextlib.redirect_stdout(said):
            result = runner.invoke([*arguments, "--project-dir", str(DBT_FOLDER)])
            # dbt keeps the file open for the life of the process; readers need it closed.
            DuckDBConnectionManager.close_all_connections()
        if not result.success:
            # What it says goes where its logger was first pointed to, in this process or another.
            nodes = [
                f"{one.node.name}: {one.status}: {one.message}"
                for one in result.result or ()
                if str(one.status) not in ("pass", "success")
            ]
            raise RuntimeError(
                f"dbt {' '.join(arguments)} failed:\n{said.getvalue()[-3000:]}\n" + "\n".join(nodes)
            )

    def table(self, name: str) -> pl.DataFrame:
        """One table of the warehouse, such as ``marts.fct_coverage``."""
        connection = duckdb.connect(str(self.zones.warehouse), read_only=True)
        try:
            return connection.table(name).pl()
        finally:
            connection.close()


def _frame(rows: Rows, schema: pl.Schema) -> pl.DataFrame:
    for row in rows:
        if unknown := set(row) - set(schema):
            raise KeyError(f"no columns {sorted(unknown)}; known: {sorted(schema)}")
    columns = {
        name: pl.Series(name, [_value(row.get(name)) for row in rows], dtype=dtype, strict=False)
        for name, dtype in schema.items()
    }
    return pl.DataFrame(columns)


def _value(value: Any) -> Any:
    if isinstance(value, datetime | date | bool | int | float) or value is None:
        return value
    return str(value)
