"""What to leave out: patterns of `--exclude` and of `.soniqueignore` files, in gitignore's syntax.

As git has it: the last pattern that matches decides, a file in a deeper folder before one further up, `--exclude`
(relative to each folder that is scanned) before all files; and nothing in a folder that is left out can be brought
back, since nobody looks there. `.soniqueignore` files in the folders above the one that is scanned count, too, so that
scanning a part of a library finds what scanning all of it does; the scanned folder itself is never left out.

Unlike git, `?` matches one character rather than one byte, and `folder/` also a symbolic link to a folder. In brackets
there are characters, ranges and `!`, but no backslash and no `[:class:]`. A line that can match nothing is an error.
"""

from __future__ import annotations

import os
import re
import stat
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from soniquescan.errors import FileReadError, UsageError
from soniquescan.messages import ErrorKind
from soniquescan.text import printable

FILE_NAME = b".soniqueignore"

MAX_FILE_BYTES = 1 << 20  # what is longer is something else; compiling its lines would take minutes
_SHOWN_CHARACTERS = 100  # of a line that is no pattern


class PatternFileError(FileReadError):
    """A `.soniqueignore` cannot be read, or holds a line that is no pattern: so nobody knows what to leave out."""

    kind: ErrorKind

    def __init__(self, path: bytes, kind: ErrorKind, message: str) -> None:
        super().__init__(kind, message)
        self.path = path


class _Pattern(NamedTuple):
    """A line of patterns."""

    regex: re.Pattern[str]
    excludes: bool  # or brings back ("!pattern")
    of_folders: bool  # only ("pattern/")
    of_names: bool  # in any folder, rather than of paths


class _Layer(NamedTuple):
    """The patterns of one file, or those of `--exclude`."""

    start: int  # characters of a path before the part that patterns see
    patterns: tuple[_Pattern, ...]  # the last one first: it decides


class Rules(NamedTuple):
    """All patterns that hold in a folder."""

    asked: tuple[_Layer, ...]  # for by `--exclude`: one or none
    files: tuple[_Layer, ...]  # those of the deepest folder first

    def in_folder(self, folder: bytes) -> Callable[[bytes, bool], bool]:
        """Return a function that tells of a name in `folder`, and whether it is a folder's, whether to leave it out."""
        within = _text(os.path.join(folder, b""))  # noqa: PTH118  # paths are bytes here, which pathlib does not take
        patterns = [
            (pattern.regex.search, pattern.excludes, pattern.of_folders, "" if pattern.of_names else within[start:])
            for start, layer in self.asked + self.files
            for pattern in layer
        ]

        def is_excluded(name: bytes, is_folder: bool) -> bool:  # noqa: FBT001  # named where it is made
            text = _text(name)
            for search, excludes, of_folders, before in patterns:
                if of_folders and not is_folder:
                    continue
                match = search(before + text)
                # What pathspec captures is the slash after a parent that matches. That one was asked about when its
                # turn was, and since we are in it, another pattern has brought it back.
                if match is not None and match.lastindex is None:
                    return excludes
            return False

        return is_excluded


def check_patterns(patterns: Iterable[str]) -> None:
    """Raise `UsageError` if one of the patterns of `--exclude` is none."""
    for pattern in patterns:
        try:
            is_empty = _compile(_asked(pattern)) is None
        except ValueError as exc:
            raise UsageError(f"--exclude '{printable(pattern)}' is no pattern: {exc}") from exc
        if is_empty:
            raise UsageError(f"--exclude '{printable(pattern)}' leaves nothing out")


def rules_above(root: bytes, exclude: Sequence[str]) -> Rules | None:
    """Return the rules of a scan of `root`, but for what files in it say; None if there are none.

    Raises:
        PatternFileError: of a file in a folder above `root`.
    """
    patterns = [_compile(_asked(pattern)) for pattern in exclude]
    asked = _layers(root, [pattern for pattern in patterns if pattern is not None])
    files: tuple[_Layer, ...] = ()
    for folder in _parents(root):
        files = _layers(folder, _read(folder)) + files
    return Rules(asked, files) if asked or files else None


def rules_within(rules: Rules | None, folder: bytes) -> Rules | None:
    """Return the rules that hold in `folder`, those of its `.soniqueignore` added to the ones from above.

    Raises:
        PatternFileError: of this file.
    """
    layers = _layers(folder, _read(folder))
    if not layers:
        return rules
    return Rules((), layers) if rules is None else Rules(rules.asked, layers + rules.files)


def _layers(folder: bytes, patterns: Sequence[_Pattern]) -> tuple[_Layer, ...]:
    return (_Layer(len(_text(folder.rstrip(b"/"))) + 1, tuple(reversed(patterns))),) if patterns else ()


def _parents(folder: bytes) -> list[bytes]:
    """Return the folders above an absolute path, from the top down."""
    names = folder.strip(b"/").split(b"/")
    return [b"/" + b"/".join(names[:depth]) for depth in range(len(names))] if names != [b""] else []


def _read(folder: bytes) -> list[_Pattern]:
    """Return the patterns of a folder's own file, if it has one."""
    path = os.path.join(folder, FILE_NAME)  # noqa: PTH118  # bytes
    patterns = []
    content = _content(path).removeprefix(b"\xef\xbb\xbf")  # a byte order mark
    for number, line in enumerate(content.split(b"\n"), 1):
        try:
            pattern = _compile(_text(line))
        except ValueError as exc:
            message = f"line {number} is no pattern: {exc}: '{printable(_text(line)[:_SHOWN_CHARACTERS])}'"
            raise PatternFileError(path, ErrorKind.BAD_PATTERN, message) from exc
        if pattern is not None:
            patterns.append(pattern)
    return patterns


def _content(path: bytes) -> bytes:
    """Return what a file of patterns holds: nothing if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116  # bytes
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
            message = f"not a regular file of at most {MAX_FILE_BYTES} bytes; it was not opened"
            raise PatternFileError(path, ErrorKind.BAD_PATTERN, message)
        with open(path, "rb") as file:  # noqa: PTH123  # bytes
            return file.read()
    except FileNotFoundError as exc:
        if os.path.islink(path):  # noqa: PTH114  # bytes
            message = "a symbolic link to a file that does not exist"
            raise PatternFileError(path, ErrorKind.DANGLING_LINK, message) from exc
        return b""
    except OSError as exc:
        raise PatternFileError(path, ErrorKind.of_os_error(exc), exc.strerror or str(exc)) from exc


def _compile(line: str) -> _Pattern | None:
    """Return a line as a pattern, or None if it is empty or a comment; raise `ValueError` if it is no pattern."""
    if not line.strip() or line.startswith("#"):
        return None
    # Only here, since it takes 25 ms and hardly anybody has patterns.
    from pathspec.patterns.gitignore import GitIgnorePatternError  # noqa: PLC0415
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern  # noqa: PLC0415

    if not line.endswith("\\ "):  # what follows a backslash is meant
        line = line.rstrip()  # Windows' line ends, too
    bare = line.removesuffix("/")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of `re`, for "[[": here it is as it always was
            pattern = GitIgnoreSpecPattern(bare)
    except GitIgnorePatternError as exc:  # "!", "name\\"
        raise ValueError("something has to follow its last character") from exc
    except re.error as exc:
        raise ValueError(exc.msg) from exc
    if pattern.regex is not None:
        return _Pattern(pattern.regex, bool(pattern.include), bare != line, "/" not in bare)
    if "[" in bare:
        raise ValueError("a bracket is not closed")  # git and pathspec are silent here
    return None


def _asked(pattern: str) -> str:
    """Return a pattern of the command line as a line of a file: there is no comment to be begun with "#"."""
    return _text(os.fsencode(f"\\{pattern}" if pattern.startswith("#") else pattern))


def _text(raw: bytes) -> str:
    r"""Return a path or a pattern as one character for each that it has, or each byte that is no part of one.

    A "\n", which regular expressions treat as none of the others, is replaced by what no name can hold.
    """
    return raw.replace(b"\n", b"\0").decode("utf-8", "surrogateescape")
