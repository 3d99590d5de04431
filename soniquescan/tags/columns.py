"""Rules that hold for every container: the values of one tag, or of a few that belong together → a column.

A rule reads `values`, by Picard name, and puts those that its column does not hold exactly into `left`.
It changes no list: files may share them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from soniquescan.memo import Memo
from soniquescan.messages import AlbumTags, Credit
from soniquescan.tags import normalise
from soniquescan.tags.content import Values
from soniquescan.tags.people import Credited, credited, credits_of, distinct, people
from soniquescan.text import name_key

T = TypeVar("T")

Rule = Callable[[Values, str, Values], T]  # values, the tag's name, left → what the column holds


JOINED_BY: Final = "; "
PERFORMER: Final = "performer"
INSTRUMENT: Final = f"{PERFORMER}:"  # so begin the names of tags that hold performers of one instrument

# The tags that say the total where the number's own does not.
TOTALS: Final[dict[str, str]] = {
    "tracknumber": "totaltracks",
    "discnumber": "totaldiscs",
    "movementnumber": "movementtotal",
}
# The tags of artists and of album artists: listed, as shown, for sorting, and their ids.
ARTISTS: Final[dict[str, tuple[str, ...]]] = {
    "artist": ("artists", "artist", "artistsort", "musicbrainz_artistid"),
    "albumartist": ("albumartists", "albumartist", "albumartistsort", "musicbrainz_albumartistid"),
}

# The tags that the files of an album have in common, and those of them that mean nothing without an album.
RELEASE: Final[tuple[str, ...]] = (
    "date",
    "originaldate",
    "originalyear",
    "discnumber",
    "totaldiscs",
    "replaygain_album_gain",
    "r128_album_gain",
    "replaygain_album_peak",
)
ALBUM: Final[tuple[str, ...]] = (
    "album",
    "albumsort",
    *ARTISTS["albumartist"],
    "compilation",
    "label",
    "catalognumber",
    "barcode",
    "asin",
    "media",
    "releasecountry",
    "releasestatus",
    "releasetype",
    "musicbrainz_albumid",
    "musicbrainz_releasegroupid",
)
# What no other file says, as a rule: not worth remembering.
OF_ONE_TRACK: Final = frozenset(
    {
        "acoustid_fingerprint",
        "acoustid_id",
        "isrc",
        "musicbrainz_recordingid",
        "musicbrainz_trackid",
        "replaygain_track_gain",
        "replaygain_track_peak",
        "title",
    }
)

# What was made of values that come again and again in a library: 0.04 µs, where to make it takes 3 to 10.
_CreditKey = tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def _characters(key: _CreditKey, _made: Credited) -> int:
    _, listed, shown, sort, ids = key
    return sum([len(text) for texts in (listed, shown, sort, ids) for text in texts])


def _genres_by_key(value: str) -> tuple[str, ...]:
    return _by_key(normalise.genres(value))


def _credited_of(key: _CreditKey) -> Credited:
    return credited(*key)


_numbers: Final = Memo(normalise.number_of_total)
GENRES: Final[Memo[str, tuple[str, ...]]] = Memo(_genres_by_key)
_genre_keys: Final = Memo(name_key)
_credited: Final = Memo(_credited_of, size=_characters)


def text(values: Values, name: str, _left: Values) -> str | None:
    """Return all values as one text."""
    found = values.get(name)
    if found is None:
        return None
    return found[0] if len(found) == 1 else JOINED_BY.join(dict.fromkeys(found))


def texts(values: Values, name: str, _left: Values) -> tuple[str, ...]:
    """Return all values."""
    return tuple(dict.fromkeys(values[name]))


def single(value: str) -> tuple[str]:
    """Return the only value."""
    return (value,)


def isrcs(values: Values, name: str, _left: Values) -> tuple[str, ...]:
    """Return all ISRCs."""
    return tuple(dict.fromkeys(normalise.all_ids(values[name])))


def isrc(value: str) -> tuple[str] | None:
    """Return the ISRC that a value is, unless it may be several."""
    return (value,) if value.isalnum() else None


def genres(values: Values, name: str, _left: Values) -> tuple[str, ...]:
    """Return all genres; of two spellings of one, the first."""
    return _by_key([genre for value in values[name] for genre in GENRES[value]])


def _by_key(genres: Iterable[str]) -> tuple[str, ...]:
    spelled: dict[str, str] = {}
    for genre in genres:
        spelled.setdefault(_genre_keys[genre], genre)
    return tuple(spelled.values())


def decimal(values: Values, name: str, left: Values) -> float | None:
    """Return the first number; unless it is the only value, the tag is left as well."""
    return _first(values, name, left, normalise.decimal)


def track_gain(values: Values, _name: str, left: Values) -> float | None:
    """Return a track's ReplayGain, else the gain that Opus has in its place."""
    return _gain(values, "replaygain_track_gain", "r128_track_gain", left)


def _gain(values: Values, name: str, r128_name: str, left: Values) -> float | None:
    found = _first(values, name, left, normalise.decimal)
    if found is None:
        return _first(values, r128_name, left, normalise.r128_gain_db)
    if r128_name in values:
        left[r128_name] = values[r128_name]
    return found


def uuid(values: Values, name: str, left: Values) -> str | None:
    """Return the first valid id; unless it is the only one, the tag is left as well."""
    found = values.get(name)
    if found is None:
        return None
    ids = normalise.all_ids(found)
    first = next(filter(None, map(normalise.uuid, ids)), None)
    if first is None or len(ids) > 1:
        left[name] = found
    return first


def number_and_total(values: Values, name: str, left: Values) -> tuple[int | None, int | None]:
    """Return a number and a total, which may stand in the number's value ("5/12")."""
    own_total = _first(values, TOTALS[name], left, _whole_number)
    found = values.get(name)
    if found is None:
        return None, own_total
    number, total, exact = _numbers[found[0]]
    agreed = own_total is None or total is None or own_total == total
    if not exact or not agreed or found.count(found[0]) != len(found):
        left[name] = found
    return number, total if own_total is None else own_total


def artist(values: Values, _name: str, left: Values) -> str | None:
    """Return the artists as shown, else as listed."""
    return text(values, "artist", left) or text(values, "artists", left)


def artist_credits(values: Values, role: str, left: Values) -> tuple[Credit, ...]:
    """Return the credits of artists or album artists; ids that are not paired with their names are left."""
    listed, shown, sort, ids = ARTISTS[role]
    get = values.get
    key = role, tuple(get(listed, ())), tuple(get(shown, ())), tuple(get(sort, ())), tuple(get(ids, ()))
    found, left_ids = _credited[key]
    if left_ids:
        left[ids] = left_ids
    return found


def role_credits(values: Values, role: str, _left: Values) -> tuple[Credit, ...]:
    """Return the credits of another role, of which no sort name has a column."""
    return _credited[role, (), tuple(values[role]), tuple(values.get(f"{role}sort", ())), ()][0]


def performer_credits(values: Values, role: str, _left: Values) -> tuple[Credit, ...]:
    """Return the credits of performers with and without instruments, which have no column, in the file's order."""
    names: list[str] = []
    for name, found in values.items():
        if name == PERFORMER:
            names += people((), found)
        elif name.startswith(INSTRUMENT):
            names += [person for value in found for person in people((), (value,))]
    return distinct(credits_of(role, names, values.get(f"{role}sort", ())))


def date_and_year(values: Values, name: str, left: Values) -> tuple[str | None, int | None]:
    """Return a date, and its year or else the first year that the values have."""
    date = _first(values, name, left, normalise.date)
    if date is not None:
        return date, int(date[:4])
    return None, next(filter(None, map(normalise.year, values.get(name, ()))), None)


def original_date_and_year(values: Values, left: Values) -> tuple[str | None, int | None]:
    """Return the original date, and its year or else the original year."""
    date, year = date_and_year(values, "originaldate", left)
    years = values.get("originalyear")
    if years is None or years == [str(year)]:
        return date, year
    if year is None:
        return date, _first(values, "originalyear", left, normalise.year)
    left["originalyear"] = years
    return date, year


def release(values: Values, left: Values) -> dict[str, object]:
    """Return the columns that the tags of RELEASE make, and those of ALBUM if there is an album."""
    date, year = date_and_year(values, "date", left)
    original_date, original_year = original_date_and_year(values, left)
    disc_number, disc_total = number_and_total(values, "discnumber", left)
    dates = (date, year, original_date, original_year)
    return {
        "date": date,
        "year": year,
        "original_date": original_date,
        "original_year": original_year,
        "disc_number": disc_number,
        "disc_total": disc_total,
        "replaygain_album_gain_db": _gain(values, "replaygain_album_gain", "r128_album_gain", left),
        "replaygain_album_peak": decimal(values, "replaygain_album_peak", left),
        "album": _album(values, left, dates, disc_total) if "album" in values else None,
    }


def _album(
    values: Values, left: Values, dates: tuple[str | None, int | None, str | None, int | None], disc_total: int | None
) -> AlbumTags:
    """Return what the file says about its album."""
    date, year, original_date, original_year = dates
    return AlbumTags(
        title=text(values, "album", left) or "",
        sort_title=text(values, "albumsort", left),
        albumartist=text(values, "albumartist", left),
        albumartist_sort=text(values, "albumartistsort", left),
        albumartists=artist_credits(values, "albumartist", left),
        date=date,
        year=year,
        original_date=original_date,
        original_year=original_year,
        compilation=_first(values, "compilation", left, normalise.flag),
        disc_total=disc_total,
        label=text(values, "label", left),
        catalog_number=text(values, "catalognumber", left),
        barcode=text(values, "barcode", left),
        asin=text(values, "asin", left),
        media=text(values, "media", left),
        release_country=text(values, "releasecountry", left),
        release_status=text(values, "releasestatus", left),
        release_types=normalise.release_types(values.get("releasetype", [])),
        musicbrainz_albumid=uuid(values, "musicbrainz_albumid", left),
        musicbrainz_releasegroupid=uuid(values, "musicbrainz_releasegroupid", left),
    )


def _first(values: Values, name: str, left: Values, parse: Callable[[str], T | None]) -> T | None:
    """Return the first value that `parse` understands; unless it is the only one, the tag is left as well."""
    found = values.get(name)
    if found is None:
        return None
    if len(found) == 1:  # almost always
        only = parse(found[0])
        if only is None:
            left[name] = found
        return only
    parsed = [parse(value) for value in found]
    first = next((item for item in parsed if item is not None), None)
    if first is None or any(item != first for item in parsed):
        left[name] = found
    return first


def _whole_number(value: str) -> int | None:
    number, total, exact = _numbers[value]
    return number if exact and total is None else None
