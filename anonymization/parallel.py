"""Independent pieces of work side by side, on threads: the solver lets go of the interpreter.

Here: one loop, in order, on as many threads as there are processors. Not here: any work. Results do
not depend on the number of threads; a piece that starts pieces of its own runs them itself, so
that there are never more threads than processors.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_here = local()


def side_by_side(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
    """What some work makes of each piece, in the order of the pieces.

    Args:
        work: Must not depend on the other pieces.
        pieces: What is worked on.

    Raises:
        Exception: What the work raised on the first piece on which it did.
    """
    todo = list(pieces)
    if len(todo) < 2 or getattr(_here, "inside", False):
        return [work(piece) for piece in todo]

    def inside(piece: Piece) -> Result:
        _here.inside = True
        return work(piece)

    with ThreadPoolExecutor(min(len(todo), os.cpu_count() or 1)) as threads:
        return list(threads.map(inside, todo))
