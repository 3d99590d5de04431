"""A signal at any moment of a command, from its first to its last: one line at most, and the code of that signal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from soniquescan.settings import DSN_VARIABLE

SCRIPT = Path(sys.executable).with_name("soniquescan")
AS_A_MODULE = [sys.executable, "-m", "soniquescan"]
MOMENTS_S = [number * 0.004 for number in range(26)]  # to 100 ms, when `--help` is over
SILENT_OR_A_LINE = {b"", b"soniquescan: interrupted\n"}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells whether a process handles signals yet")


def handles_signals(process):
    """Say whether the command has come so far that it handles signals; until then Python has yet to start it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def wait_until_it_handles_signals(process):
    while not handles_signals(process) and process.poll() is None:
        pass  # a sleep would miss the first moments


def interrupt(process, moment_s, number):
    """Send the signal at that moment after the command handles signals; return its code and what it said."""
    wait_until_it_handles_signals(process)
    time.sleep(moment_s)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    return process.returncode, said


@pytest.fixture
def start(tmp_path):
    """A function that starts a command whose database cannot be reached."""

    def start(*command, **options):
        environment = os.environ | {DSN_VARIABLE: f"host={tmp_path} dbname=nothing"}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=pipe, **options)

    return start


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("command", [[str(SCRIPT)], AS_A_MODULE], ids=["script", "module"])
def test_a_signal_at_any_moment_ends_a_command_without_a_traceback(command, number, code, start):
    if not Path(command[0]).exists():
        pytest.skip("the script is not installed")

    ends = [interrupt(start(*command, "--help"), moment_s, number) for moment_s in MOMENTS_S]

    assert [said for _, said in ends if said not in SILENT_OR_A_LINE] == []
    assert {ended_with for ended_with, _ in ends} <= {code, 0}  # 0: it was over before
    assert (code, b"") in ends


def test_ctrl_c_before_the_command_line_is_imported_is_python_s_own(start):
    """Until Python has come to our first lines, it may complain; in our imports it may not."""
    said = []
    for moment_s in MOMENTS_S:
        process = start(*AS_A_MODULE, "--help")
        time.sleep(moment_s)
        process.send_signal(signal.SIGINT)
        said.append(process.communicate(timeout=20)[1])

    assert [words for words in said if b"cli.py" in words] == []


@pytest.mark.parametrize("arguments", [("scan", "/"), ("sql", "SELECT 1"), ("errors",)], ids=lambda names: names[0])
def test_ctrl_c_while_a_command_is_imported_ends_it_without_a_traceback(arguments, start):
    ends = [interrupt(start(*AS_A_MODULE, *arguments), moment_s, signal.SIGINT) for moment_s in MOMENTS_S]

    assert [said for _, said in ends if b"Traceback" in said] == []
    assert {code for code, _ in ends} <= {130, 1}  # 1: there is no such database


def test_under_nohup_the_end_of_the_terminals_session_is_ignored(start):
    process = start("env", "--ignore-signal=HUP", *AS_A_MODULE, "--help")
    wait_until_it_handles_signals(process)
    process.send_signal(signal.SIGHUP)

    assert process.communicate(timeout=20)[1] == b""
    assert process.returncode == 0


def test_ctrl_c_counts_though_a_shell_has_put_the_command_behind_an_ampersand(start):
    process = start("env", "--ignore-signal=INT", *AS_A_MODULE, "--help")
    assert interrupt(process, 0.01, signal.SIGINT)[0] == 130
