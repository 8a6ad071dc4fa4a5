"""Errors of the table door.

Here: the exceptions that callers may catch. Not here: the checks that raise them. Messages
carry counts, rule and column names only, never a cell's value.
"""

from __future__ import annotations


class TableError(ValueError):
    """The input of the table door is malformed: columns, ids, bounds or options."""


class InconsistentTableError(TableError):
    """No non-negative base values within the public bounds reproduce the cells' values."""


class ProtectionError(RuntimeError):
    """No pattern of hidden cells satisfies the audit; nothing may be published."""


class NoOptimumError(TableError):
    """The solver stopped without an answer; whoever asks must not take that for a proof."""
