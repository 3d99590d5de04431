"""PostgreSQL servers as administrators have them: stopped, started again and killed while somebody uses them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress

import psutil

from soniquescan.database.binaries import SERVER_ENVIRONMENT
from soniquescan.database.cluster import NO_HOSTADDR, SERVER_OPTIONS, open_cluster, server_url

WAIT_S = 20.0


def wait_until(condition, timeout_s=WAIT_S):
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.005)


def server_processes(folder):
    """The PostgreSQL processes that work in a data folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and os.fsencode(process.cwd()).startswith(os.fsencode(folder)):
                found.append(process)
        except psutil.Error:
            continue
    return found


def kill_server(folder):
    """End whatever works in a data folder, as a power cut would."""
    for process in server_processes(folder):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until(lambda: not server_processes(folder))


class Server:
    """A server in a data folder in which there is a cluster already; the program knows nothing of it but its DSN."""

    def __init__(self, data_folder, *options):
        self._cluster = open_cluster(data_folder)
        self._options = options
        self._process = None
        self.dsn = server_url(self._cluster.data) + NO_HOSTADDR

    def start(self):
        command = self._cluster.installation.command("postgres", "-D", "data", *SERVER_OPTIONS, *self._options)
        self._process = subprocess.Popen(
            command, cwd=self._cluster.folder, env=SERVER_ENVIRONMENT, stderr=subprocess.DEVNULL
        )
        wait_until(lambda: self._cluster.answers(self._cluster.data))

    def ask_to_stop(self, number=signal.SIGINT):
        """SIGTERM waits for those who are connected, SIGINT cuts them off in order, SIGQUIT at once."""
        self._process.send_signal(number)

    def stop(self, number=signal.SIGINT):
        self.ask_to_stop(number)
        self._process.wait(WAIT_S)

    def restart(self, number=signal.SIGINT):
        self.stop(number)
        self.start()


@contextmanager
def running(data_folder, *options):
    server = Server(data_folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.ask_to_stop(signal.SIGQUIT)
        server.stop(signal.SIGKILL)
