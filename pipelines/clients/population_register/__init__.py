"""The population register: persons by municipality, sex and year of age on 1 January.

Belongs here: fetching it from Statistics Norway's PxWebApi v2 (table 07459) and keeping it with
where it comes from. Does not belong here: what it is used for.
"""

from pipelines.clients.population_register.errors import RegisterError
from pipelines.clients.population_register.fetch import fetch_register
from pipelines.clients.population_register.pace import Clock
from pipelines.clients.population_register.query import Coding
from pipelines.clients.population_register.store import (
    Choice,
    Provenance,
    Register,
    Reply,
    chosen,
    keep,
    kept,
    lay_out,
    totals,
    updated_text,
)
from pipelines.clients.population_register.table import SCHEMA

__all__ = [
    "SCHEMA",
    "Choice",
    "Clock",
    "Coding",
    "Provenance",
    "Register",
    "RegisterError",
    "Reply",
    "chosen",
    "fetch_register",
    "keep",
    "kept",
    "lay_out",
    "totals",
    "updated_text",
]
