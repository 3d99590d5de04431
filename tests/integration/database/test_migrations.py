from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from soniquescan.database import migrations
from soniquescan.database.connection import connect
from soniquescan.database.migrations import Migration, migrate, require_schema
from soniquescan.errors import DatabaseError

FIRST = Migration(1, "0001_first", "CREATE TABLE first (n int); INSERT INTO first VALUES (1)")
SECOND = Migration(2, "0002_second", "ALTER TABLE first ADD COLUMN m int; CREATE TABLE second (n int)")
BROKEN = Migration(2, "0002_broken", "CREATE TABLE second (n int); SELECT 1 / 0")


@pytest.fixture
def connection(empty_database):
    with connect(empty_database, application_name="tests") as connection:
        yield connection


@pytest.fixture
def known(monkeypatch):
    """Sets the migrations that this version of the program knows."""
    return lambda *these: monkeypatch.setattr(migrations, "_migrations", lambda: these)


def applied(connection):
    return connection.execute("SELECT number, name, applied_at FROM soniquescan.migrations ORDER BY 1").fetchall()


def test_files_are_numbered_without_a_gap_and_sorted():
    numbers = [migration.number for migration in migrations._migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_table_is_in_our_schema(connection):
    migrate(connection)
    schemas = connection.execute(
        "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    assert schemas == [("soniquescan",)]


def test_each_is_applied_once_in_order(connection, known):
    known(FIRST)
    migrate(connection)
    [first] = applied(connection)
    known(FIRST, SECOND)
    migrate(connection)
    migrate(connection)
    assert [row[:2] for row in applied(connection)] == [(1, "0001_first"), (2, "0002_second")]
    assert applied(connection)[0] == first
    assert connection.execute("SELECT n, m FROM first").fetchall() == [(1, None)]


def test_failure_leaves_the_database_as_it_was(connection, known):
    known(FIRST, BROKEN)
    with pytest.raises(DatabaseError, match="division by zero"):
        migrate(connection)
    assert connection.execute("SELECT to_regnamespace('soniquescan')").fetchone() == (None,)
    known(FIRST, SECOND)
    migrate(connection)
    assert len(applied(connection)) == 2


def test_database_of_a_newer_version_is_refused(connection, known):
    known(FIRST, SECOND)
    migrate(connection)
    known(FIRST)
    with pytest.raises(DatabaseError, match="newer version"):
        migrate(connection)


def test_several_at_once_apply_each_once(empty_database):
    """All find an empty database before any of them begins."""
    barrier = threading.Barrier(4)

    def migrate_with_the_others(_):
        with connect(empty_database, application_name="tests") as connection:
            barrier.wait()
            migrate(connection)
            return applied(connection)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(migrate_with_the_others, range(4)))
    assert len(outcomes[0]) == len(migrations._migrations())
    assert outcomes == [outcomes[0]] * 4


def test_reading_before_the_first_scan_says_so(connection):
    with pytest.raises(DatabaseError, match="nothing has been scanned"):
        require_schema(connection)
    migrate(connection)
    require_schema(connection)
