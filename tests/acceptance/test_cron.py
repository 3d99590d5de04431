"""What the README has cron and systemd run, as it stands there and with as little of an environment as they give."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.library.generate import generate

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
FILES = 5
ENDS_WITHIN_S = 50  # the first of them makes the embedded database


def blocks(language):
    """The README's blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def crontab_command():
    """The command of the README's line for cron, once its five fields say when."""
    [line] = blocks("crontab")
    *when, command = line.strip().split(maxsplit=5)
    assert len(when) == 5
    assert "%" not in command  # cron would make it a line break
    return command


def units():
    """The README's unit files, by the name that their first line gives them."""
    found = {block.splitlines()[0].rpartition("/")[2]: block for block in blocks("ini")}
    assert sorted(found) == ["soniquescan.service", "soniquescan.timer"]
    return found


def service_command(home):
    """The command of the README's service, as systemd makes it up."""
    [line] = re.findall("^ExecStart=(.*)$", units()["soniquescan.service"], re.MULTILINE)
    return shlex.join(word.replace("%h", str(home)) for word in line.split())


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with some music, and the command where the README puts it."""
    folder = tmp_path_factory.mktemp("home")
    (folder / ".local/bin").mkdir(parents=True)
    (folder / ".local/bin/soniquescan").symlink_to(Path(sys.executable).parent / "soniquescan")
    generate(folder / "Music", files=FILES)
    return folder


def run(command, home):
    """Run a command as cron does: by sh, at home, and with next to no environment."""
    environment = {"HOME": str(home), "LOGNAME": "me", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        ["/bin/sh", "-c", command],
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=ENDS_WITHIN_S,
    )


def tracks(home):
    """How many tracks are there, by another command of the same user."""
    return int(run('"$HOME/.local/bin/soniquescan" sql --csv "SELECT count(*) FROM library"', home).stdout.split()[1])


def test_both_scan_in_silence_and_say_why_they_cannot(home):
    for command in (crontab_command(), service_command(home)):
        done = run(command, home)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert tracks(home) == FILES

    (home / "Music").rename(home / "away")
    for command in (crontab_command(), service_command(home)):
        done = run(command, home)
        assert (done.returncode, done.stdout) == (4, "")
        assert re.fullmatch(rf"soniquescan: .*{home}/Music.*\n", done.stderr)
    assert tracks(home) == FILES


@pytest.mark.parametrize("name", units())
def test_systemd_finds_nothing_wrong_with_the_units(name, home, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here (it is in Debian's package systemd)")
    for unit, text in units().items():
        (tmp_path / unit).write_text(text)
    environment = os.environ | {"HOME": str(home), "XDG_RUNTIME_DIR": str(tmp_path)}

    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", tmp_path / name],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=ENDS_WITHIN_S,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
