from __future__ import annotations

import pytest

from soniquescan.database.connection import CopyTarget, _advice, require_version
from soniquescan.errors import DatabaseError


@pytest.mark.parametrize("version", [140000, 140023, 150018, 180006, 190000])
def test_supported_versions(version):
    require_version(version)


@pytest.mark.parametrize(
    ("version", "name"), [(139999, "13.9999"), (130023, "13.23"), (90624, "9.6"), (100000, "10.0")]
)
def test_older_versions_are_refused_by_name(version, name):
    with pytest.raises(DatabaseError, match=rf"PostgreSQL {name}; soniquescan needs 14 or newer"):
        require_version(version)


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("53100", "make room"),
        ("28P01", "password"),
        ("57P01", "shut down"),
        ("57P03", "try again"),
        ("08006", "committed"),
    ],
)
def test_advice_is_the_most_special_there_is(sqlstate, expected):
    assert expected in _advice(sqlstate)


@pytest.mark.parametrize("sqlstate", [None, "22012", "53000"])
def test_no_advice_is_better_than_a_wrong_one(sqlstate):
    assert _advice(sqlstate) is None


def test_copy_names_are_quoted():
    target = CopyTarget('ta"ble', ("a b", "c"), ("text", "int8"))
    assert target.statement().as_string() == 'COPY "ta""ble" ("a b", "c") FROM STDIN (FORMAT binary)'
