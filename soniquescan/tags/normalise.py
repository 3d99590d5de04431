"""Texts of tags as the types of our columns: dates, numbers, gains, genres, ids, flags.

Each function returns None for what it cannot tell for certain; the caller keeps the text in `tags` then.
"""

from __future__ import annotations

import math
import re
from calendar import monthrange
from typing import TYPE_CHECKING, Final, NamedTuple

from mutagen.id3 import TCON

if TYPE_CHECKING:
    from collections.abc import Iterable

INT32_MAX: Final = 2**31 - 1  # what a PostgreSQL integer holds

# ID3v1's numbers as names, Winamp's extensions included.
GENRES: Final[tuple[str, ...]] = tuple(TCON.GENRES)
_GENRE_WORDS: Final = {"RX": "Remix", "CR": "Cover"}  # ID3v2.3 section 4.2.1, TCON
_GENRE_REFERENCES: Final = re.compile(r"(?:\((?:\d{1,3}|RX|CR)\))+", re.ASCII)
_GENRE_SEPARATOR: Final = re.compile(r"[;/,]")

_Q7_8: Final = re.compile(r"\s*([+-]?\d{1,6})\s*", re.ASCII)
_NUMBER: Final = re.compile(r"\s*(\d+)?\s*(?:/\s*(\d+)?)?\s*", re.ASCII)
_DECIMAL: Final = re.compile(
    r"\s*([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?)\s*(?:dB)?\s*", re.ASCII | re.IGNORECASE
)
_RELEASE_TYPE_SEPARATOR: Final = re.compile(r";|/(?!(?<=mixtape/)street)", re.IGNORECASE)
_is_uuid: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_ID_SEPARATOR: Final = re.compile(r"[/;,\s]+")

_ISO_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[T ].*)?)?)?", re.ASCII | re.DOTALL)
_OTHER_DATES: Final = tuple(
    re.compile(pattern, re.ASCII | re.IGNORECASE)
    for pattern in (
        r"(?P<y>\d{4})[/.](?P<m>\d\d?)(?:[/.](?P<d>\d\d?))?",
        r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)",
        r"(?P<d>\d\d?)\.(?P<m>\d\d?)\.(?P<y>\d{4})",
        r"(?:(?P<d>\d\d?)\.?\s+)?(?P<name>[a-z]{3,9})\.?,?\s+(?P<y>\d{4})",
        r"(?P<name>[a-z]{3,9})\.?\s+(?P<d>\d\d?),?\s+(?P<y>\d{4})",
    )
)
_SLASHED_DATE: Final = re.compile(r"(\d\d?)[/-](\d\d?)[/-](\d{4})", re.ASCII)
_YEAR: Final = re.compile(r"(?<!\d)(\d{4})(?:\d{4})?(?!\d)", re.ASCII)
_MONTHS: Final = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)

_FLAGS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class NumberOfTotal(NamedTuple):
    """A number and a total, as in "5/12"; `exact` is False where the text says more than these two hold."""

    number: int | None
    total: int | None
    exact: bool


def number_of_total(text: str) -> NumberOfTotal:
    """Return the numbers in "5" or "5/12"; one that is none or too large is None and not exact."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return NumberOfTotal(None, None, exact=False)
    number, total = (_int32(digits) for digits in match.groups())
    lost = any(digits and value is None for digits, value in zip(match.groups(), (number, total), strict=True))
    return NumberOfTotal(number, total, exact=not lost)


def _int32(digits: str | None) -> int | None:
    if digits is None or len(digits.lstrip("0")) > len(str(INT32_MAX)):
        return None
    number = int(digits)
    return number if number <= INT32_MAX else None


def decimal(text: str) -> float | None:
    """Return the number in "128", "0.988", "-7.03 dB" or "-7,03 dB"."""
    number = _plain_decimal(text.removesuffix(" dB"))
    if number is None:
        match = _DECIMAL.fullmatch(text)
        if match is None:
            return None
        number = float(match[1].replace(",", "."))
    return number if math.isfinite(number) else None


def _plain_decimal(text: str) -> float | None:
    """Return the number that almost all texts are, in a fifth of the time."""
    if text.strip("0123456789.-+"):
        return None
    try:
        return float(text)
    except ValueError:
        return None


def r128_gain_db(text: str) -> float | None:
    """Return the ReplayGain for an Opus R128 gain: Q7.8 fixed point, and 5 dB between -23 LUFS and -18 LUFS.

    RFC 7845, section 5.2.1.
    """
    match = _Q7_8.fullmatch(text)
    if match is None or not -(2**15) <= int(match[1]) < 2**15:
        return None
    return int(match[1]) / 256 + 5


def date(text: str) -> str | None:
    """Return YYYY, YYYY-MM or YYYY-MM-DD; a time of day is left out, month and day 00 mean that they are unknown."""
    text = text.strip()
    match = _ISO_DATE.fullmatch(text)
    if match is not None:
        year, month, day = match.groups()
        return _date(int(year), int(month or 0), int(day or 0))
    for pattern in _OTHER_DATES:
        if (match := pattern.fullmatch(text)) is not None:
            return _date_of_parts(match.groupdict())
    if (match := _SLASHED_DATE.fullmatch(text)) is not None:
        return _day_and_month(*(int(part) for part in match.groups()))
    return None


def _date_of_parts(parts: dict[str, str | None]) -> str | None:
    name = parts.get("name")
    month = _month(name) if name else int(parts.get("m") or 0)
    return None if month is None else _date(int(parts["y"] or 0), month, int(parts.get("d") or 0))


def _month(name: str) -> int | None:
    starting = [number for number, month in enumerate(_MONTHS, 1) if month.startswith(name.lower())]
    return starting[0] if len(starting) == 1 else None


def _day_and_month(first: int, second: int, year: int) -> str | None:
    """Return the date of 13/05/2004 or 05/13/2004, but not of 05/06/2004, which is May or June."""
    dates = {found for found in (_date(year, second, first), _date(year, first, second)) if found}
    return dates.pop() if len(dates) == 1 else None


_DAYS_OF_FEBRUARY: Final = 28  # at least, as of any month


def _date(year: int, month: int, day: int) -> str | None:
    if not 1 <= year <= 9999 or month > 12 or (day and not month):  # noqa: PLR2004
        return None
    if not month:
        return f"{year:04}"
    if not day:
        return f"{year:04}-{month:02}"
    return f"{year:04}-{month:02}-{day:02}" if day <= _DAYS_OF_FEBRUARY or day <= monthrange(year, month)[1] else None


def year(text: str) -> int | None:
    """Return the first four digits that stand alone or start a date."""
    match = _YEAR.search(text)
    return int(match[1]) or None if match is not None else None


def genres(text: str) -> tuple[str, ...]:
    """Return the names of the genres in one value: split at ; / and , with ID3v1's numbers made names.

    ID3v2.3 writes a name's own bracket twice, to tell it from a number's.
    """
    if text.startswith("(("):
        text = text[1:]
    references = _GENRE_REFERENCES.match(text)
    end = references.end() if references is not None else 0
    words = text[:end].strip("()").split(")(") + _GENRE_SEPARATOR.split(text[end:])
    return tuple(dict.fromkeys(_genre_name(word.strip()) for word in words if word.strip()))


def _genre_name(word: str) -> str:
    if word.isascii() and word.isdigit() and int(word[:4]) < len(GENRES):
        return GENRES[int(word)]
    return _GENRE_WORDS.get(word, word)


def uuid(text: str) -> str | None:
    """Return the canonical lower-case form of a UUID."""
    if _is_uuid(text) is not None:
        return text
    text = text.strip().lower()
    return text if _is_uuid(text) is not None else None


def split_ids(text: str) -> tuple[str, ...]:
    """Return the ids in one value: ID3v2.3 joins them with "/", other taggers with ";", "," or spaces."""
    if "/" not in text and ";" not in text and "," not in text:  # as it mostly is
        return tuple(text.split())
    return tuple(piece for piece in _ID_SEPARATOR.split(text) if piece)


def all_ids(texts: Iterable[str]) -> list[str]:
    """Return the ids in several values."""
    return [piece for text in texts for piece in split_ids(text)]


def flag(text: str) -> bool | None:
    """Return what "1", "true" or "0" says."""
    return _FLAGS.get(text.strip().lower())


def release_types(texts: list[str]) -> tuple[str, ...]:
    """Return the types in all values: ID3v2.3 joins them with "/", but "mixtape/street" is one."""
    pieces = (piece.strip() for text in texts for piece in _RELEASE_TYPE_SEPARATOR.split(text))
    return tuple(dict.fromkeys(piece for piece in pieces if piece))
