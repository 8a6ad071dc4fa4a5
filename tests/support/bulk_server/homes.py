"""A client's side of a test: keys, a profile, zones, and one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from joserfc.jwk import ECKey, KeySet, RSAKey

from pipelines.catalogue.profiles import SourceProfile, load_profile
from pipelines.clients.bulk import Exported, Options, run_export
from pipelines.settings import Zones
from tests.support.bulk_server.server import TYPES


@cache
def key(kind: str = "ES384", name: str = "k1") -> ECKey | RSAKey:
    made = {"kid": name, "alg": kind}
    return ECKey.generate_key("P-384", made) if kind == "ES384" else RSAKey.generate_key(2048, made)


def key_file(folder: Path, kind: str = "ES384", name: str = "k1") -> Path:
    path = folder / f"{name}-{kind}.pem"
    path.write_bytes(key(kind, name).as_pem(private=True))
    path.chmod(0o600)
    return path


def public_keys(*kinds: tuple[str, str]) -> KeySet:
    return KeySet([key(kind, name) for kind, name in kinds or (("ES384", "k1"),)])


def auth(folder: Path, *kinds: tuple[str, str]) -> dict[str, Any]:
    return {
        "client_id": "folkepuls-test",
        "keys": [
            {"key_id": name, "algorithm": kind, "file": str(key_file(folder, kind, name))}
            for kind, name in kinds or (("ES384", "k1"),)
        ],
    }


def site(base: str, **changes: Any) -> dict[str, Any]:
    """A profile as a site would write it."""
    return {
        "extends": "smart-reference",
        "source": "synthetic",
        "delivering_organisation": "sykehus",
        "base_url": f"{base}/fhir",
        "auth": None,
        "types": list(TYPES),
        "groups": [{"name": "trondheim-1", "id": "g1"}],
        "never_empty": ["Encounter"],
        "period_start": "2024-01-01",
        "budgets": {"read_seconds": 2},
        **changes,
    }


def write_profile(folder: Path, content: Mapping[str, Any], name: str = "test") -> Path:
    path = folder / f"{name}.yml"
    path.write_text(yaml.safe_dump(dict(content)), encoding="utf-8")
    return path


def profile(folder: Path, base: str, **changes: Any) -> SourceProfile:
    return load_profile(write_profile(folder, site(base, **changes)))


def export(chosen: SourceProfile, home: Path, options: Options, **arguments: Any) -> Exported:
    zones = Zones(home).create()
    shard = arguments.pop("shard", chosen.site.groups[0].name if chosen.site.groups else None)
    return run_export(chosen, zones, shard=shard, options=replace(options), **arguments)
