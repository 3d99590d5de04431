"""Disks for tests: a folder on another device, and mounts that no other process sees."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.acceptance.journeys", "tests.acceptance.rescans", "tests.acceptance.chaos")

MEMORY_DISK = Path("/dev/shm")


@pytest.fixture
def other_disk(tmp_path):
    """A folder on another device than `tmp_path`."""
    if not MEMORY_DISK.is_dir() or MEMORY_DISK.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip(f"{MEMORY_DISK} is no other device than {tmp_path}")
    folder = MEMORY_DISK / f"soniquescan-{uuid.uuid4()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def namespace():
    """What to put before a command so that it runs where only this test mounts."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip("unshare and nsenter are not installed")
    arguments = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo ready; exec sleep 600"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as holder:
        try:
            if holder.stdout.readline() != "ready\n":
                pytest.skip(f"nothing can be mounted here: {holder.stderr.read().strip()}")
            yield ("nsenter", "--mount", "--target", str(holder.pid))
        finally:
            holder.kill()
