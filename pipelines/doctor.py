"""Is this installation well? What is wrong, and how to mend it.

Belongs here: examinations that look and do not touch. Does not belong here: mending.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anonymization.keys import KeyAccessError
from pipelines.catalogue.loader import CatalogueError, catalogue
from pipelines.catalogue.profiles import list_profiles, load_profile, unknown_cohorts
from pipelines.catalogue.sources import load_sources
from pipelines.resources import pseudonym_key
from pipelines.settings import ROOT, Settings

LEAST_FREE_BYTES = 5 * 1024**3
PINNED = (
    "dagster",
    "dagster-dbt",
    "dbt-core",
    "dbt-duckdb",
    "duckdb",
    "great-expectations",
    "polars",
    "streamlit",
)


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        verdict: ``ok``, ``note`` (works, but know this) or ``wrong``.
        subject: What was looked at.
        text: What was found.
        mend: What to do, empty when nothing.
    """

    verdict: Literal["ok", "note", "wrong"]
    subject: str
    text: str
    mend: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Examine versions, catalogue, zones, permissions, key, disk, encryption, sources, register.

    Args:
        settings: Settings of this process.
    """
    return [
        *_versions(),
        *_catalogue(),
        *_zones(settings),
        *_key(settings),
        *_disk(settings),
        *_encryption(settings),
        *_sources(settings),
        *_profiles(settings),
        *_denominators(settings),
    ]


def _versions() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    fits = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Finding(
        "ok" if fits else "wrong",
        "Python",
        python,
        "" if fits else "Install Python 3.11, 3.12 or 3.13 and run `make install`.",
    )
    locked = _locked_versions(ROOT / "requirements.lock")
    for name in PINNED:
        installed = importlib.metadata.version(name)
        wanted = locked.get(name)
        yield Finding(
            "ok" if installed == wanted else "wrong",
            name,
            installed if installed == wanted else f"{installed}, but the lock says {wanted}",
            "" if installed == wanted else "Run `make install`.",
        )


def _locked_versions(lock: Path) -> dict[str, str]:
    lines = (line.split(";")[0].strip(" \\\n") for line in lock.read_text().splitlines())
    pinned = (line.split("==") for line in lines if "==" in line and not line.startswith("-"))
    return {name.split("[")[0].strip(): version.strip() for name, version in pinned}


def _catalogue() -> Iterator[Finding]:
    try:
        loaded = catalogue()
    except CatalogueError as error:
        yield Finding("wrong", "catalogue", str(error), "Mend the file that is named.")
    else:
        counts = f"{len(loaded.indicators)} indicators, {len(loaded.policies)} policies"
        yield Finding("ok", "catalogue", counts)


def _zones(settings: Settings) -> Iterator[Finding]:
    zones = settings.zones
    if not zones.home.is_dir():
        yield Finding(
            "note", "zones", f"{zones.home} does not exist yet", "It is made by the first command."
        )
        return
    for folder in (
        zones.identified,
        zones.restricted,
        zones.analysis,
        zones.steward,
        zones.published,
        zones.state,
    ):
        if not folder.is_dir():
            yield Finding("note", folder.name, "not made yet", "It is made by the first run.")
            continue
        mode = stat.S_IMODE(folder.stat().st_mode)
        loose = bool(mode & 0o077)
        yield Finding(
            "wrong" if loose else "ok",
            folder.name,
            f"mode {mode:04o}",
            f"chmod 700 {folder}" if loose else "",
        )
    yield from _loose_files(zones.home)


def _loose_files(home: Path) -> Iterator[Finding]:
    loose = [
        path
        for zone in ("identified", "restricted", "analysis", "steward")
        for path in (home / zone).rglob("*")
        if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o077
    ]
    if loose:
        yield Finding(
            "wrong",
            "files",
            f"{len(loose)} files in protected zones can be read by others, one is {loose[0]}",
            f"chmod -R go= {home}",
        )
    else:
        yield Finding("ok", "files", "none in a protected zone can be read by others")


def _key(settings: Settings) -> Iterator[Finding]:
    try:
        key = pseudonym_key(settings)
    except KeyAccessError as error:
        yield Finding("wrong", "pseudonym key", str(error), "")
    else:
        yield Finding("ok", "pseudonym key", f"{key.id}, epoch {key.epoch}")


def _disk(settings: Settings) -> Iterator[Finding]:
    place = settings.zones.home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    enough = free >= LEAST_FREE_BYTES
    yield Finding(
        "ok" if enough else "wrong",
        "disk",
        f"{free / 1024**3:.1f} GiB free at {place}",
        "" if enough else "Free at least 5 GiB, or set FOLKEPULS_HOME to a larger disk.",
    )


def _encryption(settings: Settings) -> Iterator[Finding]:
    """Encryption at rest is the file system's: DuckDB's wheel cannot write encrypted files."""
    device = _device_of(settings.zones.home)
    mapped = device is not None and device.startswith(("/dev/mapper/", "/dev/dm-"))
    yield Finding(
        "ok" if mapped else "note",
        "encryption at rest",
        f"on {device}" if mapped else f"cannot see that {device or 'this disk'} is encrypted",
        "" if mapped else "Put FOLKEPULS_HOME on an encrypted volume before real data come.",
    )


def _device_of(place: Path) -> str | None:
    mounts = Path("/proc/self/mounts")
    if not mounts.is_file():
        return None
    best: tuple[int, str | None] = (-1, None)
    for line in mounts.read_text().splitlines():
        device, point = line.split()[:2]
        if place.is_relative_to(point) and len(point) > best[0]:
            best = (len(point), device)
    return best[1]


def _sources(settings: Settings) -> Iterator[Finding]:
    for source in load_sources().values():
        used = (settings.zones.inbox / source.id).is_dir()
        missing = source.gaps()
        if not missing:
            yield Finding("ok", f"source {source.id}", f"{source.identity.profile} profile")
        elif used:
            yield Finding(
                "wrong",
                f"source {source.id}",
                f"delivers, but lacks {', '.join(missing)}",
                f"Fill them in pipelines/catalogue/sources/{source.id}.yml before any data come.",
            )
        else:
            yield Finding(
                "note",
                f"source {source.id}",
                f"not ready for production: lacks {', '.join(missing)}",
                f"Fill them in pipelines/catalogue/sources/{source.id}.yml.",
            )


def _profiles(settings: Settings) -> Iterator[Finding]:
    folder = settings.profiles_folder
    if settings.profiles is not None and not folder.is_dir():
        yield Finding(
            "wrong",
            "profiles",
            f"FOLKEPULS_PROFILES names {folder}, which is no folder",
            "Make it, or name another.",
        )
    for path in list_profiles(folder):
        try:
            profile = load_profile(path)
        except CatalogueError as error:
            yield Finding(
                "wrong",
                f"profile {path.stem}",
                f"Dagster leaves it out: {error}",
                "Mend it; `folkepuls sources check` tells more.",
            )
            continue
        if unknown := unknown_cohorts(profile):
            yield Finding(
                "wrong",
                f"profile {profile.name}",
                f"its cohorts {', '.join(unknown)} are not listed",
                f"List them in pipelines/catalogue/sources/{profile.site.source}.yml.",
            )
        else:
            yield Finding("ok", f"profile {profile.name}", f"{profile.kind}, {profile.base_origin}")


def _denominators(settings: Settings) -> Iterator[Finding]:
    """Below figures about real persons stand the register's inhabitants, not the journal's."""
    from pipelines.clients.population_register import RegisterError, chosen, updated_text

    subject = "public denominators"
    real = any(
        source.identity.profile == "production" and (settings.zones.inbox / source.id).is_dir()
        for source in load_sources().values()
    )
    if settings.public_denominators == "journal":
        yield Finding(
            "wrong" if real else "note",
            subject,
            "the journal's own count: beside the register it tells of graded addresses",
            "Set FOLKEPULS_PUBLIC_DENOMINATORS=register before a release of real persons.",
        )
        return
    choice = settings.population_register
    try:
        register = chosen(settings.zones, choice, synthetic_persons=False if real else None)
    except RegisterError as error:
        yield Finding("wrong" if real else "note", subject, str(error))
        return
    if register is None:
        yield Finding(
            "wrong" if real else "note",
            subject,
            f"no population register (FOLKEPULS_POPULATION_REGISTER={choice}): a run stops",
            "Set FOLKEPULS_POPULATION_REGISTER=ssb and run `folkepuls register fetch`; for a "
            "synthetic region, `folkepuls synth --register`.",
        )
        return
    origin = register.provenance
    text = f"of the register: {origin.source}, updated {updated_text(origin.updated)}"
    yield Finding("ok", subject, text)
