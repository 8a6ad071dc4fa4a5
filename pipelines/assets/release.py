"""The table door and the release, as assets.

Belongs here: reading the marts, handing them to publication, and reporting counts. Does not
belong here: protection, rates or files (``publication``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    MaterializeResult,
    asset,
)

from pipelines.assets.doors import read_warehouse
from pipelines.assets.quality import verdict
from pipelines.assets.warehouse import OWNERS
from pipelines.catalogue.loader import catalogue
from pipelines.checks import check_published
from pipelines.ingest.ledger import origin_of
from pipelines.publication.build import build_candidate
