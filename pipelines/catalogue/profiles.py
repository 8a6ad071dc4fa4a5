"""Source profiles: what is odd about a kind of FHIR server, and where a site's own one is.

Belongs here: the shape of ``profiles/*.yml`` (kinds of servers, shipped) and of a site's profile
(a file outside the repository), and reading them. Does not belong here: asking a server anything
(``pipelines.clients.bulk``). A profile never holds a key: it names the file or the environment
variable that does.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipelines.catalogue.entities import load_entities
from pipelines.catalogue.loader import CatalogueError, read_yaml, validated
from pipelines.catalogue.sources import Source, load_sources

HERE = Path(__file__).resolve().parent
Level = Literal["group", "patient", "system"]
Verb = Literal["GET", "POST"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=32)]
ResourceType = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]{2,62}$")]
FhirId = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,64}$")]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{2,80}$")]
DELETIONS = "Bundle"
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")


class Strict(BaseModel):
    """A frozen model that refuses keys it does not know and repeats nothing it was given."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Server(Strict):
    """What is odd about a kind of server.

    Attributes:
        levels: Exports that work in practice.
        kickoff: Verbs by which an export is ordered, in the order they are tried.
        lists: How several types are named in one order.
        filter_commas: Whether a comma inside a ``_typeFilter`` is sent as ``%2C``, one level of
            quoting more than the standard asks for.
        output_format: Value of ``_outputFormat``; null where the server stumbles over it.
        scopes: Style of the scopes asked for: ``v1`` (``.read``) or ``v2`` (``.rs``).
        since: ``_since`` works.
        no_since: Types that know no time of last change; they are fetched in full, always.
        delete: Whether a finished export must be deleted at the server.
        concurrency: How many exports a server puts up with from one client at a time.
        largest_group: Patients past which a group is too large for this kind of server.
        gzip: Ask for compressed answers.
        separate_status: Ask for the status of the export in a header of its own (STU4).
    """

    levels: tuple[Level, ...] = Field(min_length=1)
    kickoff: tuple[Verb, ...] = Field(min_length=1, max_length=2)
    lists: Literal["repeated", "comma"]
    filter_commas: Literal["plain", "quoted"] = "plain"
    output_format: str | None = "application/fhir+ndjson"
    scopes: Literal["v1", "v2"] = "v2"
    since: bool
    no_since: tuple[ResourceType, ...] = ()
    delete: Literal["required", "welcome", "never"] = "welcome"
    concurrency: Literal["one_per_group", "one_per_client", "free"] = "free"
    largest_group: int | None = Field(default=None, ge=1)
    gzip: bool = True
    separate_status: bool = False


class Budgets(Strict):
    """How long and how much is put up with.

    Attributes:
        whole_minutes: Time for one call, from the order to the delivery.
        first_poll_seconds: Wait before the server is first asked how far it has come.
        shortest_wait_seconds: No wait between two questions is shorter.
        longest_wait_seconds: No wait is longer, whatever the server asks for.
        tries: Times that one address is tried before it is given up.
        connect_seconds: Time for a connection.
        read_seconds: Time in which something must come.
        slowest_bytes_per_second: A download slower than this, after a minute, is a stalled one.
        downloads: Files that are fetched side by side.
        file_mib: Largest file, after decompression.
        export_mib: Largest export, after decompression.
        files: Most files in one export.
        job_hours: Age at which a job left unfinished is given up and ordered anew.
    """

    whole_minutes: float = Field(default=30, gt=0, le=7 * 24 * 60)
    first_poll_seconds: float = Field(default=2, ge=0, le=3600)
    shortest_wait_seconds: float = Field(default=1, ge=0, le=3600)
    longest_wait_seconds: float = Field(default=300, gt=0, le=6 * 3600)
    tries: int = Field(default=6, ge=1, le=6)
    connect_seconds: float = Field(default=10, gt=0, le=120)
    read_seconds: float = Field(default=60, gt=0, le=600)
    slowest_bytes_per_second: int = Field(default=200, ge=0)
    downloads: int = Field(default=3, ge=1, le=8)
    file_mib: int = Field(default=8 * 1024, ge=1)
    export_mib: int = Field(default=256 * 1024, ge=1)
    files: int = Field(default=20_000, ge=1, le=100_000)
    job_hours: float = Field(default=72, gt=0, le=24 * 30)


class Kind(Strict):
    """A kind of server as shipped: its oddities, and budgets where they differ."""

    id: Name
    description: str = Field(min_length=10)
    server: Server
    budgets: Budgets = Budgets()


class SigningKey(Strict):
    """Where a private key is, never the key itself.

    Attributes:
        key_id: ``kid`` under which the server knows its public half.
        algorithm: How it signs.
        file: PEM or JWK file outside the repository.
        environment: Or the environment variable that holds it.
    """

    key_id: str = Field(pattern=r"^[A-Za-z0-9._~-]{1,128}$")
    algorithm: Literal["ES384", "RS384"]
    file: Path | None = None
    environment: EnvironmentName | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.file is None) == (self.environment is None):
            raise ValueError("name either a file or an environment variable that holds the key")
        if self.file is not None and not self.file.expanduser().is_absolute():
            raise ValueError("file: an absolute path is needed, a key lies outside the project")
        return self


class Auth(Strict):
    """SMART Backend Services: who this client is.

    Attributes:
        client_id: As the server registered it.
        keys: Keys in the order they are tried; two while one replaces the other.
        token_endpoint: Where tokens are had, if the server does not say (or says it wrongly).
    """

    client_id: str = Field(min_length=1, max_length=256, pattern=r"^[\x21-\x7e]+$")
    keys: tuple[SigningKey, ...] = Field(min_length=1, max_length=3)
    token_endpoint: str | None = None


class Shard(Strict):
    """One cohort shard: a FHIR Group at the server and the name it has here."""

    name: Name
    id: FhirId


class Site(Strict):
    """A site's own profile, as it is written.

    Attributes:
        extends: Kind of server.
        source: Id of the catalogue's source whose data these are.
        delivering_organisation: Organisation of that source on whose behalf they come.
        base_url: FHIR base address.
        auth: Who this client is; null for an open test server.
        types: Resource types asked for.
        ignored_types: Types that the server adds unasked and that are left where they are.
        filters: ``_typeFilter`` queries.
        level: What is exported where there are no groups.
        groups: Cohort shards; empty for an export of all patients or the whole system.
        never_empty: Types of which a full export without a single resource is in doubt.
        largest_drop: Share of a type's resources that may be gone since the last full export.
        period_start: First day the data are about.
        schedule: When all shards are exported, as a cron line in Norwegian time.
        output_origins: Other origins from which files may be fetched.
        token_origins: Other origins to which the signed assertion may be sent.
        networks: Internal networks in which the named hosts may lie.
        ca_file: Certificates to trust instead of the system's.
        server: Oddities that differ from the kind's.
        budgets: Budgets that differ from the kind's.
    """

    extends: Name
    source: str
    delivering_organisation: str
    base_url: str
    auth: Auth | None
    types: tuple[ResourceType, ...] = Field(min_length=1)
    ignored_types: tuple[ResourceType, ...] = ()
    filters: tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]+\?[\x21-\x7e]+$")], ...] = ()
    level: Literal["patient", "system"] = "patient"
    groups: tuple[Shard, ...] = ()
    never_empty: tuple[ResourceType, ...] | None = None
    largest_drop: float = Field(default=0.5, ge=0, le=1)
    period_start: dt.date
    schedule: Annotated[str, Field(pattern=r"^[0-9*/,-]+( [0-9A-Za-z*/,-]+){4}$")] = "0 1 * * 6"
    output_origins: tuple[str, ...] = ()
    token_origins: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    ca_file: Path | None = None
    server: Mapping[str, object] = Field(default_factory=dict)
    budgets: Mapping[str, object] = Field(default_factory=dict)

    @field_validator("base_url")
    @classmethod
    def _base(cls, url: str) -> str:
        origin_of(url)
        parts = urlsplit(url)
        if parts.query or parts.fragment:
            raise ValueError("a FHIR base address has no query and no fragment")
        return url.rstrip("/")

    @field_validator("output_origins", "token_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin_of(origin) != origin:
                raise ValueError("an origin is scheme, host and port and nothing more")
        return origins

    @field_validator("networks")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            if not ipaddress.ip_network(network).is_private:
                raise ValueError("name internal networks only; others need no permission")
        return networks

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if len({shard.name for shard in self.groups}) != len(self.groups):
            raise ValueError("groups: a name is there twice")
        if len({shard.id for shard in self.groups}) != len(self.groups):
            raise ValueError("groups: a Group is there twice; its patients would count twice")
        if DELETIONS in self.types or DELETIONS in self.ignored_types:
            raise ValueError("types: Bundle is not asked for; deletions come by themselves")
        if len(set(self.types)) != len(self.types) or set(self.types) & set(self.ignored_types):
            raise ValueError("types: a type is there twice, or ignored as well as asked for")
        if unknown := set(self.never_empty or ()) - set(self.types):
            raise ValueError(f"never_empty: {sorted(unknown)} are not among the types")
        if wrong := {entry.partition("?")[0] for entry in self.filters} - set(self.types):
            raise ValueError(f"filters: {sorted(wrong)} are not among the types")
        return self


class SourceProfile(Strict):
    """A site's profile with all that its kind of server adds to it.

    Attributes:
        name: Name of the profile: that of its file.
        site: What the site wrote.
        kind: Id of the kind of server.
        server: Oddities, the site's own before the kind's.
        budgets: Budgets, likewise.
    """

    name: Name
    site: Site
    kind: Name
    server: Server
    budgets: Budgets

    @model_validator(mode="after")
    def _server_can(self) -> Self:
        level = "group" if self.site.groups else self.site.level
        if level not in self.server.levels:
            raise ValueError(f"groups: this kind of server has no export by {level}")
        return self

    @property
    def base_origin(self) -> str:
        """Origin of the server."""
        return origin_of(self.site.base_url)

    @property
    def never_empty(self) -> tuple[str, ...]:
        """Types of which there must be something: persons, unless the profile says otherwise."""
        if self.site.never_empty is not None:
            return self.site.never_empty
        return ("Patient",) if "Patient" in self.site.types else ()

    def level_of(self, shard: Shard | None) -> Level:
        """Which export is ordered for a shard."""
        return self.site.level if shard is None else "group"

    def shard(self, name: str | None) -> Shard | None:
        """The shard of a name; null where the profile has no groups.

        Raises:
            CatalogueError: There is no such shard, or one must be named.
        """
        if name is None and not self.site.groups:
            return None
        for shard in self.site.groups:
            if shard.name == name:
                return shard
        known = ", ".join(shard.name for shard in self.site.groups) or "none"
        raise CatalogueError(
            f"profile {self.name}: groups: expected the name of one of them ({known}), got "
            f"{'none' if name is None else 'another'}. Name one of these."
        )


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, in one written form.

    Args:
        url: ``https://`` anywhere, or ``http://`` on this very machine.

    Raises:
        ValueError: It is no such address.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with user name or password is not taken")
    usual = {"https": 443, "http": 80}.get(parts.scheme, 0)
    # An address without port and one with the usual port are the same place.
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    written = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
    if not _ORIGIN.fullmatch(written) or parts.port == 0:
        raise ValueError("expected https://host[:port] with plain letters, digits, dot and hyphen")
    if parts.scheme == "http" and not is_this_machine(host):
        raise ValueError("http is for a server on this machine; anywhere else it must be https")
    return written


def is_this_machine(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def load_kinds(folder: Path = HERE) -> Mapping[str, Kind]:
    """Shipped kinds of servers, by id.

    Raises:
        CatalogueError: A file is wrong; names file and key.
    """
    kinds: dict[str, Kind] = {}
    for path in sorted((folder / "profiles").glob("*.yml")):
        kind = read_yaml(path, Kind)
        if kind.id != path.stem:
            raise CatalogueError(f"{path.name}: id: expected {path.stem}, got {kind.id}.")
        kinds[kind.id] = kind
    return kinds


def find_profile(named: str, folder: Path) -> Path:
    """The file of a profile.

    Args:
        named: A path, or the name of a file in ``folder`` without its ending.
        folder: Folder of the site's profiles.

    Raises:
        CatalogueError: There is no such file.
    """
    plain = re.fullmatch(r"[a-z0-9-]{1,32}", named) is not None
    path = folder / f"{named}.yml" if plain else Path(named).expanduser()
    if not path.is_file():
        raise CatalogueError(
            f"profile {named}: expected a file {path}, found none. Write one (see "
            "docs/how-to/fetch-from-a-fhir-server.md), or set FOLKEPULS_PROFILES to its folder."
        )
    return path


def list_profiles(folder: Path) -> list[Path]:
    """Files of the site's profiles, by name; none where there is no such folder."""
    return sorted(folder.glob("*.yml")) if folder.is_dir() else []


def load_profile(path: Path) -> SourceProfile:
    """Read a site's profile and what it extends, and hold it against the catalogue.

    Args:
        path: The file.

    Raises:
        CatalogueError: It is wrong, or contradicts the catalogue; names file and key.
    """
    site = read_yaml(path, Site)
    kind = load_kinds().get(site.extends)
    if kind is None:
        raise CatalogueError(
            f"{path.name}: extends: expected one of {', '.join(sorted(load_kinds()))}."
        )
    _check_against_catalogue(path, site)
    merged: dict[str, object] = {
        "name": path.stem,
        "site": site,
        "kind": kind.id,
        "server": {**kind.server.model_dump(), **site.server},
        "budgets": {**kind.budgets.model_dump(), **site.budgets},
    }
    return validated(path, merged, SourceProfile)


def _check_against_catalogue(path: Path, site: Site) -> None:
    source = load_sources().get(site.source)
    if source is None:
        raise CatalogueError(
            f"{path.name}: source: expected one of {', '.join(sorted(load_sources()))}."
        )
    organisation = _organisation_of(source, site.delivering_organisation)
    if organisation is None:
        raise CatalogueError(
            f"{path.name}: delivering_organisation: expected one of "
            f"{', '.join(sorted(source.organisations))}, or a number one of them is known by."
        )
    if unknown := set(site.types) - set(load_entities()):
        raise CatalogueError(f"{path.name}: types: {sorted(unknown)} are not in the catalogue.")
    delivered = set(source.organisations[organisation])
    if unexpected := set(site.types) - delivered:
        raise CatalogueError(
            f"{path.name}: types: {sorted(unexpected)} are not delivered by "
            f"{site.delivering_organisation}; expected some of {sorted(delivered - {DELETIONS})}."
        )


def unknown_cohorts(profile: SourceProfile) -> list[str]:
    """Cohort shards that the catalogue's source does not list: their deliveries are refused.

    Args:
        profile: A profile that has been held against the catalogue.
    """
    source = load_sources()[profile.site.source]
    organisation = _organisation_of(source, profile.site.delivering_organisation) or ""
    known = source.cohorts.get(organisation, ())
    return [shard.name for shard in profile.site.groups if shard.name not in known]


def refuse_unknown_cohorts(profile: SourceProfile, shards: Iterable[str | None]) -> None:
    """Not to export for hours what the ingest would then refuse.

    Args:
        profile: The profile.
        shards: Names of cohort shards that are to be exported.

    Raises:
        CatalogueError: The catalogue's source does not list one of them.
    """
    unknown = sorted(set(unknown_cohorts(profile)) & set(shards))
    if unknown:
        site = profile.site
        raise CatalogueError(
            f"profile {profile.name}: {', '.join(unknown)} not among the cohorts of "
            f"{site.delivering_organisation}; their deliveries would be refused. Write them into "
            f"catalogue/sources/{site.source}.yml, as `cohorts: {{organisation: [names]}}`: a "
            "release waits until each of them has delivered."
        )


def _organisation_of(source: Source, named: str) -> str | None:
    for name in source.organisations:
        if named in {name, *(former.number for former in source.known_as.get(name, ()))}:
            return name
    return None
