"""The generated files, seen by a reader that is not ours: mutagen must find the properties that were asked for."""

from __future__ import annotations

import mutagen
import pytest
from mutagen.aac import AAC
from mutagen.ac3 import AC3

from benchmarks.library.audio import FORMATS
from benchmarks.library.generate import write
from benchmarks.library.messages import Cover

TAGS = {"title": ["Title"], "artist": ["One", "Two"], "tracknumber": ["3"], "totaltracks": ["9"]}
COVER = Cover("image/jpeg", b"\xff\xd8\xff" + bytes(70_000))
# Formats whose length mutagen works out from the size, the tag after the audio included.
LENGTH_FROM_SIZE = {"aac adts", "ac3"}
# mutagen.File takes ADTS with an APEv2 tag for a bare tag.
CLASSES = {"aac adts": AAC, "ac3": AC3}

each_format = pytest.mark.parametrize("kind", FORMATS.values(), ids=list(FORMATS))


def opened(kind, folder, *, cover=None):
    rendered = kind.render(TAGS, cover, length_ms=61_500)
    path = folder / f"file.{kind.extension}"
    write(path, rendered)
    return rendered, path, CLASSES.get(kind.name, mutagen.File)(path)


@each_format
def test_a_file_has_its_apparent_size_and_costs_little_on_disk(kind, tmp_path):
    rendered, path, _ = opened(kind, tmp_path)
    assert rendered.size_bytes == path.stat().st_size
    assert path.stat().st_blocks * 512 < 64_000


@each_format
@pytest.mark.parametrize("cover", [None, COVER], ids=["bare", "with cover"])
def test_mutagen_finds_the_properties_that_were_asked_for(kind, cover, tmp_path):
    rendered, _, file = opened(kind, tmp_path, cover=cover if kind.holds_cover else None)
    stream = rendered.stream
    tolerance_ms = stream.length_ms // 10 if kind.name in LENGTH_FROM_SIZE else 1
    assert stream.length_ms == pytest.approx(file.info.length * 1000, abs=tolerance_ms)
    assert stream.length_ms == pytest.approx(61_500, rel=0.02)
    for name, attribute in (
        ("sample_rate_hz", "sample_rate"),
        ("channels", "channels"),
        ("bits_per_sample", "bits_per_sample"),
        ("bitrate_bps", "bitrate"),
    ):
        found = getattr(file.info, attribute, None)
        if found is not None and getattr(stream, name) is not None:
            assert (name, getattr(stream, name)) == (name, pytest.approx(found, abs=1))


@each_format
def test_the_same_tags_give_the_same_bytes(kind):
    assert kind.render(TAGS, COVER) == kind.render(TAGS, COVER)
