"""What goes wrong with the population register, told for people.

Belongs here: the error. Does not belong here: raising it.
"""

from __future__ import annotations


class RegisterError(RuntimeError):
    """The register cannot be had or is not as expected; the message says what to do."""
