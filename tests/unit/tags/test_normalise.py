from __future__ import annotations

import pytest

from soniquescan.tags import normalise


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2004", "2004"),
        ("2004-06", "2004-06"),
        ("2004-06-30", "2004-06-30"),
        ("2004-6-3", "2004-06-03"),
        (" 2004-06-30 ", "2004-06-30"),
        ("2004-02-29", "2004-02-29"),
        ("2004-00-00", "2004"),
        ("2004-06-00", "2004-06"),
        ("2004-06-30T12:00:00Z", "2004-06-30"),
        ("2004-06-30 12:00", "2004-06-30"),
        ("2004/06/30", "2004-06-30"),
        ("2004.06.30", "2004-06-30"),
        ("2004/06", "2004-06"),
        ("20040630", "2004-06-30"),
        ("30.06.2004", "2004-06-30"),
        ("13/05/2004", "2004-05-13"),
        ("05/13/2004", "2004-05-13"),
        ("05/05/2004", "2004-05-05"),
        ("30 June 2004", "2004-06-30"),
        ("30. Jun 2004", "2004-06-30"),
        ("June 30, 2004", "2004-06-30"),
        ("Jun 2004", "2004-06"),
    ],
)
def test_a_date_that_is_certain_is_normalised(text, date):
    assert normalise.date(text) == date


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0000",
        "0",
        "99",
        "20040",
        "2004-13",
        "2004-02-30",
        "2003-02-29",
        "2004-00-05",
        "20041345",
        "05/06/2004",
        "31.04.2004",
        "Ju 2004",
        "Ma 2004",
        "summer 2004",
        "2004-06-30-12",
        "2004?",
        "٢٠٠٤",
        "99999999999",
    ],
)
def test_a_date_that_is_not_certain_is_none(text):
    assert normalise.date(text) is None


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2004", 2004),
        ("2004-13-45", 2004),
        ("20041345", 2004),
        ("05/06/2004", 2004),
        ("c. 1985 (remaster 2004)", 1985),
        ("0000", None),
        ("99", None),
        ("20040", None),
        ("99999999999", None),
        ("", None),
    ],
)
def test_the_year_is_the_first_four_digits(text, year):
    assert normalise.year(text) == year


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", (5, None, True)),
        ("05", (5, None, True)),
        (" 5 / 12 ", (5, 12, True)),
        ("0", (0, None, True)),
        ("/12", (None, 12, True)),
        ("5/", (5, None, True)),
        ("2147483647", (2147483647, None, True)),
        ("2147483648", (None, None, False)),
        ("99999999999/12", (None, 12, False)),
        ("5/99999999999", (5, None, False)),
        ("0000000000000000005", (5, None, True)),
        ("A1", (None, None, False)),
        ("-1", (None, None, False)),
        ("5.0", (None, None, False)),
        ("5 of 12", (None, None, False)),
        ("1/2/3", (None, None, False)),
        ("٣", (None, None, False)),
        ("9" * 5000, (None, None, False)),
    ],
)
def test_numbers_and_totals(text, expected):
    assert normalise.number_of_total(text) == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("-7.03 dB", -7.03),
        ("-7.03dB", -7.03),
        ("+1.5 DB", 1.5),
        ("-7,03 dB", -7.03),
        ("0.988553", 0.988553),
        (".5", 0.5),
        ("128", 128.0),
        ("1e-3", 0.001),
        ("1e999", None),
        ("nan", None),
        ("inf", None),
        ("128 BPM", None),
        ("1.2.3", None),
        ("1,000.5", None),
        ("", None),
        ("dB", None),
    ],
)
def test_decimals(text, number):
    assert normalise.decimal(text) == number


@pytest.mark.parametrize(
    ("text", "gain"), [("0", 5.0), ("256", 6.0), ("-3079", -3079 / 256 + 5), ("+256", 6.0), ("x", None), ("1/2", None)]
)
def test_r128_gains_are_q7_8_and_five_decibels_more(text, gain):
    assert normalise.r128_gain_db(text) == gain


@pytest.mark.parametrize(
    ("text", "genres"),
    [
        ("Rock", ("Rock",)),
        ("Rock; Pop/Folk, Jazz", ("Rock", "Pop", "Folk", "Jazz")),
        (" ;Rock;; ", ("Rock",)),
        ("Drum & Bass", ("Drum & Bass",)),
        ("17", ("Rock",)),
        ("(17)", ("Rock",)),
        ("(17)Rock", ("Rock",)),
        ("(4)Eurodisco", ("Disco", "Eurodisco")),
        ("((Foo)", ("(Foo)",)),
        ("(51)(39)", ("Techno-Industrial", "Noise")),
        ("(RX)", ("Remix",)),
        ("(CR)(17)Live", ("Cover", "Rock", "Live")),
        ("RX", ("Remix",)),
        ("Music (80)", ("Music (80)",)),
        ("80s", ("80s",)),
        ("2000", ("2000",)),
        ("9" * 5000, ("9" * 5000,)),
        ("Rock;Rock", ("Rock",)),
    ],
)
def test_genres_are_split_and_numbers_become_names(text, genres):
    assert normalise.genres(text) == genres


@pytest.mark.parametrize(
    ("text", "uuid"),
    [
        ("C0000001-0000-4000-8000-00000000000A", "c0000001-0000-4000-8000-00000000000a"),
        (" c0000001-0000-4000-8000-00000000000a ", "c0000001-0000-4000-8000-00000000000a"),
        ("c0000001000040008000000000000000", None),
        ("c0000001-0000-4000-8000-00000000000g", None),
        ("", None),
    ],
)
def test_uuids_are_canonical_or_none(text, uuid):
    assert normalise.uuid(text) == uuid


@pytest.mark.parametrize("joined", ["a/b", "a; b", "a,b", "a b", "a/ b/"])
def test_joined_ids_are_split(joined):
    assert normalise.split_ids(joined) == ("a", "b")


@pytest.mark.parametrize(
    ("texts", "types"),
    [
        (["album", "live"], ("album", "live")),
        (["album/live"], ("album", "live")),
        (["Album; Live"], ("Album", "Live")),
        (["album/Mixtape/Street/live"], ("album", "Mixtape/Street", "live")),
        (["album", "album"], ("album",)),
    ],
)
def test_release_types_are_split_but_not_mixtape_street(texts, types):
    assert normalise.release_types(texts) == types


@pytest.mark.parametrize(
    ("text", "flag"),
    [("1", True), ("true", True), (" YES", True), ("0", False), ("False", False), ("maybe", None), ("2", None)],
)
def test_flags(text, flag):
    assert normalise.flag(text) is flag
