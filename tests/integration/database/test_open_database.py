from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg

from soniquescan.database import open_database
from soniquescan.settings import DatabaseSettings
from tests.servers import server_processes


def test_dsn_is_used_as_it_is_and_nothing_is_started(tmp_path):
    with open_database(DatabaseSettings(dsn="host=elsewhere", data_folder=tmp_path / "data")) as database:
        assert database.conninfo == "host=elsewhere"
        database.revive()  # is its owner's business
    assert not (tmp_path / "data").exists()


def test_embedded_server_otherwise(data_folder):
    with open_database(DatabaseSettings(dsn=None, data_folder=data_folder)) as database:
        psycopg.connect(database.conninfo).close()
    assert server_processes(data_folder) == []


def test_import_is_cheap():
    """`--help` need not wait for a database driver."""
    program = "import sys, soniquescan.database; print('psycopg' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", program], cwd=Path.cwd(), capture_output=True, text=True, check=True)
    assert output.stdout == "False\n"
