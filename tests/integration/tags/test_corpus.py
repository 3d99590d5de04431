"""The sample files of other projects' test suites: most are odd or broken on purpose."""

from __future__ import annotations

import os

import mutagen
import pytest
from mutagen._vorbis import VComment
from mutagen.apev2 import TEXT, APEv2
from mutagen.id3 import ID3
from mutagen.mp4 import MP4Tags

from soniquescan import tags
from soniquescan.errors import FileReadError
from soniquescan.messages import ErrorKind

# Files that mutagen reads and that are no audio, or none that can be read.
NOT_AUDIO = {
    "145-invalid-item-count.apev2",  # tags alone
    "brokentag.apev2",
    "oldtag.apev2",
    "sample.oggtheora",  # films without sound
    "sample_bitrate.oggtheora",
    "empty_custom_field.m4a",  # neither a text nor audio
    "zero_value_properties.wma",
}
# Where mutagen is wrong, or takes another stream of a film.
OTHER_LENGTH = {
    "sample_length.oggtheora",  # mutagen tells the picture's
    "multi_stream.ogv",
    "adpcm.wav",  # mutagen takes blocks of compressed audio for samples
    "gsm_6_10.wav",
    "oldape.ape",  # 40,780,800 s do not fit
    "mpeg4_xa9des.m4a",  # without any audio track
}


def read(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        return tags.read(fd, os.fstat(fd).st_size, os.fsencode(path))
    finally:
        os.close(fd)


def outcome(path):
    """Return kind and message of everything that is wrong with a file."""
    try:
        return read(path).problems
    except FileReadError as exc:
        return [(exc.kind, exc.message)]


@pytest.fixture
def files(corpus):
    return sorted(path for path in corpus.rglob("*") if path.is_file())


@pytest.mark.timeout(20)  # seconds for all; they take one
def test_each_file_is_read_or_refused_in_one_line(files):
    for path in files:
        for kind, message in outcome(path):
            assert kind in set(ErrorKind), path
            assert message.isprintable(), path


def test_what_mutagen_reads_is_read(files):
    refused = set()
    for path in files:
        try:
            read(path)
        except FileReadError:
            refused.add(path.name)
    readable = {path.name for path in files if reference(path) is not None}
    assert refused & readable <= NOT_AUDIO


def test_streams_are_what_mutagen_says(files):
    for path in files:
        info = getattr(reference(path), "info", None)
        if info is None or path.name in NOT_AUDIO | OTHER_LENGTH:
            continue
        stream = read(path).stream
        # Tags around bare frames are no audio for us: up to 128 bytes at 8 kbit/s here.
        assert (stream.length_ms or 0) == pytest.approx(info.length * 1000, abs=130), path
        assert (stream.sample_rate_hz or 0) == getattr(info, "sample_rate", stream.sample_rate_hz or 0), path
        assert (stream.channels or 0) == getattr(info, "channels", stream.channels or 0), path


def test_md5s_are_what_mutagen_says(files):
    """Those of FLAC; of FLAC in Ogg mutagen does not tell."""
    md5s = {path: getattr(getattr(reference(path), "info", None), "md5_signature", 0) for path in files}
    for path, md5 in md5s.items():
        if md5:
            assert read(path).stream.audio_md5 == f"{md5:032x}", path
    assert len([md5 for md5 in md5s.values() if md5]) > 20


def reference(path):
    """Return what mutagen makes of a file, None where it fails."""
    try:
        return mutagen.File(path)
    except Exception:  # noqa: BLE001  whatever it raises
        return None


# Picard name → key in ID3, Vorbis comments, MP4, APEv2.
KEYS = {
    "title": ("TIT2", "title", "©nam", "Title"),
    "artist": ("TPE1", "artist", "©ART", "Artist"),
    "album": ("TALB", "album", "©alb", "Album"),
    "genre": ("TCON", "genre", "©gen", "Genre"),
    "composer": ("TCOM", "composer", "©wrt", "Composer"),
    "copyright": ("TCOP", "copyright", "cprt", "Copyright"),
}
OTHER_TEXT = {
    "issue133.flac",  # NULs within: mutagen leaves them, PostgreSQL takes none
    "sample_length.oggtheora",  # mutagen tells the picture's
}


def test_texts_are_what_mutagen_says(files):
    """ID3, Vorbis comments and APEv2 have readers of our own: what mutagen reads of them is the same."""
    compared = 0
    for path in files:
        values = {name: value for name in KEYS if (value := reference_text(reference(path), name))}
        if not values or path.name in NOT_AUDIO | OTHER_TEXT:
            continue
        texts = read(path).tags
        ours = {
            "title": texts.title,
            "artist": texts.artist,
            "album": texts.album and texts.album.title,
            "genre": "; ".join(texts.genres),
            "composer": "; ".join(credit.name for credit in texts.credits if credit.role == "composer"),
            "copyright": texts.copyright,
        }
        for name, value in values.items():
            assert value == (ours[name] or "").strip(), (path, name)
            compared += 1
    assert compared > 400


def reference_text(file, name):
    """Return the values that mutagen has for a Picard name, joined as we join several, or None."""
    id3, vorbis, mp4, ape = KEYS[name]
    match getattr(file, "tags", None):
        case ID3() as tags_ if id3 in tags_:
            values = tags_[id3].genres if id3 == "TCON" else tags_[id3].text
        case VComment() as tags_:
            values = [value for key, value in tags_ if key.lower() == vorbis]
        case MP4Tags() as tags_:
            values = tags_.get(mp4, [])
        case APEv2() as tags_ if ape in tags_ and tags_[ape].kind == TEXT:
            values = list(tags_[ape])
        case _:
            return None
    return "; ".join(dict.fromkeys(value.strip("\0 ") for value in map(str, values) if value.strip("\0 ")))
