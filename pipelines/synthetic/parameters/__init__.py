"""Every assumption of the synthetic region, in one namespace.

Belongs here: the list of parts and the table of them all. Does not belong here: code that draws.
Each value says in its annotation what it means and where it is from (``given``).
"""

from __future__ import annotations

import importlib

from pipelines.synthetic.parameters.care import *  # noqa: F403
from pipelines.synthetic.parameters.children import *  # noqa: F403
from pipelines.synthetic.parameters.clinical import *  # noqa: F403
from pipelines.synthetic.parameters.documentation import *  # noqa: F403
from pipelines.synthetic.parameters.given import Curve, Months, Parameter, parameters_of
from pipelines.synthetic.parameters.hospital import *  # noqa: F403
from pipelines.synthetic.parameters.life import *  # noqa: F403
from pipelines.synthetic.parameters.municipal import *  # noqa: F403
from pipelines.synthetic.parameters.population import *  # noqa: F403
from pipelines.synthetic.parameters.portal import *  # noqa: F403
from pipelines.synthetic.parameters.primary import *  # noqa: F403

PARTS = (
    "population",
    "hospital",
    "primary",
    "clinical",
    "care",
    "municipal",
    "children",
    "portal",
    "documentation",
    "life",
)


def all_parameters() -> list[Parameter]:
    """Every parameter, in the order of the parts."""
    return [
        parameter
        for part in PARTS
        for parameter in parameters_of(importlib.import_module(f"{__name__}.{part}"))
    ]


__all__ = ["PARTS", "Curve", "Months", "Parameter", "all_parameters"]
