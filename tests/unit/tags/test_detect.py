from __future__ import annotations

import pytest

from soniquescan.tags.detect import ASF_HEADER, container_by_name, container_of, is_audio

REAL = [
    (b"fLaC\x00\x00\x00\x22", "flac"),
    (b"OggS\x00\x02", "ogg"),
    (ASF_HEADER, "asf"),
    (b"wvpk\x00", "wv"),
    (b"MAC \x96\x0f", "ape"),
    (b"MPCK", "mpc"),
    (b"MP+\x07", "mpc"),
    (b"TTA1", "tta"),
    (b"OFR ", "ofr"),
    (b"tBaK", "tak"),
    (b"DSD \x1c", "dsf"),
    (b"FRM8", "dff"),
    (b"RIFF\x00\x00\x00\x00WAVEfmt ", "wav"),
    (b"RF64\xff\xff\xff\xffWAVEds64", "wav"),
    (b"BW64\xff\xff\xff\xffWAVEds64", "wav"),
    (b"FORM\x00\x00\x00\x00AIFF", "aiff"),
    (b"FORM\x00\x00\x00\x00AIFC", "aiff"),
    (b"\x00\x00\x00\x20ftypM4A ", "mp4"),
    (b"\x00\x00\x00\x08wide", "mp4"),
]
BARE = [
    (b"\xff\xfb\x90\x64", "mp3"),
    (b"\xff\xfd\x84\x00", "mp3"),
    (b"\xff\xe3\x18\xc4", "mp3"),
    (b"\xff\xf1\x50\x80", "aac"),
    (b"\xff\xf9\x50\x80", "aac"),
    (b"\x0b\x77\x00\x00\x00\x40", "ac3"),
    (b"MThd\x00\x00\x00\x06", "midi"),
]
NONE = [
    b"",
    b"\xff",
    b"\xff\xfb",
    b"\xff\xff\xff\xff",
    b"\xff\xfb\xf0\x64",
    b"\xff\xfb\x9c\x64",
    b"\xff\xeb\x90\x64",
    b"\xff\xd8\xff\xe0\x00\x10JFIF",
    b"RIFF\x00\x00\x00\x00AVI LIST",
    b"RIFF\x00\x00\x00\x00WEBP",
    b"FORM\x00\x00\x00\x00ILBM",
    b"\x00\x00\x00\x18ftypheic",
    b"just some text\n",
    b"%PDF-1.4",
    b"PK\x03\x04",
]


@pytest.mark.parametrize(("head", "container"), REAL + BARE)
def test_a_container_is_known_by_its_first_bytes(head, container):
    assert container_of(head) == container


@pytest.mark.parametrize("head", NONE)
def test_other_content_is_no_container(head):
    assert container_of(head) is None
    assert not is_audio(head)


@pytest.mark.parametrize("head", [head for head, _ in REAL] + [b"MThd", b"ID3\x03\x00", b"APETAGEX"])
def test_files_of_any_name_with_such_content_are_audio(head):
    assert is_audio(head)


@pytest.mark.parametrize("head", [head for head, container in BARE if container != "midi"] + [b"\xff\xfeh\x00i\x00"])
def test_a_few_bits_alone_do_not_make_a_file_of_another_name_audio(head):
    assert not is_audio(head + bytes(4000))


def test_several_frames_in_a_row_do():
    frame = (b"\xff\xfb\x90\x64").ljust(417, b"\x00")
    assert is_audio(frame * 9)


@pytest.mark.parametrize(
    ("path", "container"), [(b"/a/x.MP3", "mp3"), (b"x.aac", "aac"), (b"x.flac", None), (b"mp3", None)]
)
def test_the_name_counts_only_where_content_may_begin_with_anything(path, container):
    assert container_by_name(path) == container
