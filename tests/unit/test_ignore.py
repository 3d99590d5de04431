"""Patterns over real folders; git is the reference where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from soniquescan import ignore
from soniquescan.errors import UsageError
from soniquescan.ignore import PatternFileError, check_patterns, rules_above, rules_within
from soniquescan.messages import ErrorKind

# Files of patterns by folder, the tree ("/" at the end: a folder), and what is left out of it, but for what is in a
# folder that is left out.
CASES = {
    "a name in any folder": (
        {"": ["demo.mp3"]},
        ["demo.mp3", "a/demo.mp3", "a/demo.mp3x", "a/xdemo.mp3"],
        ["demo.mp3", "a/demo.mp3"],
    ),
    "wildcards stay in a name": (
        {"": ["*.wav", "x/*.mp3", "t?.ogg", "[ab]1.opus", "[!ab]2.opus"]},
        ["1.wav", "x/1.wav", "x/1.mp3", "x/y/1.mp3", "t1.ogg", "t12.ogg", "a1.opus", "c1.opus", "a2.opus", "c2.opus"],
        ["1.wav", "x/1.wav", "x/1.mp3", "t1.ogg", "a1.opus", "c2.opus"],
    ),
    "a slash at the end means folders only": (
        {"": ["live/"]},
        ["live/1.mp3", "a/live/1.mp3", "b/live"],
        ["live/", "a/live/"],
    ),
    "any other slash means this folder only": (
        {"": ["/demo", "x/demo"]},
        ["demo/", "a/demo/", "x/demo", "a/x/demo"],
        ["demo/", "x/demo"],
    ),
    "two asterisks are any number of folders": (
        {"": ["**/demo.mp3", "a/**/x.mp3", "b/**"]},
        ["demo.mp3", "c/d/demo.mp3", "a/x.mp3", "a/1/2/x.mp3", "c/a/x.mp3", "b/1.mp3", "b/c/1.mp3"],
        ["demo.mp3", "c/d/demo.mp3", "a/x.mp3", "a/1/2/x.mp3", "b/1.mp3", "b/c/"],
    ),
    "the last that matches decides": (
        {"": ["*.mp3", "!keep.mp3", "a/keep.mp3", "!a/b/keep.mp3"]},
        ["1.mp3", "keep.mp3", "a/keep.mp3", "a/b/keep.mp3"],
        ["1.mp3", "a/keep.mp3"],
    ),
    "nothing comes back into a folder that is left out": (
        {"": ["live", "!live/keep.mp3"], "live": ["!*"]},
        ["live/keep.mp3"],
        ["live/"],
    ),
    "everything but": (
        {"": ["*", "!*/", "!*.flac"]},
        ["1.mp3", "1.flac", "a/1.mp3", "a/b/1.flac"],
        ["1.mp3", "a/1.mp3"],
    ),
    "a folder brought back says nothing of what is in it": (
        {"": ["*.mp3"], "a": ["!live/", "!/best", "!b*/c"]},
        ["a/live/1.mp3", "a/live/1.ogg", "a/best/1.mp3", "a/best/c/1.mp3"],
        ["a/live/1.mp3", "a/best/1.mp3", "a/best/c/1.mp3"],
    ),
    "a deeper file decides first": (
        {"": ["*.mp3", "/a/c/d.ogg"], "a": ["!*.mp3"], "a/b": ["2.mp3"], "a/c": ["!d.ogg", "/e.ogg"]},
        ["1.mp3", "a/1.mp3", "a/b/1.mp3", "a/b/2.mp3", "a/c/d.ogg", "a/c/e.ogg", "a/c/c/e.ogg"],
        ["1.mp3", "a/b/2.mp3", "a/c/e.ogg"],
    ),
    "comments, blanks and escapes": (
        {"": ["# 1.mp3", "", "  ", "\\#2.mp3", "\\!3.mp3", "4.mp3  ", "\\[5\\].mp3", "6 .mp3", "/", "7.mp3\\ "]},
        ["1.mp3", "# 1.mp3", "#2.mp3", "!3.mp3", "4.mp3", "[5].mp3", "5.mp3", "6 .mp3", "7.mp3 ", "7.mp3"],
        ["#2.mp3", "!3.mp3", "4.mp3", "[5].mp3", "6 .mp3", "7.mp3 "],
    ),
    "names as bytes": (
        {"": ["\udcff*", "caf?\udce9.mp3", "ü.mp3"]},
        ["\udcff\udcfe.mp3", "\udcfe.mp3", "cafe\udce9.mp3", "ü.mp3", "u\u0308.mp3"],
        ["\udcff\udcfe.mp3", "cafe\udce9.mp3", "ü.mp3"],
    ),
    "newlines in names": (
        {"": ["a/**/*.mp3", "1.ogg", "b*.ogg"]},
        ["a/x\ny/1.mp3", "1.ogg\n", "b\n.ogg", "c\n.ogg"],
        ["a/x\ny/1.mp3", "b\n.ogg"],
    ),
    "case counts": ({"": ["live/", "*.mp3"]}, ["Live/", "1.MP3"], []),
}


@pytest.fixture
def make_tree(tmp_path):
    """A function that makes a tree and returns its root."""

    def make(patterns, paths, *, file_name=".soniqueignore"):
        root = tmp_path / "music"
        root.mkdir()
        for path in paths:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            if path.endswith("/"):
                (root / path).mkdir(exist_ok=True)
            else:
                (root / path).write_bytes(b"")
        for folder, lines in patterns.items():
            (root / folder / file_name).write_bytes(os.fsencode("\n".join(lines)) + b"\n")
        return root

    return make


def left_out(root, *exclude):
    """What a walk of `root` leaves out, folders with a slash at the end."""
    found = []

    def walk(folder, rules):
        rules = rules_within(rules, folder)
        is_excluded = rules.in_folder(folder) if rules is not None else lambda *_: False
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.name.startswith(b"."):
                continue
            if is_excluded(entry.name, entry.is_dir()):
                found.append(os.path.relpath(os.fsdecode(entry.path), root) + "/" * entry.is_dir())
            elif entry.is_dir():
                walk(entry.path, rules)

    walk(os.fsencode(root), rules_above(os.fsencode(root), exclude))
    return found


@pytest.mark.parametrize("case", CASES)
def test_patterns_leave_out(make_tree, case):
    patterns, paths, expected = CASES[case]
    assert sorted(left_out(make_tree(patterns, paths))) == sorted(expected)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("case", [case for case in CASES if "bytes" not in case])
def test_the_same_is_ignored_by_git(make_tree, case):
    patterns, paths, expected = CASES[case]
    root = make_tree(patterns, paths, file_name=".gitignore")
    subprocess.run(["git", "init", "--quiet", root], check=True)
    ours = {os.fsencode(path.rstrip("/")) for path in expected}
    found = [os.path.relpath(path, root) for path in root.rglob("*") if "/.git" not in os.fspath(path)]
    command = ["git", "-C", root, "check-ignore", "-z", "--stdin", "--no-index"]
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull}
    asked = b"\0".join(map(os.fsencode, found))
    answer = subprocess.run(command, input=asked, env=environment, capture_output=True, check=False).stdout
    theirs = set(answer.split(b"\0")) - {b""}
    # git names what is in such a folder, too.
    assert {path for path in theirs if not any(path.startswith(folder + b"/") for folder in theirs)} == ours


def test_exclude_decides_before_all_files_and_is_relative_to_the_root(make_tree):
    root = make_tree({"a": ["!1.mp3", "2.mp3"]}, ["a/1.mp3", "a/2.mp3", "a/3.mp3", "1.mp3", "b/a/1.mp3"])
    assert left_out(root, "/a/1.mp3", "!2.mp3", "a/3.mp3") == ["a/1.mp3", "a/3.mp3"]


def test_what_exclude_says_of_a_folder_says_nothing_of_what_is_in_it(make_tree):
    root = make_tree({"": ["live"], "live": ["1.mp3"]}, ["live/1.mp3", "live/2.mp3"])
    assert left_out(root, "!live") == ["live/1.mp3"]


def test_a_pattern_of_the_command_line_is_no_comment(make_tree):
    assert left_out(make_tree({}, ["#1.mp3", "1.mp3"]), "#1.mp3") == ["#1.mp3"]


def test_lines_may_end_as_windows_ends_them_and_only_so(make_tree):
    root = make_tree({}, ["1.mp3", "2.mp3", "a\rb.mp3", "a\u2028b.mp3", "b.mp3", "c/live", "live/"])
    (root / ".soniqueignore").write_bytes("\ufeff1.mp3\r\n2.mp3\r\n\r\nlive/\r\na\rb.mp3\na\u2028b.mp3".encode())
    assert left_out(root) == ["1.mp3", "2.mp3", "a\rb.mp3", "a\u2028b.mp3", "live/"]


def test_files_above_the_scanned_folder_count_but_not_for_the_folder_itself(make_tree):
    root = make_tree(
        {"": ["jazz", "*.wav", "/jazz/live/"], "jazz": ["!1.wav"]}, ["jazz/1.wav", "jazz/2.wav", "jazz/live/1"]
    )
    assert left_out(root / "jazz") == ["2.wav", "live/"]


def test_of_the_files_above_the_deepest_decides_first(make_tree):
    root = make_tree({"": ["*.mp3"], "a": ["!*.mp3"], "a/b": ["2.mp3"]}, ["a/b/c/1.mp3", "a/b/c/2.mp3"])
    assert left_out(root / "a" / "b" / "c") == ["2.mp3"]


def test_no_patterns_are_no_rules_and_need_no_pathspec(make_tree):
    root = make_tree({}, ["1.mp3"])
    program = (
        "import os, sys; from soniquescan.ignore import rules_above, rules_within; root = os.fsencode(sys.argv[1]);"
        "assert rules_within(rules_above(root, []), root) is None; assert 'pathspec' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, root], check=True)


@pytest.mark.parametrize("line", ["!", "!/", "1.mp3\\", "[1.mp3", "[z-a].mp3", "\\/"])
def test_a_line_that_is_no_pattern_is_refused(make_tree, line):
    root = make_tree({"": ["# fine", line]}, [])
    with pytest.raises(PatternFileError, match="line 2 is no pattern") as raised:
        left_out(root)
    assert raised.value.path == os.fsencode(root / ".soniqueignore")
    assert raised.value.kind is ErrorKind.BAD_PATTERN
    with pytest.raises(UsageError, match="--exclude"):
        check_patterns(["fine", line])


@pytest.mark.parametrize("pattern", ["", "  ", "/"])
def test_a_pattern_of_the_command_line_must_say_something(pattern):
    with pytest.raises(UsageError, match="leaves nothing out"):
        check_patterns([pattern])


def test_a_pattern_with_two_brackets_warns_nobody(make_tree):
    check_patterns(["[[1]*", "#1", "!1"])  # a warning would be an error here
    assert left_out(make_tree({"": ["[[1]*"]}, ["[1.mp3", "2.mp3"])) == ["[1.mp3"]


def test_a_message_shows_neither_controls_nor_much():
    with pytest.raises(UsageError) as raised:
        check_patterns(["a\x1b\udcff\\"])
    assert "'a\\x1b\\xff\\'" in str(raised.value)


def test_a_file_that_cannot_be_opened_is_an_error(make_tree, tmp_path):
    root = make_tree({}, [])
    path = root / ".soniqueignore"
    path.symlink_to(tmp_path / "nothing")
    assert error_of(root) is ErrorKind.DANGLING_LINK
    path.unlink()
    path.symlink_to(path)
    assert error_of(root) is ErrorKind.LINK_LOOP
    path.unlink()
    path.mkdir()
    assert error_of(root) is ErrorKind.BAD_PATTERN
    path.rmdir()
    os.mkfifo(path)  # to open it would wait for ever
    assert error_of(root) is ErrorKind.BAD_PATTERN
    path.unlink()
    path.write_bytes(b"\n" * (ignore.MAX_FILE_BYTES + 1))
    assert error_of(root) is ErrorKind.BAD_PATTERN
    path.write_bytes(b"\n" * ignore.MAX_FILE_BYTES)
    assert left_out(root) == []


def error_of(root):
    with pytest.raises(PatternFileError) as raised:
        left_out(root)
    return raised.value.kind


def test_an_error_above_the_scanned_folder_counts(make_tree):
    root = make_tree({"": ["["]}, ["jazz/1.mp3"])
    with pytest.raises(PatternFileError) as raised:
        rules_above(os.fsencode(root / "jazz"), [])
    assert raised.value.path == os.fsencode(root / ".soniqueignore")
