"""`spelling.py FOLDER` says where the package is, and for each file of a folder what a worker makes of it."""

from __future__ import annotations

import os
import sys

from soniquescan import rows
from soniquescan.messages import FoundFile
from soniquescan.stages.extract import extract, pack


def main(folder):
    paths = sorted(os.path.join(where, name) for where, _, names in os.walk(os.fsencode(folder)) for name in names)
    lines = [rows.__file__]
    for number, path in enumerate(paths):
        status = os.stat(path)
        times_and_place = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)
        found = FoundFile(path, 1, status.st_size, *times_and_place, None, number)
        lines.append(repr(pack(extract([found]))))
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1])
