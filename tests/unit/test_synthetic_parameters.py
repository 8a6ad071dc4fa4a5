"""Every assumption of the synthetic region says what it means and where it is from."""

from __future__ import annotations

from types import ModuleType
from typing import Annotated

import pytest

from pipelines.synthetic import parameters as par
from pipelines.synthetic import region_page
from pipelines.synthetic.parameters.given import ASSUMED, Given, parameters_of

ALL = par.all_parameters()


def test_no_parameter_is_without_meaning_and_source() -> None:
    assert len(ALL) > 200
    assert all(parameter.what and parameter.source for parameter in ALL)
    assert len({parameter.name for parameter in ALL}) == len(ALL)
    # Code reads them in one namespace: none may be forgotten there.
    assert {name for name in vars(par) if name.isupper()} - {"PARTS"} == {p.name for p in ALL}
    assert any(parameter.source != ASSUMED for parameter in ALL)


def test_the_page_holds_each_one() -> None:
    page = region_page()
    for parameter in ALL:
        (row,) = [line for line in page.splitlines() if f"| `{parameter.name}` |" in line]
        assert row.count(" | ") == 4
        assert row.endswith(f"| {parameter.source} |")


def test_a_value_that_says_nothing_is_refused() -> None:
    module = ModuleType("bare")
    module.SPEED = 3
    module.__annotations__ = {"SPEED": float}
    with pytest.raises(ValueError, match="SPEED has no Given"):
        list(parameters_of(module))
    module.__annotations__ = {"SPEED": Annotated[float, Given("how fast")]}
    (parameter,) = parameters_of(module)
    assert (parameter.what, parameter.source) == ("how fast", ASSUMED)
