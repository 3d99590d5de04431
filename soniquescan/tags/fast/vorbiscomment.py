"""Vorbis comments as FLAC and Ogg have them: https://www.xiph.org/vorbis/doc/v-comment.html.

What a comment says depends on its bytes alone, and most of a file's comments are those of the file before: the bytes
are the key to what they said there. `soniquescan.tags.vorbis` is the reference, and reads the comments that are rare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from soniquescan.memo import remember
from soniquescan.tags.build import clean
from soniquescan.tags.columns import OF_ONE_TRACK
from soniquescan.tags.fast.answers import Declined
from soniquescan.tags.mapping import OPUS as OPUS_NAMES
from soniquescan.tags.mapping import VORBIS as VORBIS_NAMES
from soniquescan.tags.vorbis import read_comments

if TYPE_CHECKING:
    from soniquescan.tags.content import Values

NUMBER_BYTES: Final = 4

# Keys of which more than the name of a tag is to be known: the reference reads them.
PICTURE_KEYS: Final = frozenset({"metadata_block_picture", "coverart"})
_RARE_KEYS: Final = PICTURE_KEYS | {"coverartmime", "coverartdescription", "performer", "fingerprint"}
_ALONE: Final = bytes(NUMBER_BYTES) + (1).to_bytes(NUMBER_BYTES, "little")  # no vendor, one comment

# In front of the name of a comment that has no text. No tag's name has it, as PostgreSQL refuses it.
_BLANK: Final = "\x00"
_PICTURE: Final = "\x00\x00picture"  # comments that name no tag
_OTHER: Final = "\x00\x00other"

# Picard name or else the key as spelled, the text if it is not blank, and whether a table has that name.
_Comment = tuple[str, list[str], bool]

More = Callable[[bytes, int, int], tuple[bytes, int, int]]


def _number(data: bytes, at: int) -> int:
    return data[at] | data[at + 1] << 8 | data[at + 2] << 16 | data[at + 3] << 24


def _no_more(_data: bytes, _start: int, _end: int) -> tuple[bytes, int, int]:
    raise Declined


class Comments:
    """The reader of one codec's comments: a memory of what they said, each by its length and its bytes.

    In place of `Memo`, as a missing entry is made sooner so, and what is said of one track only is not remembered.
    """

    def __init__(self, names: dict[str, str]) -> None:
        self._said: dict[bytes, _Comment] = {}
        self._names = names
        self._known = frozenset(names.values())
        usual = {key: name for key, name in names.items() if name not in _RARE_KEYS}
        # Most taggers write keys in capitals: found as they are in place of after `casefold`.
        self._usual = {key.upper(): name for key, name in usual.items()} | usual

    def __len__(self) -> int:
        return len(self._said)

    def read(self, data: bytes, start: int, end: int, more: More = _no_more) -> tuple[Values, bool]:
        """Return what the comments at `start` say, as `clean` leaves it, and whether a picture is one of them.

        They may end before `end`, not behind it. Of one that does, `more` is asked: it is given the data and the place
        of the comment, from its length to its end, and returns the same with data that has it and the comments behind.
        """
        position = start + NUMBER_BYTES + _number(data, start)  # behind the vendor's name
        count = _number(data, position)
        position += NUMBER_BYTES
        values: Values = {}
        are_known = True
        said = self._said
        for _ in range(count):
            start = position
            position += NUMBER_BYTES + data[start]  # enough for most, and found is only what has that length: 2 µs less
            comment = said.get(data[start:position])
            if comment is None:
                position = start + NUMBER_BYTES + _number(data, start)
                if position > len(data):
                    data, start, position = more(data, start, position)
                    end = len(data)
                comment = self._read(data[start:position])
            name, texts, is_known = comment
            are_known = are_known and is_known
            names = len(values)
            values.setdefault(name, texts)
            if len(values) == names:  # one more value
                values[name] = values[name] + texts
        if position > end:
            raise Declined
        return (values, False) if are_known else self._settled(values)

    def _read(self, raw: bytes) -> _Comment:
        try:
            content = raw[NUMBER_BYTES:].decode("utf-8")
        except UnicodeDecodeError:
            content = raw[NUMBER_BYTES:].decode("utf-8", "replace")
        key, equals, text = content.partition("=")
        name = self._usual.get(key) or self._name(key)
        if name is None or not equals or "\x00" in content:
            comment = self._rare(raw)
        else:
            comment = (name, [text], name in self._known) if text.strip() else (_BLANK + name, [], False)
        if name not in OF_ONE_TRACK:  # not to remember those saves 2.5 of 24 µs a file
            remember(self._said, raw, comment, len(raw))
        return comment

    def _name(self, key: str) -> str | None:
        """Return the name of the tag for a key that is not spelled as usual."""
        folded = key.casefold()
        return self._usual.get(folded) or (key if folded not in _RARE_KEYS else None)

    def _rare(self, raw: bytes) -> _Comment:
        block = read_comments(_ALONE + raw, self._names)
        if block.problems or any("\x00" in name for name in block.values):
            raise Declined
        for name in block.values:
            texts = clean(block.values).get(name)
            return (name, texts, name in self._known) if texts else (_BLANK + name, [], False)
        return (_PICTURE if block.has_cover else _OTHER), [], False

    def _settled(self, values: Values) -> tuple[Values, bool]:
        """Return values of which some have names that no table knows: those of people's own, and of blank comments."""
        has_cover = values.pop(_PICTURE, None) is not None
        values.pop(_OTHER, None)
        if self._known.issuperset(values):
            return values, has_cover
        settled: Values = {}
        for name, texts in values.items():
            real_name = name.removeprefix(_BLANK)
            settled[real_name] = settled[real_name] + texts if real_name in settled else texts
        own = [name.casefold() for name in settled if name not in self._known]
        if len(set(own)) < len(own):
            raise Declined  # two spellings of one key: the first counts
        return {name: texts for name, texts in settled.items() if texts}, has_cover


VORBIS: Final = Comments(VORBIS_NAMES)
OPUS: Final = Comments(OPUS_NAMES)
