from __future__ import annotations

import pytest

from soniquescan.tags.freeform import add_freeform
from soniquescan.tags.mapping import ID3_TXXX, VORBIS


def add(*pairs, names=VORBIS, kind=None, values=None):
    values = {} if values is None else values
    add_freeform(values, [(key, list(texts)) for key, *texts in pairs], names, kind)
    return values


def test_known_keys_are_tags_in_any_case():
    assert add(("TITLE", "a"), ("Title", "b")) == {"title": ["a", "b"]}


def test_unknown_keys_stay_as_first_spelled():
    assert add(("MyKey", "a"), ("MYKEY", "b"), ("Other", "c")) == {"MyKey": ["a", "b"], "Other": ["c"]}


@pytest.mark.parametrize(
    ("text", "name", "person"),
    [
        ("Joe Barr (piano)", "performer:piano", "Joe Barr"),
        ("Joe Barr (drums (drum set))", "performer:drums (drum set)", "Joe Barr"),
        ("Joe (Jack) Barr (piano)", "performer:piano", "Joe (Jack) Barr"),
        ("Joe Barr", "performer", "Joe Barr"),
        ("(piano)", "performer", "(piano)"),
        ("Joe ()", "performer", "Joe ()"),
        ("Joe piano)", "performer", "Joe piano)"),
        (")", "performer", ")"),
    ],
)
def test_the_instrument_of_a_performer_stands_in_brackets(text, name, person):
    assert add(("PERFORMER", text)) == {name: [person]}


def test_a_musicip_fingerprint_is_told_from_others():
    fingerprints = ("FINGERPRINT", "MusicMagic Fingerprint AAA", "another")
    assert add(fingerprints) == {"musicip_fingerprint": ["AAA"], "fingerprint": ["another"]}


def test_a_key_that_the_format_has_a_place_for_fills_it_only_when_empty():
    names = {"names": ID3_TXXX, "kind": "TXXX"}
    assert add(("Title", "x"), **names) == {"title": ["x"]}
    assert add(("Title", "x"), values={"title": ["y"]}, **names) == {"title": ["y"], "TXXX:Title": ["x"]}
    assert add(("Title", "y"), values={"title": ["y"]}, **names) == {"title": ["y"]}
