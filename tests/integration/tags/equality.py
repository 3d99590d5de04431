"""What the fast readers make of a file beside what the reference does, and files that are broken in many ways."""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from itertools import islice

from benchmarks.library.audio import FORMATS
from benchmarks.library.catalogue import Catalogue
from benchmarks.library.messages import Cover
from soniquescan.errors import FileReadError
from soniquescan.tags import fast, reading
from soniquescan.tags.build import track_tags
from soniquescan.tags.source import Source

DECLINED = object()
TRACKS_OF_EACH_FORMAT = 6
COVER = Cover("image/jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + bytes(range(256)) * 80 + b"\xff\xd9")


@contextmanager
def in_memory(content):
    """A descriptor of a file with this content."""
    fd = os.memfd_create("content")
    try:
        os.write(fd, content)
        yield fd
    finally:
        os.close(fd)


def by_fast_reader(fd, path):
    """Return what the fast reader gives, or DECLINED."""
    found = fast.read(Source(fd, os.fstat(fd).st_size, path))
    if found is None:
        return DECLINED
    return found.stream, track_tags(found.values, has_cover=found.has_cover), ()


def by_reference(fd, path):
    """Return what the reference gives."""
    try:
        metadata = reading.read_by_reference(Source(fd, os.fstat(fd).st_size, path))
    except FileReadError as exc:
        return exc.kind, exc.message
    return metadata.stream, metadata.tags, metadata.problems


def differences(fd, path):
    """Return a line for each field in which the two differ, or None where the fast reader declines."""
    fast_result = by_fast_reader(fd, path)
    if fast_result is DECLINED:
        return None
    reference = by_reference(fd, path)
    if fast_result == reference:
        return []
    if len(reference) != len(fast_result):
        return [f"read; the reference fails: {reference}"]
    (stream, tags, problems), (stream_, tags_, problems_) = fast_result, reference
    lines = [f"problems: {problems} instead of {problems_}"] if problems != problems_ else []
    for ours, theirs in ((stream, stream_), (tags, tags_)):
        pairs = zip(ours._fields, ours, theirs, strict=True)
        lines += [f"{name}: {a!r} instead of {b!r}" for name, a, b in pairs if a != b]
    return lines


def mutations(content, rng, count, donors=()):
    """Yield `count` broken variants of a file's content; `donors` are contents to splice pieces from."""
    yield from islice(_endless_mutations(content, rng, donors or (content,)), count)


def _endless_mutations(content, rng, donors):
    while True:
        broken = bytearray(content)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            rng.choice(_WAYS)(broken, rng, rng.choice(donors))
        yield bytes(broken)


def _place(broken, rng):
    """Return an offset: mostly where metadata are, at the start, and at times near the end."""
    size = max(1, len(broken))
    kind = rng.random()
    if kind < 0.55:
        return rng.randrange(min(size, 512))
    if kind < 0.8:
        return rng.randrange(min(size, 8192))
    return max(0, size - 1 - rng.randrange(min(size, 512))) if kind < 0.92 else rng.randrange(size)


def _flip_bit(broken, rng, _donor):
    if broken:
        broken[_place(broken, rng)] ^= 1 << rng.randrange(8)


def _set_byte(broken, rng, _donor):
    if broken:
        broken[_place(broken, rng)] = rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, rng.randrange(256)))


def _truncate(broken, rng, _donor):
    del broken[_place(broken, rng) if rng.random() < 0.7 else rng.randrange(len(broken) + 1) :]


def _cut_out(broken, rng, _donor):
    start = _place(broken, rng)
    del broken[start : start + rng.choice((1, 2, 4, 16, 128, rng.randrange(1, 2000)))]


def _insert(broken, rng, _donor):
    start = _place(broken, rng)
    broken[start:start] = rng.choice((rng.randbytes(rng.randrange(1, 20)), bytes(rng.randrange(1, 200))))


def _splice(broken, rng, donor):
    start, from_ = _place(broken, rng), _place(donor, rng)
    size = rng.choice((4, 16, 64, rng.randrange(1, 3000)))
    piece = donor[from_ : from_ + size]
    broken[start : start + (len(piece) if rng.random() < 0.5 else 0)] = piece


def _append(broken, rng, donor):
    broken += rng.choice((b"TAG".ljust(128, b" "), donor[-300:], donor[:300], bytes(rng.randrange(1, 300))))


def _prepend(broken, rng, donor):
    broken[:0] = donor[: rng.choice((1, 4, 10, 128, 3000))]


def _change_size(broken, rng, _donor):
    """Change what may be a size: of two, three or four bytes, at any place."""
    width = rng.choice((2, 3, 4, 4, 4, 8))
    start = _place(broken, rng)
    order = rng.choice(("big", "little"))
    value = int.from_bytes(broken[start : start + width], order)
    changed = rng.choice((0, 1, value + 1, value - 1, value * 2, value // 2, len(broken), (1 << 8 * width) - 1))
    broken[start : start + width] = (changed % (1 << 8 * width)).to_bytes(width, order)


_WAYS = (
    _flip_bit, _flip_bit, _flip_bit, _set_byte, _set_byte, _truncate, _cut_out, _insert, _splice, _append, _prepend,
    _change_size, _change_size,
)  # fmt: skip


def sources(paths, limit_bytes=300_000):
    """Return the contents of files, long holes and payloads cut out of their middle."""
    contents = []
    for path in paths:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= limit_bytes:
                contents.append((os.fsencode(path), file.read()))
    return contents


def of_every_format():
    """Return names and contents of some short files of every format, with tags and covers."""
    tracks = Catalogue(3, (6, 18)).tracks()
    files = []
    for kind in FORMATS.values():
        for number, track in enumerate(islice(tracks, TRACKS_OF_EACH_FORMAT)):
            cover = COVER if kind.holds_cover and number % 3 == 0 else None
            file = kind.render(track.tags, cover, length_ms=300, md5=bytes(range(16)))
            hole = file.size_bytes - len(file.head) - len(file.tail)
            name = f"{kind.name} {number}.{kind.extension}".encode()
            files.append((name, file.head + bytes(hole) + file.tail))
    return files


def seeded(seed):
    """Return a source of random numbers that gives the same ones for the same seed."""
    return random.Random(seed)
