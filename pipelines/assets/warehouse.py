"""What dbt reads, and dbt itself: the catalogue as tables, and models in two selections.

Belongs here: handing work to dbt in its order. Does not belong here: SQL (``dbt_project``) and
the doors between the selections (``assets.doors``).
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import (
    AssetCheckResult,
    AssetExecutionContext,
    AssetKey,
    AssetObservation,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    multi_asset,
)

from pipelines.assets.journal import OWNERS, WRITER
from pipelines.assets.measure import Measure
from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.tables import catalogue_tables
from pipelines.ingest.ledger import delivered_years
from pipelines.resources import (
    DBT_FOLDER,
    FolkepulsResource,
    dbt_environment,
    environment,
    prepared_dbt_project,
    table_sizes,
    warehouse,
)
from pipelines.settings import Settings, Zones, atomic_write, reference_dir

if TYPE_CHECKING:
    from dagster_dbt import DbtCliResource

PROMISES = "test.folkepuls.sound_rows_"
"""How dbt names tests whose failing rows are counts: no other test's may leave the warehouse."""

CATALOGUE_TABLES = {
    "indicators": "Measures, age limits and coverage rules of each indicator.",
    "indicator_parameters": "Parameters of each indicator, such as look-back and wash-in.",
    "code_sets": "Codes that make up each code set.",
    "breakdowns": "Splits of each indicator, and their values.",
    "years": "Calendar years of the release.",
    "parts_of_year": "Months of the release, and the month or quarter that each is in.",
    "windows": "Years of the release that are pooled, by length of period.",
    "border_set": "The borders that history is cut to.",
    "municipalities": "Municipality codes and their validity.",
    "register_codes": "Codes by which the register counts a municipality's residents.",
    "service_spells": "When each service is live in each municipality.",
    "hospital_shares": "Each hospital's share of a municipality's expected stays.",
    "ready_for_discharge_rates": "What a day costs a municipality, by year.",
    "working_days": "The next working day after each day of the release.",
}


@multi_asset(
    name="catalogue_tables",
    specs=[
        AssetSpec(
            ["catalogue", name],
            deps=[AssetKey(["quality", "journal"])],
            description=description,
            group_name="restricted",
            owners=OWNERS,
            kinds={"parquet"},
        )
        for name, description in CATALOGUE_TABLES.items()
    ],
    pool=WRITER,
)
def catalogue_asset(folkepuls: FolkepulsResource) -> Iterator[MaterializeResult[Any]]:
    """Write the catalogue and the reference facts where dbt reads them."""
    measure = Measure()
    zones = folkepuls.zones()
    settings = folkepuls.settings()
    years = delivered_years(zones, settings.as_of)
    frames = catalogue_tables(
        catalogue(), reference_dir(), years, settings.public_denominators, settings.border_set
    )
    for name, frame in frames.items():
        target = zones.catalogue / f"{name}.parquet"
        with atomic_write(target) as path:
            frame.write_parquet(path)
        yield MaterializeResult(
            asset_key=["catalogue", name], metadata=measure.of(frame.height, target)
        )


def dbt_client() -> "DbtCliResource":
    """The command line of dbt, without its question to the package index.

    The library asks ``dbt --version`` before every command, and that looks up the latest version
    of dbt on the network. Which version is installed is known here.
    """
    from dagster_dbt import DbtCliResource
    from packaging.version import Version

    class InstalledDbt(DbtCliResource):
        """The version comes from the installed package."""

        @cached_property
        def _cli_version(self) -> Version:
            return Version(version("dbt-core"))

    return InstalledDbt(
        project_dir=str(DBT_FOLDER),
        profiles_dir=str(DBT_FOLDER),
        dbt_executable=str(Path(sys.executable).with_name("dbt")),
    )


def dbt_models(settings: Settings) -> list[AssetsDefinition]:
    """The dbt models as assets, their tests as checks, one definition per selection.

    Args:
        settings: Settings that say where the manifest lies.
    """
    return [_selection(settings, tag) for tag in ("pre_strata", "post_strata")]


def _selection(settings: Settings, tag: str) -> AssetsDefinition:
    from dagster_dbt import DagsterDbtTranslator, dbt_assets

    class Translator(DagsterDbtTranslator):
        """Groups by layer, and the owners of the project."""

        def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
            """The folder under ``models`` is the group."""
            return str(dbt_resource_props["fqn"][1])

        def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
            """Everything has the same owner."""
            return OWNERS

    project = prepared_dbt_project(settings)

    @dbt_assets(
        manifest=project.manifest_path,
        select=f"tag:{tag}",
        name=f"dbt_{tag}",
        dagster_dbt_translator=Translator(),
        pool=WRITER,
    )
    def models(context: AssetExecutionContext) -> Iterator[Any]:
        now = Settings()
        client = dbt_client()
        target = now.zones.state / "dbt" / f"run_{tag}"
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        said = now.zones.state / "logs" / f"dbt_{tag}.log"
        # What dbt prints holds names and counts; a terminal shows a line per step instead.
        with environment(dbt_environment(now)), said.open("w") as log, redirect_stdout(log):
            invocation = client.cli(
                ["build"], context=context, target_path=target, raise_on_error=False
            )
            red: list[AssetCheckResult] = []
            for event in invocation.stream():
                if isinstance(event, AssetCheckResult) and not event.passed:
                    red.append(event)
                else:
                    yield event
            error = invocation.get_error()
            yield from _explained(red, broken_promises(now.zones, target) if red else {})
            if error:
                raise error
        yield from _sizes(now, target)

    return models


def _explained(
    red: Iterable[AssetCheckResult], broken: Mapping[str, str]
) -> Iterator[AssetCheckResult]:
    """Red checks, each with what is known of it beyond its name."""
    for check in red:
        test = getattr(check.metadata.get("unique_id"), "value", "")
        known = {"what": MetadataValue.text(broken[test])} if test in broken else {}
        yield check._replace(metadata={**check.metadata, **known})


def broken_promises(zones: Zones, target: Path) -> dict[str, str]:
    """What the red tests of the kind ``sound_rows`` have found: names of columns and counts.

    Args:
        zones: Where the warehouse lies; dbt must have closed it.
        target: Folder where dbt left what it did.

    Returns:
        Per test, by dbt's id, its broken promises with the number of rows that break each.
    """
    red = {
        result["unique_id"]: result["compiled_code"]
        for result in _results(target)
        if result["status"] == "fail" and result["unique_id"].startswith(PROMISES)
    }
    if not red:
        return {}
    with warehouse(zones) as connection:
        return {
            test: "; ".join(f"{rows} {what}" for what, rows in connection.sql(sql).fetchall())
            for test, sql in red.items()
        }


def _sizes(settings: Settings, target: Path) -> Iterator[AssetObservation]:
    """Rows of each table that dbt has just built; views are left out."""
    built = [
        result["relation_name"].replace('"', "").split(".")
        for result in _results(target)
        if result["unique_id"].startswith("model.") and result["status"] == "success"
    ]
    tables = [(schema, name) for _, schema, name in built]
    for schema, name, rows in table_sizes(settings.zones.warehouse, tables):
        yield AssetObservation([schema, name], metadata={"dagster/row_count": rows})


def _results(target: Path) -> list[dict[str, Any]]:
    """What came of every model and test that dbt has just run."""
    read = json.loads((target / "run_results.json").read_text(encoding="utf-8"))
    return list(read["results"])
