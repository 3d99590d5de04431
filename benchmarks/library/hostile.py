"""The broken and hostile files: each with what a scan may make of it.

A file ends as a track, as a row of `file_errors`, or as both; never as a hang, a crash or nothing.
"""

from __future__ import annotations

import os
import random
import socket
import stat
import struct
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.library.audio import FORMATS
from benchmarks.library.blocks import ape, id3, vorbis
from benchmarks.library.blocks.mp4 import atom
from benchmarks.library.containers import flac, lossless, mpeg
from benchmarks.library.generate import write
from benchmarks.library.messages import Audio, Blocks
from soniquescan.messages import ErrorKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.library.messages import Tags


class Outcome(NamedTuple):
    """What a scan may make of a hostile file."""

    is_track: bool | None  # None: either is right
    kinds: frozenset[ErrorKind] = frozenset()  # one of these must be its error; none: there must be no error
    title: str | None = None  # of the track
    kept: tuple[str, str] | None = None  # a name and a value that no column takes, so `tags` must keep it


class HostileFile(NamedTuple):
    """A hostile file, link or folder on disk, and what a scan may make of it."""

    path: Path
    outcome: Outcome


class _Case(NamedTuple):
    name: str | bytes
    write: Callable[[Path], None]
    outcome: Outcome


_AUDIO = Audio(length_ms=5_000)
_TAGS: Tags = {"title": ["Title"], "artist": ["Artist"], "album": ["Hostile"], "tracknumber": ["1"]}
_FINE = Outcome(is_track=True, title="Title")
_NOT_AUDIO = Outcome(
    is_track=False, kinds=frozenset({ErrorKind.UNSUPPORTED_FORMAT, ErrorKind.CORRUPT, ErrorKind.TRUNCATED})
)
_BROKEN = frozenset({
    ErrorKind.CORRUPT, ErrorKind.TRUNCATED, ErrorKind.MALFORMED_TAGS, ErrorKind.NO_AUDIO_STREAM,
    ErrorKind.UNSUPPORTED_FORMAT,
})  # fmt: skip
_DAMAGED = Outcome(is_track=None, kinds=_BROKEN)
_IRREGULAR = Outcome(is_track=False, kinds=frozenset({ErrorKind.NOT_A_REGULAR_FILE}))
_HALF = Outcome(is_track=True, kinds=frozenset({ErrorKind.TRUNCATED, ErrorKind.CORRUPT, ErrorKind.NO_AUDIO_STREAM}))
_HUGE = 256 * 1024 * 1024 - 1  # the most that an ID3v2 header can claim
_COMMENTS = 50_000
_LONG = 3 * 1024 * 1024
_NESTED = 5_000
_CUT = ("mp3 id3v2.3", "flac", "m4a aac", "ogg vorbis", "opus", "wma", "wavpack", "wav id3", "aiff", "dsf", "dsdiff")

_SIZED = ("mp3 id3v2.3", "m4a aac", "wma", "wav id3", "aiff", "dsf", "dsdiff")  # their headers say how long they are


def write_hostile(folder: Path) -> list[HostileFile]:
    """Write every hostile file under `folder`, which must be new; return them with what may come of them."""
    folder.mkdir(parents=True)
    files = []
    for case in (*_contents(), *_names(), *_nodes(), *_protected()):
        name = case.name if isinstance(case.name, str) else os.fsdecode(case.name)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        case.write(path)
        files.append(HostileFile(path, case.outcome))
    (folder / "unreadable").chmod(0)
    return files


def _bytes(content: bytes) -> Callable[[Path], None]:
    def write_all(path: Path) -> None:
        path.write_bytes(content)

    return write_all


def _good(tags: Tags = _TAGS, kind: str = "mp3 id3v2.4") -> Callable[[Path], None]:
    return lambda path: write(path, FORMATS[kind].render(tags, length_ms=_AUDIO.length_ms))


def _flac(comments: list[tuple[str, str]]) -> Callable[[Path], None]:
    return lambda path: write(path, flac.flac(_AUDIO, Blocks(front=vorbis.comment(comments))))


def _mp3(front: bytes) -> Callable[[Path], None]:
    return lambda path: write(path, mpeg.mp3_info(_AUDIO, Blocks(front=front)))


def _contents() -> list[_Case]:
    """Return files that are not what they say."""
    noise = random.Random(0).randbytes(20_000)
    return [
        _Case("empty.mp3", _bytes(b""), Outcome(is_track=False, kinds=frozenset({ErrorKind.EMPTY}))),
        _Case("noise.mp3", _bytes(noise.replace(b"\xff", b"\0")), _NOT_AUDIO),
        _Case("noise.m4a", _bytes(noise), _NOT_AUDIO),
        _Case("text.flac", _bytes(b"This is a text about FLAC.\n" * 40), _NOT_AUDIO),
        _Case("one byte.ogg", _bytes(b"O"), _NOT_AUDIO),
        _Case("zeros.mp3", _bytes(bytes(8_192)), _NOT_AUDIO),
        _Case("an mp3 named.flac", _good(), _FINE),
        _Case("a flac named.mp3", _good(kind="flac"), _FINE),
        *(_Case(f"cut {name}.{FORMATS[name].extension}", partial(_cut, name), _DAMAGED) for name in _CUT),
        *(_Case(f"half {name}.{FORMATS[name].extension}", partial(_half, name), _HALF) for name in _SIZED),
        *_claims(),
        *_texts(),
        *_numbers(),
    ]


def _cut(name: str, path: Path) -> None:
    """Write the first half of the head of a good file: the cut is inside the tags, or just before them."""
    head = FORMATS[name].render(_TAGS | {"comment": ["x" * 5_000]}, length_ms=_AUDIO.length_ms).head
    path.write_bytes(head[: len(head) // 2])


def _half(name: str, path: Path) -> None:
    """Write the first half of a good file, as a broken download leaves it."""
    _good(kind=name)(path)
    os.truncate(path, path.stat().st_size // 2)


def _claims() -> list[_Case]:
    """Return files whose sizes or counts are lies."""
    tag = id3.v2(_TAGS, 3)
    huge_id3 = tag[:6] + id3.syncsafe(_HUGE) + tag[10:]
    huge_comment = b"fLaC" + flac.block(0, flac.streaminfo(_AUDIO)) + b"\x84\xff\xff\xff" + struct.pack("<I", 2**32 - 1)
    footer = ape.tag(_TAGS)[-32:]
    huge_ape = lossless.wavpack(_AUDIO, Blocks(tail=footer[:12] + struct.pack("<I", 2**32 - 64) + footer[16:]))
    nested = atom("udta")
    for _ in range(_NESTED):
        nested = atom("moov", nested)
    return [
        _Case("id3 claims 256 MB.mp3", _mp3(huge_id3), _DAMAGED),
        _Case("comment claims 4 GB.flac", _bytes(huge_comment), _DAMAGED),
        _Case("apev2 claims 4 GB.wv", lambda path: write(path, huge_ape), _DAMAGED),
        _Case("atom claims 4 GB.m4a", _bytes(atom("ftyp", b"M4A " + bytes(4)) + b"\xff\xff\xff\xffmoov"), _DAMAGED),
        _Case("nested atoms.m4a", _bytes(atom("ftyp", b"M4A " + bytes(4)) + nested), _DAMAGED),
        _Case("chunk of no size.wav", _bytes(b"RIFF\x24\0\0\0WAVE" + b"LIST\0\0\0\0" * 3), _DAMAGED),
    ]


def _texts() -> list[_Case]:
    """Return files whose values PostgreSQL, COPY or JSON would choke on."""
    title = "tab\tnew\nline\\backslash \\N \\. quote\" ' {brace}, \x01 \x7f \u2028"
    surrogate = b"TIT2" + struct.pack(">I", 9) + b"\0\0" + b"\x01\xff\xfea\0\x00\xd8b\0"
    many = [(f"KEY{number:05}", f"value {number}") for number in range(_COMMENTS)]
    return [
        _Case("control characters.flac", _flac([("TITLE", title)]), Outcome(is_track=True, title=title)),
        _Case("control characters.mp3", _good(_TAGS | {"title": [title]}), Outcome(is_track=True, title=title)),
        _Case("null.flac", _flac([("TITLE", "\\N")]), Outcome(is_track=True, title="\\N")),
        _Case("nul.flac", _flac([("TITLE", "a\0b")]), Outcome(is_track=True, title="a\ufffdb")),
        _Case("nul.m4a", _good(_TAGS | {"title": ["a\0b"]}, "m4a aac"), Outcome(is_track=True, title="a\ufffdb")),
        _Case("surrogate.mp3", _mp3(_tag_of(surrogate)), Outcome(is_track=True, title="a\ufffdb")),
        _Case("long comment.flac", _flac([("TITLE", "Title"), ("COMMENT", "x" * _LONG)]), _FINE),
        _Case("long comment.mp3", _good(_TAGS | {"comment": ["x" * _LONG]}), _FINE),
        _Case("many keys.flac", _flac([("TITLE", "Title"), *many]), _FINE),
        _Case("many artists.flac", _flac([("TITLE", "Title"), *(("ARTIST", value) for _, value in many)]), _FINE),
        _Case("many comments.opus", _good(_TAGS | dict(_as_tags(many)), "opus"), _FINE),
    ]


def _tag_of(frame: bytes) -> bytes:
    return b"ID3\x03\0\0" + id3.syncsafe(len(frame)) + frame


def _as_tags(pairs: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    return [(key, [value]) for key, value in pairs]


def _numbers() -> list[_Case]:
    """Return files whose numbers and dates are impossible; they are kept as text in `tags`."""
    values = {
        "date": ("2023-02-31", "0000-00-00", "9999-99-99", "yesterday", "-1", "20230", "٢٠٢٣"),
        "tracknumber": ("99999999999", "-1", "1.5", "A1", "3/0/7", "٣"),
        "bpm": ("NaN", "Infinity", "1e999", "120 bpm"),
        "replaygain_track_gain": ("loud", "NaN dB", "+1e400 dB"),
        "musicbrainz_albumid": ("not a uuid", "0", "{}"),
    }
    return [
        _Case(
            f"{name} {number}.flac",
            _flac([("TITLE", "Title"), (name.upper(), value)]),
            _FINE._replace(kept=(name, value)),
        )
        for name, odd in values.items()
        for number, value in enumerate(odd)
    ]


def _names() -> list[_Case]:
    """Return good files with names that are hard to store or show."""
    names: tuple[str | bytes, ...] = (
        b"not utf-8 \xe9\xff.mp3", b"half a character \xe2\x82.mp3", b"folder \xfe/inside.mp3",
        "composed \N{LATIN SMALL LETTER E WITH ACUTE}.mp3", "composed e\N{COMBINING ACUTE ACCENT}.mp3",
        "escape \uf7e9.mp3", "new\nline.mp3", "tab\t.mp3", "back\\slash.mp3", "-rf.mp3", "'; DROP TABLE tracks; --.mp3",
        "100%s {name}.mp3", "[bold]markup.mp3", "escape \x1b[31m.mp3", "right to left \u202egpm.mp3",
        "x" * 251 + ".mp3", "UPPER.MP3", "📀.mp3",
    )  # fmt: skip
    return [_Case(name, _good(), _FINE) for name in names]


def _nodes() -> list[_Case]:
    """Return links, and files that are none. A link to a folder that is being read is simply not followed."""
    dangling = Outcome(is_track=False, kinds=frozenset({ErrorKind.DANGLING_LINK}))
    loop = Outcome(is_track=False, kinds=frozenset({ErrorKind.LINK_LOOP}))
    device = [_Case("device.mp3", _device, _IRREGULAR)] if os.geteuid() == 0 else []
    return [
        _Case("links/target.mp3", _good(), _FINE),
        _Case("links/to the target.mp3", lambda path: path.symlink_to("target.mp3"), _FINE),
        _Case("links/dangling.mp3", lambda path: path.symlink_to("nowhere.mp3"), dangling),
        _Case("links/itself.mp3", lambda path: path.symlink_to("itself.mp3"), loop),
        _Case("links/there.mp3", lambda path: path.symlink_to("back.mp3"), loop),
        _Case("links/back.mp3", lambda path: path.symlink_to("there.mp3"), loop),
        _Case("links/up", lambda path: path.symlink_to(".."), Outcome(is_track=False)),
        _Case("links/down/up again", lambda path: path.symlink_to("../.."), Outcome(is_track=False)),
        _Case("fifo.mp3", os.mkfifo, _IRREGULAR),
        _Case("socket.mp3", _socket, _IRREGULAR),
        _Case("folder.mp3/inside.mp3", _good(), _FINE),
        *device,
    ]


def _socket(path: Path) -> None:
    """Bind through a short link: the path of a socket may have about 100 bytes only."""
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as server:
        link = Path(short, "link")
        link.symlink_to(path.parent)
        server.bind(str(link / path.name))


def _device(path: Path) -> None:
    """Make a node for /dev/zero, which gives bytes without end."""
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))


def _protected() -> list[_Case]:
    """Return what only root may read; `write_hostile` locks the folder once it is filled."""
    as_root = os.geteuid() == 0
    denied = Outcome(is_track=False, kinds=frozenset({ErrorKind.PERMISSION_DENIED}))
    # A folder's error stands under its own path; of what is inside nothing is known.
    inside = _FINE if as_root else Outcome(is_track=False)
    return [
        _Case("unreadable.mp3", _unreadable, _FINE if as_root else denied),
        _Case("unreadable/inside.mp3", _good(), inside),
        *([] if as_root else [_Case("unreadable", lambda _path: None, denied)]),
    ]


def _unreadable(path: Path) -> None:
    _good()(path)
    path.chmod(0)
