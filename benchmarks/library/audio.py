"""Every kind of file that the library can have: a container, a tag style, and the audio it holds by default."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.library.containers import asf, chunks, flac, lossless, mp4, mpeg, ogg
from benchmarks.library.messages import Audio
from benchmarks.library.tagging import STYLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.library.messages import Blocks, Cover, Rendered, Tags


class Format(NamedTuple):
    """One kind of file."""

    name: str
    extension: str
    style: str
    container: Callable[[Audio, Blocks], Rendered]
    audio: Audio = Audio()

    def held(self, tags: Tags) -> Tags:
        """Return what of `tags` such a file can hold."""
        return STYLES[self.style].held(tags)

    def render(
        self, tags: Tags, cover: Cover | None = None, *, length_ms: int | None = None, md5: bytes | None = None
    ) -> Rendered:
        """Return a file with those of `tags` that it can hold."""
        style = STYLES[self.style]
        audio = self.audio if length_ms is None else self.audio._replace(length_ms=length_ms)
        return self.container(audio._replace(md5=md5), style.encode(style.held(tags), cover))

    @property
    def holds_cover(self) -> bool:
        """Whether a picture can be embedded."""
        return STYLES[self.style].holds_cover


_HIGH_RESOLUTION = Audio(sample_rate_hz=96_000, bits_per_sample=24)
_320 = Audio(bitrate_bps=320_000)

_ALL = (
    Format("mp3 id3v2.4", "mp3", "id3v2.4", mpeg.mp3_info),
    Format("mp3 id3v2.3", "mp3", "id3v2.3", mpeg.mp3_info, _320),
    Format("mp3 id3v2.2", "mp3", "id3v2.2", mpeg.mp3_variable),
    Format("mp3 id3v2.4 vbr", "mp3", "id3v2.4", mpeg.mp3_variable),
    Format("mp3 id3v2.3 cbr", "mp3", "id3v2.3", mpeg.mp3_constant),
    Format("mp3 id3v2.4+v1", "mp3", "id3v2.4+v1", mpeg.mp3_info),
    Format("mp3 id3v1", "mp3", "id3v1", mpeg.mp3_info, Audio(channels=1, bitrate_bps=64_000)),
    Format("mp3 apev2", "mp3", "ape", mpeg.mp3_info),
    Format("mp3 apev2+v1", "mp3", "ape+id3v1", mpeg.mp3_variable),
    Format("mp2", "mp2", "id3v2.4", mpeg.mp2, Audio(sample_rate_hz=48_000, bitrate_bps=192_000)),
    Format("flac", "flac", "flac", flac.flac),
    Format("flac hi-res", "flac", "flac", flac.flac, _HIGH_RESOLUTION),
    Format("m4a aac", "m4a", "mp4", mp4.m4a, Audio(bitrate_bps=256_000)),
    Format("m4a alac", "m4a", "mp4", mp4.alac, _HIGH_RESOLUTION._replace(bitrate_bps=2_500_000)),
    Format("m4b aac", "m4b", "mp4", mp4.m4b, Audio(channels=1, bitrate_bps=64_000)),
    Format("ogg vorbis", "ogg", "vorbis", ogg.vorbis, Audio(bitrate_bps=160_000)),
    Format("opus", "opus", "vorbis", ogg.opus, Audio(sample_rate_hz=48_000)),
    Format("speex", "spx", "vorbis", ogg.speex, Audio(sample_rate_hz=16_000, channels=1, bitrate_bps=27_800)),
    Format("ogg flac", "oga", "vorbis", ogg.ogg_flac),
    Format("wav id3", "wav", "riff id3", chunks.wav),
    Format("wav info", "wav", "riff info", chunks.wav),
    Format("wav info+id3", "wav", "riff info+id3", chunks.wav, _HIGH_RESOLUTION),
    Format("aiff", "aiff", "id3v2.3", chunks.aiff),
    Format("wma", "wma", "asf", asf.wma),
    Format("wavpack", "wv", "ape", lossless.wavpack),
    Format("monkeys audio", "ape", "ape", lossless.monkeys_audio),
    Format("musepack sv7", "mpc", "ape", lossless.musepack7),
    Format("musepack sv8", "mpc", "ape", lossless.musepack8),
    Format("tta", "tta", "id3v2.3", lossless.true_audio),
    Format("optimfrog", "ofr", "ape", lossless.optimfrog),
    Format("tak", "tak", "ape", lossless.tak),
    Format("aac adts", "aac", "ape", mpeg.aac),
    Format("ac3", "ac3", "ape", mpeg.ac3, Audio(sample_rate_hz=48_000, bitrate_bps=448_000, channels=5)),
    Format("dsf", "dsf", "id3v2.4", chunks.dsf),
    Format("dsdiff", "dff", "id3v2.4", chunks.dsdiff),
)

FORMATS = {kind.name: kind for kind in _ALL}
