"""What the frames of an ID3v2 tag say.

Specification: https://id3.org/id3v2.4.0-frames; ID3v2.2 and 2.3 differ only in frames, not in their content.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from soniquescan.messages import ErrorKind
from soniquescan.tags.content import Block, Problem, Values
from soniquescan.tags.freeform import add_freeform
from soniquescan.tags.mapping import ID3_FRAMES, ID3_TXXX, PEOPLE_ROLES

if TYPE_CHECKING:
    from collections.abc import Callable

MUSICBRAINZ_OWNER: Final = b"http://musicbrainz.org"
PICTURES: Final = ("APIC", "PIC")

# What one tag's compressed frames may grow to. No honest text is longer; 16 MB of zeros inflate to 16 GB.
MAX_INFLATED_BYTES: Final = 64 * 1024 * 1024

# A text frame's first byte.
LATIN_1: Final = 0
UTF_16: Final = 1
UTF_16_BE: Final = 2
UTF_8: Final = 3
LANGUAGE_END: Final = 4  # of COMM, USLT, SYLT and USER: three bytes of language come after the encoding
TIME_BYTES: Final = 4
MILLISECONDS: Final = 2  # SYLT's time stamps; the other kind counts MPEG frames


@dataclass(slots=True)
class Frames:
    """The values found so far in one tag."""

    values: Values = field(default_factory=dict)
    free: list[tuple[str, list[str]]] = field(default_factory=list)  # TXXX and WXXX: description, values
    lyrics: list[tuple[str, str]] = field(default_factory=list)  # USLT: description, text
    gains: Values = field(default_factory=dict)  # RVA2
    has_cover: bool = False
    problems: list[Problem] = field(default_factory=list)
    inflatable_bytes: int = MAX_INFLATED_BYTES  # what is left of it

    def read(self, name: str, frame: bytes) -> None:
        """Add what one frame says."""
        reader = READERS.get(name) or READERS_BY_INITIAL.get(name[0])
        if reader is None or not frame:
            return
        try:
            reader(self, name, frame)
        except (ValueError, IndexError, struct.error):
            self.problem(f"the ID3 frame {name} cannot be read")

    def add(self, name: str, values: list[str]) -> None:
        """Add values to a tag."""
        if name in self.values:
            self.values[name] += values
        else:
            self.values[name] = values

    def problem(self, message: str) -> None:
        """Note something that cannot be read."""
        self.problems.append(Problem(ErrorKind.MALFORMED_TAGS, message))

    def block(self) -> Block:
        """Return what the frames of the whole tag say together."""
        add_freeform(self.values, self.free, ID3_TXXX, "TXXX")
        for name, gain in self.gains.items():
            self.values.setdefault(name, gain)
        has_plain = any(not description for description, _ in self.lyrics)
        for description, text in self.lyrics:
            self.add(f"lyrics:{description}" if description and has_plain else "lyrics", [text])
        join_year_and_day(self.values)
        return Block(self.values, self.has_cover, tuple(self.problems))


def join_year_and_day(values: Values) -> None:
    """ID3v2.3 keeps the year in TYER and day and month in TDAT, as DDMM."""
    day_month, date = values.get("TDAT", [""])[0], values.get("date", [""])[0]
    if len(day_month) == len("DDMM") == len(date) and (day_month + date).isdecimal():
        values["date"][0] = f"{date}-{day_month[2:]}-{day_month[:2]}"
        del values["TDAT"]


def texts_of(frame: bytes) -> list[str]:
    """Return the NUL-separated texts after a frame's encoding byte, empty ones included."""
    encoding, raw = frame[0], frame[1:]
    if encoding == LATIN_1:
        return raw.decode("latin-1").split("\x00")
    if encoding == UTF_8:
        return raw.decode("utf-8", "replace").split("\x00")
    if encoding not in (UTF_16, UTF_16_BE):
        raise ValueError(encoding)
    return _utf16_texts(raw, big_endian=encoding == UTF_16_BE)


def _utf16_texts(raw: bytes, *, big_endian: bool) -> list[str]:
    """Each text may begin with a byte order mark of its own; without any it is little-endian, as Windows writes."""
    big_endian = {b"\xff\xfe": False, b"\xfe\xff": True}.get(raw[:2], big_endian)
    codec, other = ("utf-16-be", "utf-16-le") if big_endian else ("utf-16-le", "utf-16-be")
    text = (raw + b"\x00" * (len(raw) % 2)).decode(codec, "replace")
    return [
        part[1:].encode(codec).decode(other, "replace") if part[:1] == "\ufffe" else part.lstrip("\ufeff")
        for part in text.split("\x00")
    ]


def text_frame(found: Frames, name: str, frame: bytes) -> None:
    """Read a frame that is nothing but texts."""
    found.add(ID3_FRAMES.get(name, name), texts_of(frame))


def _url_frame(found: Frames, name: str, frame: bytes) -> None:
    found.add(ID3_FRAMES.get(name, name), [frame.decode("latin-1").partition("\x00")[0]])


def _free_text(found: Frames, _name: str, frame: bytes) -> None:
    description, *values = texts_of(frame)
    found.free.append((description, values))


def _free_url(found: Frames, name: str, frame: bytes) -> None:
    """Add an address: encoding, description, and the address in Latin-1 whatever the encoding."""
    description, url = _cut(frame[1:], 2 if frame[0] in (UTF_16, UTF_16_BE) else 1)
    found.free.append((texts_of(frame[:1] + description)[0] or name, [url.strip(b"\x00").decode("latin-1")]))


def _comment(found: Frames, _name: str, frame: bytes) -> None:
    """Add a comment: encoding, language, description, texts."""
    description, *values = texts_of(frame[:1] + frame[LANGUAGE_END:])
    found.add(f"comment:{description}" if description else "comment", values)


def _lyrics(found: Frames, _name: str, frame: bytes) -> None:
    """Add lyrics: encoding, language, description, text."""
    description, *values = texts_of(frame[:1] + frame[LANGUAGE_END:])
    found.lyrics += [(description, value) for value in values]


def _synchronised_lyrics(found: Frames, _name: str, frame: bytes) -> None:
    """Add lyrics with times: encoding, language, kinds of time stamps and texts, description, texts with times.

    They are told as LRC, the way Picard does.
    """
    encoding, stamps, rest = frame[0], frame[4], frame[6:]
    if stamps != MILLISECONDS:
        return
    width = 2 if encoding in (UTF_16, UTF_16_BE) else 1
    _, rest = _cut(rest, width)
    lines = []
    while rest:
        text, rest = _cut(rest, width)
        if len(rest) < TIME_BYTES:
            break
        minutes, milliseconds = divmod(int.from_bytes(rest[:TIME_BYTES]), 60_000)
        lines.append(f"[{minutes:02}:{milliseconds / 1000:05.2f}]{texts_of(frame[:1] + text)[0].strip()}")
        rest = rest[TIME_BYTES:]
    found.add("syncedlyrics", ["\n".join(lines)])


def _cut(raw: bytes, width: int) -> tuple[bytes, bytes]:
    """Return the text before the first terminator, which is `width` zeros at a multiple of it, and what follows."""
    position = raw.find(bytes(width))
    while position % width and position >= 0:
        position = raw.find(bytes(width), position + 1)
    return (raw[:position], raw[position + width :]) if position >= 0 else (raw, b"")


def _terms_of_use(found: Frames, name: str, frame: bytes) -> None:
    """Add terms of use: encoding, language, text."""
    found.add(name, texts_of(frame[:1] + frame[LANGUAGE_END:]))


def _unique_file_id(found: Frames, _name: str, frame: bytes) -> None:
    """Add an identifier: owner, identifier. MusicBrainz' is of the recording."""
    owner, _, identifier = frame.partition(b"\x00")
    if owner == MUSICBRAINZ_OWNER:
        found.add("musicbrainz_recordingid", [identifier.decode("latin-1")])
    elif identifier.isascii():
        found.add(f"UFID:{owner.decode('latin-1')}", [identifier.decode("latin-1")])


def _people(found: Frames, name: str, frame: bytes) -> None:
    """Add people: pairs of function and name (TIPL), of instrument and name (TMCL), of either (IPLS)."""
    texts = texts_of(frame)
    for function, person in zip(texts[::2], texts[1::2], strict=False):
        role = None if name == "TMCL" else PEOPLE_ROLES.get(function.casefold())
        played = f"performer:{function}" if function.casefold() not in ("", "performer") else "performer"
        found.add(role or played, [person])


def _popularimeter(found: Frames, _name: str, frame: bytes) -> None:
    """Add a rating: whose it is, then 1 to 255; 0 is none."""
    _, _, rating = frame.partition(b"\x00")
    if rating[:1].strip(b"\x00"):
        found.add("rating", [str(rating[0])])


def _relative_volume(found: Frames, name: str, frame: bytes) -> None:
    """Add a gain: its scope, then of each channel: number, 512ths of a decibel, bits of the peak, the peak."""
    scope, _, channel = frame.partition(b"\x00")
    _, gain, peak_bits = struct.unpack_from(">BhB", channel)
    folded = scope.decode("latin-1").casefold()
    if folded not in ("track", "album"):
        found.add(f"{name}:{scope.decode('latin-1')}", [f"{gain / 512:+} dB"])
        return
    found.gains[f"replaygain_{folded}_gain"] = [f"{gain / 512:+} dB"]
    peak = int.from_bytes(channel[4 : 4 + (peak_bits + 7) // 8])
    if peak:
        found.gains[f"replaygain_{folded}_peak"] = [str(peak / (1 << (peak_bits - 1)))]


def picture(found: Frames, _name: str, _frame: bytes) -> None:
    """Note that there is a picture."""
    found.has_cover = True


def nothing(_found: Frames, _name: str, _frame: bytes) -> None:
    """Leave out a frame that is not text, though its name begins as one that is."""


READERS: Final[dict[str, Callable[[Frames, str, bytes], None]]] = {
    "APIC": picture,
    "COMM": _comment,
    "GEOB": nothing,
    "GRID": nothing,
    "IPLS": _people,
    "MCDI": nothing,
    "MLLT": nothing,
    "POPM": _popularimeter,
    "RVA2": _relative_volume,
    "SYLT": _synchronised_lyrics,
    "TIPL": _people,
    "TMCL": _people,
    "TXXX": _free_text,
    "UFID": _unique_file_id,
    "USER": _terms_of_use,
    "USLT": _lyrics,
    "WXXX": _free_url,
}
# T… and the inofficial GRP1, MVNM, MVIN and XSO… of iTunes and others are texts, W… are addresses.
READERS_BY_INITIAL: Final[dict[str, Callable[[Frames, str, bytes], None]]] = {
    "G": text_frame,
    "M": text_frame,
    "T": text_frame,
    "W": _url_frame,
    "X": text_frame,
}
