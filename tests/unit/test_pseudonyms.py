"""Pseudonyms: the construction as documented, and what it keeps apart."""

import hashlib
import hmac
import threading

import numpy as np
import polars as pl
import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given, settings
from hypothesis import strategies as st

import anonymization.pseudonyms as module
from anonymization.keys import Key
from anonymization.pseudonyms import Pseudonymiser

KEY = Key("k1", 1, bytes(range(32)))
TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=80)), max_size=30)


def by_the_standards(secret, purpose, domain, identifier):
    """HKDF-SHA-256 by RFC 5869 from the standard library alone, and CMAC one at a time."""
    info = b"folkepuls pseudonym 2"
    for part in (purpose.encode(), domain.encode()):
        info += len(part).to_bytes(4, "big") + part
    extracted = hmac.digest(bytes(32), secret, "sha256")
    domain_key = hmac.digest(extracted, info + b"\x01", "sha256")
    cmac = CMAC(algorithms.AES256(domain_key))
    cmac.update(identifier.encode())
    return cmac.finalize().hex()


def expected(texts):
    return [
        None if text is None else by_the_standards(KEY.secret, "restricted", "person", text)
        for text in texts
    ]


def made(column):
    return Pseudonymiser(KEY).column(column, domain="person")


def pseudonyms(values, purpose="restricted", domain="person", key=KEY):
    column = pl.Series("id", values, dtype=pl.String)
    return Pseudonymiser(key, purpose).column(column, domain=domain)


def test_the_construction_is_the_documented_one():
    got = pseudonyms(["10915596784", "Blåbærsyltetøy", ""])
    assert got.to_list() == [
        by_the_standards(KEY.secret, "restricted", "person", text)
        for text in ("10915596784", "Blåbærsyltetøy", "")
    ]


def test_a_column_without_repetition_keeps_its_order():
    texts = ["c", "a", None, "b"]
    assert pseudonyms(texts).to_list() == pseudonyms([*texts, "a"]).to_list()[:4]
    assert pseudonyms(["c", "a"]).to_list() == pseudonyms(["a", "c"]).to_list()[::-1]


@settings(max_examples=50)
@given(TEXTS)
def test_any_strings_in_any_mixture(texts):
    assert pseudonyms(texts).to_list() == expected(texts)


@pytest.mark.parametrize("size", range(81))
@pytest.mark.parametrize("letter", ["a", "ø"])
def test_any_length(size, letter):
    texts = [letter * size, "b" * size, None]
    assert pseudonyms(texts).to_list() == expected(texts)


@settings(max_examples=40)
@given(TEXTS, TEXTS, st.integers(0, 40), st.integers(0, 40), st.sampled_from([8, 16, 1 << 15]))
def test_slices_and_chunks_and_pieces_make_no_difference(first, second, begin, size, piece):
    """However the column lies in memory, and wherever it is cut to be worked."""
    column = pl.Series("id", first, dtype=pl.String)
    column = column.append(pl.Series("id", second, dtype=pl.String)).slice(begin, size)
    texts = (first + second)[begin : begin + size]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK_ROWS", piece)
        got = made(column)
    assert got.to_list() == expected(texts)
    assert got.null_count() == texts.count(None)


@pytest.mark.parametrize("nulls", [False, True])
def test_the_digits_may_take_several_buffers(monkeypatch, nulls):
    monkeypatch.setattr(module, "_BUFFER_BITS", 4)
    monkeypatch.setattr(module, "_BUFFER_ROWS", 16)
    monkeypatch.setattr(module, "_CHUNK_ROWS", 24)
    texts = [None if nulls and row % 3 == 0 else f"enk-{row:08d}" for row in range(101)]
    got = pseudonyms(texts)
    assert got.to_list() == expected(texts)
    # What is done with the result later works on its buffers.
    assert got.rechunk().sort().to_list()[-1] == max(filter(None, got.to_list()))
    assert got.gather([100, 17, 1]).to_list() == [got[100], got[17], got[1]]


def test_a_long_column_keeps_its_order_and_no_two_of_a_million_meet():
    numbers = pl.Series("id", np.random.default_rng(5).permutation(1_000_000)).cast(pl.String)
    got = made("pas-" + numbers)
    assert got.n_unique() == got.len() == 1_000_000
    rows = [0, 1, (1 << 15) - 1, 1 << 15, 999_999]
    assert got.gather(rows).to_list() == expected([f"pas-{numbers[row]}" for row in rows])


def test_threads_do_not_disturb_each_other():
    column = "pas-" + pl.Series("id", range(100_000)).cast(pl.String)
    door, alone, together = Pseudonymiser(KEY), made(column), [None] * 4

    def work(index):
        together[index] = door.column(column, domain="person")

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(got.equals(alone) for got in together)


def test_the_form():
    got = pseudonyms(["a", None, "b", "a"])
    assert got.name == "id"
    assert got[1] is None
    assert got[0] == got[3] != got[2]
    assert got.drop_nulls().str.contains("^[0-9a-f]{32}$").all()


@pytest.mark.parametrize(
    "other",
    [
        {"purpose": "release-1"},
        {"domain": "patient-reference"},
        {"key": Key("k1", 1, bytes(32))},
        # Where one part ends and the next begins matters.
        {"purpose": "restrictedp", "domain": "erson"},
    ],
)
def test_purpose_domain_and_key_keep_pseudonyms_apart(other):
    assert pseudonyms(["a"])[0] != pseudonyms(["a"], **other)[0]


def test_the_name_and_epoch_of_a_key_are_only_its_label():
    assert pseudonyms(["a"]).equals(pseudonyms(["a"], key=Key("k9", 9, KEY.secret)))


def test_the_key_is_not_shown():
    assert KEY.secret.hex() not in repr(Pseudonymiser(KEY))
    assert repr(KEY.secret) not in repr(Pseudonymiser(KEY))


def test_numbers_are_refused_since_leading_zeros_matter():
    with pytest.raises(TypeError, match="column 'id'"):
        Pseudonymiser(KEY).column(pl.Series("id", [123]), domain="person")


def test_purpose_and_domain_must_be_named():
    with pytest.raises(ValueError, match="domain"):
        pseudonyms(["a"], domain="")
    with pytest.raises(ValueError, match="purpose"):
        Pseudonymiser(KEY, purpose="")


def test_an_empty_column_stays_empty():
    assert pseudonyms([]).to_list() == []
    assert pseudonyms([]).dtype == pl.String
    assert pseudonyms([None, None]).to_list() == [None, None]


@settings(max_examples=40)
@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), max_size=30))
def test_equal_identifiers_and_only_they_share_a_pseudonym(texts):
    got = pseudonyms(texts).to_list()
    assert len(got) == len(texts)
    for text, pseudonym in zip(texts, got, strict=True):
        assert (text is None) == (pseudonym is None)
    known = {text for text in texts if text is not None}
    assert len({pseudonym for pseudonym in got if pseudonym is not None}) == len(known)


def test_without_the_key_a_dictionary_of_numbers_yields_nothing():
    numbers = [f"{number:011d}" for number in range(2000)]
    seen = set(pseudonyms(numbers))
    unkeyed = {hashlib.sha256(number.encode()).hexdigest()[:32] for number in numbers}
    guessed = set(pseudonyms(numbers, key=Key("guess", 1, hashlib.sha256(b"guess").digest())))
    assert not seen & (unkeyed | guessed)
