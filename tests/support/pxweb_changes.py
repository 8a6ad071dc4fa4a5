"""Ways to prepare a ``PxWebServer`` for a test: other limits, moods, another reply.

Belongs here: what more than one file of tests asks of the server. Does not belong here: the server
(``pxweb_server``), and what a client must make of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import polars as pl

from tests.support.pxweb_server import PROBLEM, Change, Document, Mood, PxWebServer, problem


def config(**values: object) -> Callable[[PxWebServer], None]:
    """What ``/config`` says, and what the server keeps to."""
    return lambda server: server.config.update(values)


def moods(*each: Mood) -> Callable[[PxWebServer], None]:
    """What the next calls get instead of their reply, one each."""
    return lambda server: server.moods.extend(each)


def changed(change: Change, where: str = "/data") -> Callable[[PxWebServer], None]:
    """Every reply from an address, changed before it is sent."""
    return lambda server: server.change.update({where: change})


def refusal(status: int, **headers: str) -> Mood:
    """A mood of the data's address: a status that is no success, with headers."""
    said = {"Content-Type": PROBLEM} | {k.replace("_", "-"): v for k, v in headers.items()}
    return Mood("/data", status, said, problem("Too many requests", status))


def sparse(document: Document) -> None:
    """Values by position, in no order."""
    values = list(enumerate(document["value"]))[::-1]
    document["value"] = {str(place): value for place, value in values}


def other_order(document: Document) -> None:
    """Dimensions the other way round, with the values in their order."""
    names, sizes, values = document["id"], document["size"], document["value"]
    table = pl.DataFrame(list(itertools.product(*map(range, sizes))), schema=names, orient="row")
    table = table.with_columns(value=pl.Series(values)).sort(names[::-1])
    document.update(id=names[::-1], size=sizes[::-1], value=table["value"].to_list())
