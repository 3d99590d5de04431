"""iTunes' metadata list, the atom `ilst` of an MP4 file.

Its items: https://developer.apple.com/documentation/quicktime-file-format/metadata_item_list_atom
An item is an atom of its own name, or one named "----" with a longer name in atoms of its own, and holds one `data`
atom a value. The list is split at what all `data` atoms have in common; what stands before a value is then looked up
whole, sizes and names together, and says how long the value is. So a list of 31 items takes 26 µs; to take it apart
atom by atom, and to remember what each item means, takes 54.
"""

from __future__ import annotations

import struct
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Final

from mutagen._constants import GENRES
from mutagen.mp4 import AtomDataType, MP4FreeForm

from soniquescan.memo import Memo
from soniquescan.tags.build import clean
from soniquescan.tags.fast.answers import Declined
from soniquescan.tags.fast.atoms import HEADER, HEADER_BYTES, READ_ON_BYTES
from soniquescan.tags.freeform import READ_AS_ONE, add_freeform
from soniquescan.tags.mapping import MP4_ATOMS, MP4_FREEFORM, ROWS
from soniquescan.tags.mp4 import DATA_HEADER_BYTES, PAIRS, ZERO_IS_UNSET, freeform_name, freeform_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from soniquescan.tags.content import Values
    from soniquescan.tags.fast.atoms import Window

# How much of a list must be at hand, and is looked at: more where an item does not end within.
_SPANS: Final = ((HEADER_BYTES, 8 * 1024), (READ_ON_BYTES, READ_ON_BYTES), (64 * 1024, 64 * 1024))
_DATA: Final = b"data\x00\x00\x00"  # name, version, and two bytes of the type; the third and four of the locale follow
_VALUE: Final = 5
_NOT_VALUE: Final = DATA_HEADER_BYTES - _VALUE
_SIZE: Final = Struct(">I").unpack_from
_ONE_SIZE: Final = Struct(">I").unpack
_SIZE_BYTES: Final = 4
_PLAIN_BYTES: Final = HEADER_BYTES + _SIZE_BYTES  # what stands before the data of Apple's items
_NAME_HEADER_BYTES: Final = 12  # of `mean` and `name`, which have a version and flags
_FREE: Final = b"----"
_COVER: Final = b"covr"
_TEXT: Final = int(AtomDataType.UTF8)
_OTHER: Final = -1


# What stands in an item before its first value: its tag, or its key; the end of the value, in the piece that begins
# with the last byte of its type; the bytes of the item after the value; the type of values that are texts and no more,
# or _OTHER; whether people chose its name; its key as mutagen spells it; and the names of items before it that have no
# value. Not a NamedTuple, which would take 1 µs a file longer to take apart.
Head = tuple[str, int, int, int, bool, str, list[str]]


class _Growing(dict[str, list[str]]):
    """Lists of texts, to which more are added by assignment."""

    def __setitem__(self, name: str, texts: list[str]) -> None:
        if name in self and name in _FLAG_TAGS:
            raise Declined
        super().__setitem__(name, self.get(name, []) + texts)


def read_list(window: Window, start: int, end: int) -> tuple[Values, bool]:
    """Return what the list between two offsets says, clean, and whether there is a picture in it."""
    plain: Values = {}
    free: Values = {}
    runs, tags, has_cover = [], 0, False
    while start < end:
        run, said, cover_size = _read_run(window, start, end, plain, free)
        if not run and not cover_size:  # the file has become shorter
            raise Declined
        runs.append(run)
        tags += said
        has_cover = has_cover or cover_size > HEADER_BYTES + DATA_HEADER_BYTES
        start += len(run) + cover_size
    if start > end:
        raise Declined
    values = plain | free
    if len(values) < tags or not _ARE_APART[tuple(values)]:
        return clean(_merged(runs)), has_cover
    return (values if _is_clean(values) else clean(values)), has_cover


def _is_clean(values: Values) -> bool:
    """Tell whether `clean` would leave values as they are."""
    for texts in values.values():
        if not texts:
            return False
        for text in texts:
            if not text.strip() or "\x00" in text:
                return False
    return True


def _read_run(window: Window, start: int, end: int, plain: Values, free: Values) -> tuple[bytes, int, int]:
    """Add the items up to the next picture, or to the end; return them, how many they say, and the picture's size."""
    for needed, most in _SPANS:
        at = window.reach(start, min(needed, end - start))
        region = window.data[at : at + min(most, end - start)]
        cover = region.find(_COVER) - _SIZE_BYTES
        try:
            if cover < 0:
                return region, _add(region, plain, free), 0
            (size,) = _SIZE(region, cover)
            if size >= HEADER_BYTES:
                return region[:cover], _add(region[:cover], plain, free), size
        except (Declined, ValueError, IndexError, struct.error):
            if len(region) == end - start:
                raise
    raise Declined


def _add(run: bytes, plain: Values, free: Values, *, by_key: bool = False) -> int:
    """Add what the items of a run say, which ends with one, by tag or by key; return how many tags they say."""
    heads = _HEADS_BY_KEY if by_key else _HEADS
    before, *pieces = run.split(_DATA)
    tags, end, left, type_, piece, name, said = len(pieces), 0, 0, _OTHER, b"", "", plain
    for piece in pieces:
        if left:  # another value of the same item
            (size,) = _ONE_SIZE(before)
            end, left, tags = size - _NOT_VALUE, left - size, tags - 1
            if piece[0] != type_ or left < 0 or end < _VALUE:
                raise Declined
            said[name].append(piece[_VALUE:end].decode())
        else:
            name, end, left, type_, is_free, key, empty = heads[before]
            said = free if is_free else plain
            if piece[0] == type_:
                said[name] = [piece[_VALUE:end].decode()]
            else:
                if left:
                    raise Declined
                tags += _add_empty(empty, free) - 1
                for tag, texts in _OTHERS[name, key, piece[0], piece[_VALUE:end]]:
                    said[tag] = texts
                    tags += 1
        before = piece[end:]
    empty, rest = _without_value(before, by_key=by_key) if before else ([], b"")
    if rest or left or len(piece) < end:
        raise Declined
    return tags + _add_empty(empty, free)


def _add_empty(names: list[str], free: Values) -> int:
    for name in names:
        free[name] = []
    return len(names)


def _merged(runs: Iterable[bytes]) -> Values:
    """Return what items say of which several say the same tag, as the reference puts them together."""
    plain = _Growing()
    free = _Growing()
    for run in runs:
        _add(run, plain, free, by_key=True)
    values = dict(plain)
    add_freeform(values, [(freeform_name(key), texts) for key, texts in free.items()], MP4_FREEFORM, "----")
    return values


def _head(before: bytes, *, by_key: bool) -> Head:
    """Return what the bytes before the `data` of an item say, the size of `data` included."""
    empty, before = _without_value(before, by_key=by_key)
    size, atom = HEADER(before)
    (value_size,) = _SIZE(before, len(before) - _SIZE_BYTES)
    end, left = value_size - _NOT_VALUE, size - (len(before) - _SIZE_BYTES) - value_size
    if end < _VALUE or left < 0:
        raise Declined
    if atom == _FREE:
        key = _KEYS[before[HEADER_BYTES:-_SIZE_BYTES]]
        name, type_ = key if by_key else _FREE_TAGS[key], _TEXT
    else:
        key = atom.decode("latin-1")
        if len(before) != _PLAIN_BYTES or "\x00" in key or key in _NOT_ITEMS:
            raise Declined
        name = "genre" if key == "gnre" else MP4_ATOMS.get(key, key)
        type_ = _TEXT if _PARSERS.get(key, _open_text) is _open_text and key not in PAIRS else _OTHER
    return name, end, left, _OTHER if empty else type_, atom == _FREE, key, empty


def _without_value(before: bytes, *, by_key: bool) -> tuple[list[str], bytes]:
    """Return the names of the items that have no value (iTunes writes such), and the beginning of the next item."""
    names = []
    while len(before) > _PLAIN_BYTES:
        size, atom = HEADER(before)
        if size > len(before):
            break
        if atom != _FREE or size < HEADER_BYTES:
            raise Declined
        key = _KEYS[before[HEADER_BYTES:size]]
        names.append(key if by_key else _FREE_TAGS[key])
        before = before[size:]
    return names, before


def _key(names: bytes) -> str:
    """Return the key that the atoms `mean` and `name` make."""
    size, mean = HEADER(names)
    name_size, name = HEADER(names, size)
    if (
        mean != b"mean"
        or name != b"name"
        or min(size, name_size) < _NAME_HEADER_BYTES
        or size + name_size != len(names)
    ):
        raise Declined
    parts = (_FREE, names[_NAME_HEADER_BYTES:size], names[size + _NAME_HEADER_BYTES :])
    return b":".join(parts).decode("latin-1")


def _free_tag(key: str) -> str:
    name = freeform_name(key)
    return MP4_FREEFORM.get(name) or MP4_FREEFORM.get(name.casefold()) or name


def _are_apart(tags: tuple[str, ...]) -> bool:
    """Return whether no two are spellings of one tag, and none stands for others."""
    return len({tag.casefold() for tag in tags}) == len(tags) and READ_AS_ONE.keys().isdisjoint(tags)


def _other(item: tuple[str, str, int, bytes]) -> list[tuple[str, list[str]]]:
    """Return what a value says that is not just a text."""
    name, key, type_, value = item
    if key in PAIRS:
        numbers = zip(PAIRS[key], _PAIR(value), strict=True)
        return [(tag, [str(number)] if number else []) for tag, number in numbers]
    if key.startswith("----:"):
        text = freeform_text(MP4FreeForm(value, type_))
    elif key in _PARSERS:
        text = _PARSERS[key](type_, value)
    elif type_ == _TEXT:
        text = value.decode()
    elif key in MP4_ATOMS:
        raise Declined
    else:
        return []  # mutagen puts aside what it does not know, unless it is marked as a text
    return [(name, [] if text is None or (text == "0" and key in ZERO_IS_UNSET) else [text])]


def _open_text(type_: int, value: bytes) -> str:
    """Return the text of an item that holds nothing else: its type may be left open."""
    if type_ not in {AtomDataType.IMPLICIT, AtomDataType.UTF8}:
        raise Declined
    return value.decode()


def _integer(type_: int, value: bytes) -> str:
    if type_ not in {AtomDataType.IMPLICIT, AtomDataType.INTEGER} or len(value) not in _INTEGER_BYTES:
        raise Declined
    return str(int.from_bytes(value, signed=True))


def _flag(_type: int, value: bytes) -> str:
    if len(value) != 1:
        raise Declined
    return "1" if value[0] else "0"


def _genre(_type: int, value: bytes) -> str:
    """Return the name of one of ID3v1's genres, here numbered from one."""
    number = int.from_bytes(value)
    if len(value) != _GENRE_BYTES or not 1 <= number <= len(GENRES):
        raise Declined
    return GENRES[number - 1]


_PAIR: Final = Struct(">2xHH").unpack_from
_GENRE_BYTES: Final = 2
_INTEGER_BYTES: Final = (1, 2, 3, 4, 8)
# What mutagen knows of items, by what they hold.
_KNOWN: Final[dict[Callable[[int, bytes], str], str]] = {
    _open_text: "©nam ©alb ©ART aART ©wrt ©day ©cmt desc purd ©grp ©gen ©lyr catg keyw ©too cprt "
    "soal soaa soar sonm soco sosn tvsh purl egid",
    _integer: "plID cnID geID atID sfID cmID akID tvsn tves tmpo ©mvi ©mvc shwm stik hdvd rtng",
    _flag: "cpil pgap pcst",
    _genre: "gnre",
}
_PARSERS: Final = {key: parse for parse, keys in _KNOWN.items() for key in keys.split()}
_FLAG_TAGS: Final = {MP4_ATOMS[key] for key in _KNOWN[_flag].split()}
# An unknown item of a tag's name would be put together with that.
_NOT_ITEMS: Final = {row.name for row in ROWS} | {"covr"}

_HEADS: Final = Memo(partial(_head, by_key=False))
_HEADS_BY_KEY: Final = Memo(partial(_head, by_key=True))
_KEYS: Final = Memo(_key)
_FREE_TAGS: Final = Memo(_free_tag)
_OTHERS: Final = Memo(_other, size=lambda item, _: len(item[-1]))
_ARE_APART: Final = Memo(_are_apart)
