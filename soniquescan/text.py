"""Text, and numbers, that PostgreSQL can hold: file names as text and back, tag repair, and the keys of identity."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import Final

# Linux file names are bytes. A byte 0x80…0xFF that is not part of valid UTF-8 becomes the private-use
# character U+F780 + (byte - 0x80), as MirBSD and OpenBSD's "OPTU-8" do. A real U+F780…U+F7FF in a name is
# taken apart into its three UTF-8 bytes, each stored the same way, so that every text leads back to one name.
_ESCAPE_FIRST: Final = 0xF780
_ESCAPE_LAST: Final = 0xF7FF
_ESCAPES: Final = re.compile(f"[{chr(_ESCAPE_FIRST)}-{chr(_ESCAPE_LAST)}]")
_ESCAPE_ERRORS: Final = "soniquescan.escape"

# What a terminal would obey rather than show: C0 and C1 controls (U+009B starts a sequence as ESC [ does), line
# separators, bidirectional overrides; and what cannot be shown: surrogates and our own escapes of bytes.
_NOT_FOR_TERMINALS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\uf780-\uf7ff]")
# A byte that is no UTF-8, by our own escape or by Python's "surrogateescape" (arguments of the command line).
_BYTE_STAND_IN: Final = re.compile(r"[\uf780-\uf7ff\udc80-\udcff]")
_NOT_FOR_POSTGRESQL: Final = re.compile(r"[\x00\ud800-\udfff]")
_WHITE_SPACE: Final = re.compile(r"\s+")

# What PostgreSQL's COPY writes for characters that would end a field or a line, or begin such an escape.
_COPY_ESCAPES: Final = {
    "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
}  # fmt: skip
_COPY_TABLE: Final = str.maketrans(_COPY_ESCAPES)
_COPY_MEANINGS: Final = {escape: character for character, escape in _COPY_ESCAPES.items()}
_COPY_ESCAPE: Final = re.compile(r"\\.")
# A name without these is spelled as it is, if it is valid UTF-8.
_COPY_ESCAPED: Final = "".join(_COPY_ESCAPES).encode()
_ESCAPE_STARTS: Final = (b"\xef\x9e", b"\xef\x9f")  # of our escape characters in UTF-8


def _escape_bytes(raw: bytes) -> str:
    return "".join(chr(_ESCAPE_FIRST - 0x80 + byte) for byte in raw)


def _escape_invalid(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _escape_bytes(error.object[error.start : error.end]), error.end


codecs.register_error(_ESCAPE_ERRORS, _escape_invalid)


def path_to_text(path: bytes) -> str:
    """Return `path` as the text that the columns named `path` hold: valid UTF-8 as it is, other bytes escaped."""
    try:
        text = path.decode()
    except UnicodeDecodeError:
        # U+F780…U+F7FF in UTF-8 are EF 9E 80 … EF 9F BF: made invalid first, so that the handler escapes them too.
        return _decode_with_escapes(path)
    if b"\xef" not in path:  # with which our escape characters begin
        return text
    return _ESCAPES.sub(lambda match: _escape_bytes(match[0].encode()), text)


def _decode_with_escapes(path: bytes) -> str:
    pieces = re.split(rb"(\xef(?:\x9e[\x80-\xbf]|\x9f[\x80-\xbf]))", path)
    # Even pieces are ordinary names; odd ones are the escape characters themselves.
    return "".join(
        _escape_bytes(piece) if index % 2 else piece.decode(errors=_ESCAPE_ERRORS) for index, piece in enumerate(pieces)
    )


def text_to_path(text: str) -> bytes:
    """Return the file name that `path_to_text` made `text` from."""
    return b"".join(
        bytes([ord(character) - _ESCAPE_FIRST + 0x80])
        if _ESCAPE_FIRST <= ord(character) <= _ESCAPE_LAST
        else character.encode()
        for character in text
    )


def spell_name(name: bytes) -> bytes:
    """Return a file name, or a path, as COPY writes it in the text format of a column that holds paths."""
    return name if is_plain(name) else path_to_text(name).translate(_COPY_TABLE).encode()


def is_plain(name: bytes, *, separators: int = 0) -> bool:
    """Tell whether `spell_name` leaves a name as it is.

    Several names are asked about at once as one text in which ASCII characters separate them, of which as many as
    `separators` says are some that COPY would escape in a name.
    """
    if len(name) - len(name.translate(None, _COPY_ESCAPED)) != separators:
        return False
    if name.isascii():
        return True
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return b"\xef" not in name or not any(start in name for start in _ESCAPE_STARTS)


def unspell_name(spelled: bytes) -> bytes:
    """Return the file name, or the path, that `spell_name` made `spelled` from."""
    if is_plain(spelled):
        return spelled
    return text_to_path(_COPY_ESCAPE.sub(lambda match: _COPY_MEANINGS[match[0]], spelled.decode()))


def repair_text(text: str) -> str:
    """Return `text` with each character that PostgreSQL refuses (NUL, lone surrogates) replaced by U+FFFD.

    NULs at the end are padding, not content, and are dropped.
    """
    if "\x00" not in text and _is_encodable(text):  # ten times faster than to search for both
        return text
    return _NOT_FOR_POSTGRESQL.sub("\ufffd", text.rstrip("\x00"))


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_SMALL: Final = 1 << 61  # what is compared in one instruction


def signed(number: int) -> int:
    """Return a 64-bit number as PostgreSQL's bigint holds it: inodes, and times after 2262, can be 2^63 and more."""
    if -_SMALL < number < _SMALL:
        return number
    return number if -(1 << 63) <= number < 1 << 63 else (number + (1 << 63)) % (1 << 64) - (1 << 63)


def name_key(name: str) -> str:
    """Return the key by which two spellings of a name are one: NFKC, casefold, white space collapsed."""
    if name.isascii():
        return " ".join(name.lower().split())
    folded = unicodedata.normalize("NFKC", name).casefold()
    return _WHITE_SPACE.sub(" ", unicodedata.normalize("NFKC", folded)).strip()


def printable(text: str) -> str:
    r"""Return `text` fit for a terminal or a line of a log: controls as \n or \x1b, bytes that are no UTF-8 as \xff."""
    return _NOT_FOR_TERMINALS.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    character = match[0]
    if _BYTE_STAND_IN.match(character):
        return f"\\x{ord(character) & 0xFF:02x}"
    return character.encode("unicode_escape").decode("ascii")
