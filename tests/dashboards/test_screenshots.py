"""The documentation's pictures: there, light, and as wide as the pages they show.

They are taken by ``python -m tests.support.pictures`` from a demonstration.
"""

from __future__ import annotations

import struct

import pytest

from tests.support.pictures import FOLDER, PICTURES, WIDTH, Picture

HEAVIEST = 400_000
SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_there_light_and_of_its_size(picture: Picture) -> None:
    content = (FOLDER / f"{picture.name}.png").read_bytes()
    assert content.startswith(SIGNATURE)
    assert struct.unpack(">II", content[16:24]) == (WIDTH, picture.height)
    # A page that did not draw is nearly all white, and packs to a tenth of this.
    assert 40_000 < len(content) < HEAVIEST
