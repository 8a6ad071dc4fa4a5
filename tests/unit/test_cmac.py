"""AES-256-CMAC over arrays: the published examples, and the library's own one at a time."""

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.cmac import ArrayCmac

# NIST SP 800-38B, appendix D.3 (AES-256), and example 3 (20 bytes) of NIST's later sheet of
# examples for AES-CMAC, which replaces the one of 40 bytes.
NIST_KEY = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
NIST_MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
NIST_TAGS = {
    0: "028962f61b7bf89efc6b551f4667d983",
    16: "28a7023f452e8f82bd4bf28d8c37c35c",
    20: "156727dc0878944a023c1fe03bad6d93",
    40: "aaf3d8f1de5640c232f5b169b9c911e6",
    64: "e1992190549f6ed5696a2c056c315410",
}


def tags(messages, key=NIST_KEY):
    return [bytes(tag) for tag in ArrayCmac(key).tags(views(messages))]


def views(messages):
    return pa.array(messages, pa.binary()).cast(pa.binary_view())


def one_at_a_time(messages, key=NIST_KEY):
    made = []
    for message in messages:
        cmac = CMAC(algorithms.AES256(key))
        cmac.update(message)
        made.append(cmac.finalize())
    return made


@pytest.mark.parametrize("size", NIST_TAGS)
def test_the_published_examples(size):
    message = NIST_MESSAGE[:size]
    # Alone, among its like, and among others.
    assert tags([message])[0].hex() == NIST_TAGS[size]
    assert tags([message] * 3)[2].hex() == NIST_TAGS[size]
    assert tags([b"", NIST_MESSAGE, message])[2].hex() == NIST_TAGS[size]


@pytest.mark.parametrize("size", range(81))
def test_every_size_alone(size):
    """Messages of one size take a path of their own."""
    messages = [bytes([65 + row]) * size for row in range(3)]
    assert tags(messages) == one_at_a_time(messages)


@settings(max_examples=60)
@given(st.binary(min_size=32, max_size=32), st.lists(st.binary(max_size=80), max_size=12))
def test_the_librarys_codes(key, messages):
    assert tags(messages, key) == one_at_a_time(messages, key)


@settings(max_examples=40)
@given(
    st.lists(st.binary(max_size=14), min_size=1, max_size=12),
    st.integers(0, 12),
    st.integers(0, 12),
)
def test_a_slice_of_an_array(messages, begin, size):
    got = ArrayCmac(NIST_KEY).tags(views(messages).slice(begin, size))
    assert [bytes(tag) for tag in got] == one_at_a_time(messages[begin : begin + size])


def test_what_lies_behind_a_short_message_does_not_count():
    """Arrow asks for zeros there; a pseudonym should not rest on every writer's care."""
    dirty = b"\x02\0\0\0ab" + b"\xff" * 10 + b"\x01\0\0\0c" + b"\xee" * 11
    array = pa.Array.from_buffers(pa.binary_view(), 2, [None, pa.py_buffer(dirty)])
    got = ArrayCmac(NIST_KEY).tags(array)
    assert [bytes(tag) for tag in got] == one_at_a_time([b"ab", b"c"])


def test_one_very_long_message_among_short_ones():
    messages = [b"a", NIST_MESSAGE * 200, b"", NIST_MESSAGE]
    assert tags(messages) == one_at_a_time(messages)


def test_a_key_has_256_bits():
    with pytest.raises(ValueError, match="key"):
        ArrayCmac(bytes(16))
