"""Pseudonyms: the construction as documented, and what it keeps apart."""

import hashlib
import hmac

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.keys import Key
from anonymization.pseudonyms import Pseudonymiser, _keyed

KEY = Key("k1", 1, bytes(range(32)))


def by_the_standards(secret, purpose, domain, identifier):
    """HKDF-SHA-256 by RFC 5869 and HMAC-SHA-256, from the standard library alone."""
    info = b"folkepuls pseudonym 1"
    for part in (purpose.encode(), domain.encode()):
        info += len(part).to_bytes(4, "big") + part
    extracted = hmac.digest(bytes(32), secret, "sha256")
    domain_key = hmac.digest(extracted, info + b"\x01", "sha256")
    return hmac.digest(domain_key, identifier.encode(), "sha256")[:16].hex()


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


@pytest.mark.parametrize(
    ("key", "text", "digest"),
    [
        (b"\x0b" * 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b"),
        (b"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"),
    ],
)
def test_the_keyed_hash_gives_the_published_digests(key, text, digest):
    """RFC 4231, test cases 1 and 2, first 128 bits."""
    assert _keyed(key)(text) == digest


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.binary(max_size=64), st.text(max_size=200))
def test_the_keyed_hash_is_the_standard_librarys_hmac(key, text):
    assert _keyed(key)(text) == hmac.digest(key, text.encode(), "sha256")[:16].hex()


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


def test_each_distinct_identifier_is_hashed_once(monkeypatch):
    import anonymization.pseudonyms as module

    hashed = []
    monkeypatch.setattr(module, "_keyed", lambda key: lambda text: hashed.append(text) or text)
    got = pseudonyms(["a", "b", None, "a"] * 50)
    assert sorted(hashed) == ["a", "b"]
    assert got.len() == 200


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


@settings(derandomize=True, deadline=None, max_examples=60)
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
