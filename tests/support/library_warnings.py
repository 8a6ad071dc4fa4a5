"""Warnings that libraries give about themselves, which nobody here can mend.

Belongs here: filters as narrow as their message allows. Does not belong here: anything that our
own code is warned about; that stays an error.
"""

from __future__ import annotations

import pytest

LIBRARY_WARNINGS = (
    # dagster-dbt asks for sqlglot with its old tokenizer.
    "ignore:sqlglotrs is deprecated:DeprecationWarning",
    # Dagster reads its resources' fields by a name that pydantic gives up.
    "ignore:The `__fields__` attribute is deprecated:DeprecationWarning",
)

ignoring_library_warnings = [pytest.mark.filterwarnings(text) for text in LIBRARY_WARNINGS]
