"""The iTunes metadata atom `ilst` of an MP4 file."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from benchmarks.library.mapping import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.library.messages import Cover, Tags

_KEYS = {row.name: row.mp4 for row in ROWS}
_IMPLICIT, _UTF8, _JPEG, _INTEGER = 0, 1, 13, 21
_BOOLEANS = {"cpil", "pgap", "pcst", "shwm"}
_INTEGERS = {"tmpo", "©mvi", "©mvc"}
_PAIRS = {"trkn": ">HHHH", "disk": ">HHH"}  # zero, number, total (and for tracks a zero)


def atom(name: str | bytes, *contents: bytes) -> bytes:
    """Return an atom: size, name, contents."""
    raw = name.encode("latin-1") if isinstance(name, str) else name
    content = b"".join(contents)
    return struct.pack(">I", len(content) + 8) + raw + content


def ilst(tags: Tags, cover: Cover | None = None) -> bytes:
    """Return the whole `ilst` atom."""
    pictures = [atom("covr", _data(_JPEG, cover.data))] if cover else []
    return atom("ilst", *_atoms(tags), *pictures)


def _data(kind: int, value: bytes) -> bytes:
    return atom("data", struct.pack(">II", kind, 0), value)


def _atoms(tags: Tags) -> Iterator[bytes]:
    pairs: dict[str, list[int]] = {}
    for name, values in tags.items():
        key, _, half = _KEYS.get(name, f"----:{name}").partition("#")
        if half:
            pairs.setdefault(key, [0, 0])[int(half) - 1] = int(values[0])
        elif key.startswith("----:"):
            yield _free_form(key.removeprefix("----:"), values)
        elif key in _BOOLEANS:
            yield atom(key, _data(_INTEGER, bytes((int(values[0]),))))
        elif key in _INTEGERS:
            yield atom(key, _data(_INTEGER, struct.pack(">H", int(values[0]))))
        else:
            yield atom(key, *(_data(_UTF8, value.encode()) for value in values))
    for key, (number, total) in pairs.items():
        numbers = (0, number, total, 0)[: len(_PAIRS[key]) - 1]
        yield atom(key, _data(_IMPLICIT, struct.pack(_PAIRS[key], *numbers)))


def _free_form(name: str, values: list[str]) -> bytes:
    mean = atom("mean", bytes(4), b"com.apple.iTunes")
    return atom("----", mean, atom("name", bytes(4), name.encode()), *(_data(_UTF8, v.encode()) for v in values))
