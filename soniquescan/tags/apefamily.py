"""The containers that keep APEv2 tags: WavPack, Monkey's Audio, Musepack, TTA, OptimFROG and TAK."""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mutagen.monkeysaudio import MonkeysAudioInfo
from mutagen.musepack import MusepackInfo
from mutagen.optimfrog import OptimFROGInfo
from mutagen.tak import TAKInfo
from mutagen.trueaudio import TrueAudioInfo
from mutagen.wavpack import WavPackInfo

from soniquescan.tags import around
from soniquescan.tags.content import Content, Info, opened, stream_of
from soniquescan.tags.source import Source

if TYPE_CHECKING:
    import io
    from collections.abc import Callable

    from soniquescan.messages import AudioStream


class _TrueAudio(TrueAudioInfo):
    """mutagen's, with what it leaves out: https://www.true-audio.com/TTA_Lossless_Audio_Codec_-_Format_Description."""

    def __init__(self, file: io.BufferedReader) -> None:
        offset = file.tell()
        super().__init__(file, offset)
        file.seek(offset + 6)
        self.channels, self.bits_per_sample = struct.unpack("<HH", file.read(4))


class _Format(NamedTuple):
    codec: str
    info: Callable[[io.BufferedReader], Info]


# Container → codec as ffmpeg names it (without Musepack's version), and mutagen's reader.
_FORMATS = {
    "wv": _Format("wavpack", WavPackInfo),
    "ape": _Format("ape", MonkeysAudioInfo),
    "mpc": _Format("musepack", MusepackInfo),
    "tta": _Format("tta", _TrueAudio),
    "ofr": _Format("optimfrog", OptimFROGInfo),
    "tak": _Format("tak", TAKInfo),
}


def _read(container: str, source: Source) -> Content:
    content = Content(container)
    content.add_stream(lambda: _stream(container, source))
    around.add_tags(source, content)
    return content


def _stream(container: str, source: Source) -> AudioStream:
    codec, parse = _FORMATS[container]
    info = parse(opened(source))
    return stream_of(source, container, codec, info)


READERS = {container: partial(_read, container) for container in _FORMATS}
