"""Tags into a file: what of the truth a tag format can hold, and its bytes.

A style is a tag format as one kind of file uses it; `STYLES` has them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.library.blocks import ape, asf, id3, mp4, riff, vorbis
from benchmarks.library.genres import ID3V1_GENRES
from benchmarks.library.mapping import ROWS
from benchmarks.library.messages import Blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.library.messages import Cover, Tags


class Style(NamedTuple):
    """A tag format: what it keeps of the truth, how it is written, whether it can hold a picture."""

    held: Callable[[Tags], Tags]
    encode: Callable[[Tags, Cover | None], Blocks]
    holds_cover: bool = True


_ROW = {row.name: row for row in ROWS}
_NOT_IN_V22 = {row.name for row in ROWS if row.id3.partition("#")[0] in ("TSST", "TMOO")}
_INTEGERS_IN_MP4 = ("bpm", "movementnumber", "movementtotal", "tracknumber", "totaltracks", "discnumber", "totaldiscs")
_V1_BYTES = {"title": 30, "artist": 30, "album": 30, "date": 4, "comment": 28}
_FULL_DATE = 10  # YYYY-MM-DD


def _known(tags: Tags, column: str) -> Tags:
    """Keep the names that the column of the mapping has a key for; names without a row are free-form."""
    return {
        name: values
        for name, values in tags.items()
        if name.partition(":")[0] not in _ROW or getattr(_ROW[name.partition(":")[0]], column)
    }


def _unqualified(tags: Tags) -> Tags:
    """Drop described comments and lyrics, which ID3 alone has."""
    return {name: values for name, values in tags.items() if not name.startswith(("comment:", "lyrics:"))}


def _in_v24(tags: Tags) -> Tags:
    return _known(tags, "id3")


def _in_v23(tags: Tags) -> Tags:
    """Keep what v2.3 has: a date is a year, or a year and a day; an original date is a year."""
    held = _in_v24(tags)
    if "date" in held:
        held["date"] = [date if len(date) == _FULL_DATE else date[:4] for date in held["date"]]
    if "originaldate" in held:
        held["originaldate"] = [date[:4] for date in held["originaldate"]]
    return held


def _in_v22(tags: Tags) -> Tags:
    return {name: values for name, values in _in_v23(tags).items() if name not in _NOT_IN_V22}


def _in_v1(tags: Tags) -> Tags:
    """Keep what the 128 bytes hold: Latin-1 text, cut off, and a genre that has a number."""
    held: Tags = {}
    for name, size in _V1_BYTES.items():
        text = tags.get(name, [""])[0].encode("latin-1", "replace")[:size].decode("latin-1").strip()
        if text:
            held[name] = [text]
    if "tracknumber" in tags:
        held["tracknumber"] = tags["tracknumber"]
    numbered = [genre for genre in tags.get("genre", []) if genre in ID3V1_GENRES]
    return held | ({"genre": numbered[:1]} if numbered else {})


def _in_vorbis(tags: Tags) -> Tags:
    return _unqualified(_known(tags, "vorbis"))


def _in_ape(tags: Tags) -> Tags:
    return _unqualified(_known(tags, "ape"))


def _in_mp4(tags: Tags) -> Tags:
    held = _unqualified(_known(tags, "mp4"))
    numbers = {name: [str(round(float(held[name][0])))] for name in _INTEGERS_IN_MP4 if name in held}
    return held | numbers


def _in_asf(tags: Tags) -> Tags:
    return _unqualified(_known(tags, "asf"))


def _in_info(tags: Tags) -> Tags:
    known = _unqualified({name: values for name, values in _known(tags, "info").items() if name in _ROW})
    return {name: ["; ".join(values)] for name, values in known.items()}


def _id3(version: int) -> Callable[[Tags, Cover | None], Blocks]:
    return lambda tags, cover: Blocks(front=id3.v2(tags, version, cover))


def _vorbis(tags: Tags, _cover: Cover | None) -> Blocks:
    return Blocks(front=vorbis.comment(vorbis.pairs(tags)))


def _flac(tags: Tags, cover: Cover | None) -> Blocks:
    pictures = vorbis.picture(cover) if cover else b""
    return _vorbis(tags, None)._replace(pictures=pictures)


def _ogg(tags: Tags, cover: Cover | None) -> Blocks:
    pictures = [vorbis.picture_comment(cover)] if cover else []
    return Blocks(front=vorbis.comment(vorbis.pairs(tags) + pictures))


def _ape(tags: Tags, cover: Cover | None) -> Blocks:
    return Blocks(tail=ape.tag(tags, cover))


def _ape_and_v1(tags: Tags, cover: Cover | None) -> Blocks:
    return Blocks(tail=ape.tag(tags, cover) + id3.v1(_in_v1(tags)))


def _v24_and_v1(tags: Tags, cover: Cover | None) -> Blocks:
    return Blocks(front=id3.v2(tags, 4, cover), tail=id3.v1(_in_v1(tags)))


def _mp4(tags: Tags, cover: Cover | None) -> Blocks:
    return Blocks(front=mp4.ilst(tags, cover))


def _asf(tags: Tags, cover: Cover | None) -> Blocks:
    return Blocks(front=b"".join(asf.objects(tags, cover)))


def _wav(tags: Tags, cover: Cover | None) -> Blocks:
    return Blocks(tail=riff.chunk(b"id3 ", id3.v2(tags, 4, cover)))


def _wav_both(tags: Tags, cover: Cover | None) -> Blocks:
    return Blocks(tail=riff.info(_in_info(tags)) + riff.chunk(b"id3 ", id3.v2(tags, 3, cover)))


STYLES = {
    "id3v2.4": Style(_in_v24, _id3(4)),
    "id3v2.3": Style(_in_v23, _id3(3)),
    "id3v2.2": Style(_in_v22, _id3(2)),
    "id3v1": Style(_in_v1, lambda tags, _cover: Blocks(tail=id3.v1(tags)), holds_cover=False),
    "id3v2.4+v1": Style(_in_v24, _v24_and_v1),
    "ape": Style(_in_ape, _ape),
    "ape+id3v1": Style(_in_ape, _ape_and_v1),
    "vorbis": Style(_in_vorbis, _ogg),
    "flac": Style(_in_vorbis, _flac),
    "mp4": Style(_in_mp4, _mp4),
    "asf": Style(_in_asf, _asf),
    "riff id3": Style(_in_v24, _wav),
    "riff info": Style(_in_info, lambda tags, _cover: Blocks(tail=riff.info(tags)), holds_cover=False),
    "riff info+id3": Style(_in_v23, _wav_both),
}
