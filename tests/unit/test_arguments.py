from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from soniquescan import arguments
from soniquescan.errors import UsageError

# --- roots


def test_roots_are_absolute_once_each_and_none_inside_another(tmp_path, monkeypatch):
    for name in ("a/b", "a b", "a-", "c"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    here = os.fsencode(tmp_path)

    assert arguments.roots(["a", "./a/", "a/b", "a b", "a-", "c/../c"]) == (
        here + b"/a",
        here + b"/a b",
        here + b"/a-",
        here + b"/c",
    )


def test_the_root_folder_holds_all_others(tmp_path):
    assert arguments.roots(["//", str(tmp_path)]) == (b"/",)


def test_a_root_may_have_any_name(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff\n[bold]"
    Path(os.fsdecode(folder)).mkdir()

    assert arguments.roots([os.fsdecode(folder)]) == (folder,)


def test_a_root_keeps_the_name_of_the_link_that_leads_to_it(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")

    assert arguments.roots([str(tmp_path / "link")]) == (os.fsencode(tmp_path / "link"),)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("file", "Not a directory"), ("link", "Not a directory"), ("", "No such file or directory")],
)
def test_what_can_never_be_a_root_is_refused(name, reason, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError) as caught:
        arguments.roots([name])
    assert str(caught.value) == f"cannot scan '{name}': {reason}"


@pytest.mark.parametrize("name", ["absent", "dangling", "loop", "x" * 300, "file/folder"])
def test_a_root_that_cannot_be_read_may_be_one_whose_disk_is_away(name, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path)

    assert arguments.roots([name]) == (os.fsencode(tmp_path / name),)


# --- shares and durations


@pytest.mark.parametrize(
    ("text", "share"),
    [("1%", 0.01), ("1 %", 0.01), (" 2.5% ", 0.025), ("0.01", 0.01), ("0", 0.0), ("0%", 0.0), ("100%", 1.0)],
)
def test_a_share_is_a_percentage_or_a_number_below_1(text, share):
    assert arguments.share(text) == share


@pytest.mark.parametrize("text", ["1", "5", "1.0", "101%", "-1%", "-0.1", "", "%", "nan", "nan%", "inf", "one", "1%%"])
def test_what_might_not_be_meant_is_no_share(text):
    with pytest.raises(ValueError, match="is neither a percentage, such as 1%, nor a share below 1"):
        arguments.share(text)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("2w", timedelta(weeks=2)),
        (" 1 d ", timedelta(days=1)),
        ("0d", timedelta(0)),
        ("36500d", timedelta(days=36_500)),
    ],
)
def test_durations(text, duration):
    assert arguments.duration(text) == duration


@pytest.mark.parametrize(
    "text",
    ["", "30", "d", "-1d", "1.5d", "30 days", "1y", "1M", "٣d", "1d2h", "36501d", "999999999w", "9" * 5000 + "d"],
)
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match=r"is not a number of minutes, hours|is more than 36,500 days"):
        arguments.duration(text)
