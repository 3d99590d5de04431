"""An initialised data folder for each test, and a server that is reached over TCP with passwords."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager

import psycopg
import pytest

from soniquescan.database.binaries import SERVER_ENVIRONMENT, find_installation
from soniquescan.database.embedded import running_server
from tests.servers import kill_server, wait_until

PASSWORD = "correct horse"


@pytest.fixture(scope="session")
def initialised_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("initialised")
    with running_server(folder):
        pass
    return folder


@pytest.fixture
def data_folder(initialised_folder, tmp_path):
    """A data folder of the test's own, in which initdb has been run; no server is left when the test ends."""
    folder = tmp_path / "soniquescan"
    shutil.copytree(initialised_folder, folder)
    yield folder
    kill_server(folder)


@pytest.fixture(scope="session")
def tcp_server(tmp_path_factory):
    """Connection parameters of the superuser of a server on TCP that asks for passwords."""
    with _tcp_server(tmp_path_factory.mktemp("tcp")) as parameters:
        yield parameters


@contextmanager
def _tcp_server(folder):
    installation = find_installation()
    (folder / "password").write_text(PASSWORD)
    folder.chmod(0o777)  # where root has to become another user
    options = ["-U", "admin", "-E", "UTF8", "--locale=C", "-A", "scram-sha-256", "--pwfile=password", "-D", "data"]
    run = {"cwd": folder, "env": SERVER_ENVIRONMENT}
    subprocess.run(installation.command("initdb", "--no-sync", *options), check=True, capture_output=True, **run)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server_options = ["--listen_addresses=127.0.0.1", f"--port={port}", "--unix_socket_directories=", "--fsync=off"]
    command = installation.command("postgres", "-D", "data", *server_options)
    parameters = {"host": "127.0.0.1", "port": port, "user": "admin", "password": PASSWORD, "dbname": "postgres"}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, **run) as server:
        try:
            wait_until(lambda: _accepts(parameters))
            yield parameters
        finally:
            server.send_signal(signal.SIGQUIT)  # does not wait for connections


def _accepts(parameters):
    try:
        psycopg.connect(**parameters).close()
    except psycopg.OperationalError:
        return False
    return True
