"""What many tests need: one embedded server, a fresh database for each test, and files from other projects."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

import soniquescan
from soniquescan.database.binaries import find_installation
from soniquescan.database.connection import connect
from soniquescan.database.embedded import running_server
from soniquescan.database.migrations import migrate

TEMPLATE = "template_soniquescan"
CORPUS_VARIABLE = "SONIQUESCAN_CORPUS"


def pytest_addoption(parser):
    group = parser.getgroup("soniquescan")
    group.addoption("--mutations", type=int, default=3000, metavar="N", help="broken files to read (default: 3000)")
    group.addoption("--mutations-seed", type=int, default=1, metavar="SEED", help="how to break them (default: 1)")


def pytest_configure():
    """Refuse to test what was compiled before its source was changed."""
    for file in Path(soniquescan.__file__).parent.rglob("*.so"):
        source = file.with_name(file.name.partition(".")[0] + ".py")
        if not source.exists() or source.stat().st_mtime > file.stat().st_mtime:
            raise pytest.UsageError(f"{source} has changed since it was compiled: run pip install -e '.[dev]'")


def pytest_report_header():
    packages = ", ".join(f"{name} {version(name)}" for name in ("mutagen", "psycopg", "hypothesis"))
    return f"Python {platform.python_version()}, PostgreSQL {find_installation().major}, {packages}"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Conninfo of an embedded server that all tests share."""
    with running_server(tmp_path_factory.mktemp("server")) as database:
        yield database.conninfo


@pytest.fixture(scope="session")
def fresh_database(server):
    """A function that makes a database, empty or migrated, and returns its conninfo."""
    numbers = count(1)
    with psycopg.connect(server, autocommit=True) as administrator:
        # Nothing here has to survive a power cut; a database is made in 8 ms instead of 24.
        administrator.execute("ALTER SYSTEM SET fsync TO off")
        administrator.execute("SELECT pg_reload_conf()")

        def create(name, template):
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            administrator.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
            return make_conninfo(server, dbname=name)

        with connect(create(TEMPLATE, "template0"), application_name="tests") as connection:
            migrate(connection)
        yield lambda *, migrated=True: create(f"test_{next(numbers)}", TEMPLATE if migrated else "template0")


@pytest.fixture
def empty_database(fresh_database):
    """Conninfo of a database of the test's own, before the first migration."""
    return fresh_database(migrated=False)


@pytest.fixture
def database(fresh_database):
    """Conninfo of a database of the test's own, migrated."""
    return fresh_database()


@pytest.fixture
def connection(database):
    """A connection to `database`."""
    with connect(database, application_name="tests") as connection:
        yield connection


def corpus_folder():
    """Where the folder is, if it is there."""
    beside_checkout = Path(__file__).parents[2] / "shared" / "corpus" / "wild"
    return Path(os.environ.get(CORPUS_VARIABLE, beside_checkout))


@pytest.fixture(scope="session")
def corpus():
    """The folder of audio files that other projects test with; they are not ours to ship."""
    folder = corpus_folder()
    if not folder.is_dir():
        pytest.skip(f"no corpus in {folder}; name one with {CORPUS_VARIABLE}")
    return folder
