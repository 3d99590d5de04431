"""A library is scanned again after whatever can happen to files: ids, moments, `scan_changes`, and what was opened.

After every scan the whole library, missing tracks aside, has to equal what a first scan of the same files gives.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from mutagen.flac import FLAC

from tests.acceptance.chaos import MBID, SOME_MD5, Chaos
from tests.acceptance.journeys import (
    Journey,
    added,
    changed,
    failed,
    missing,
    moved,
    opened,
    restored,
)
from tests.acceptance.rescans import (
    ALL_TABLES,
    Opened,
    as_text,
    changes,
    contents,
    copy_and_delete,
    differences,
    library,
    put,
    query,
    rewrite_with_the_same_mtime,
    scan,
    swap,
    versions,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify tells what is opened")

ODD_NAMES = [
    b"\xff\xfe.flac", b"new\nline.flac", b"tab\t.flac", b"back\\slash.flac", b"\\N.flac", b"\xef\x9e\x80.flac",
]  # fmt: skip
NO_AUDIO = ("unsupported_format", "no audio format that can be read: .flac begins with b'no audio'")
CASES = []


def case(steps):
    """Count a generator among the cases that are taken through their steps together, as `journeys` says."""
    CASES.append(steps)
    return steps


def change(old, new):
    return {"old": old, "new": new}


def edit(file, **tags):
    """Edit the tags of a file in place, as taggers do."""
    audio = FLAC(file)
    audio.update(tags)
    audio.save()


def under(home, seen):
    return [(path, row) for path, row in seen.live.items() if path.startswith(as_text(home) + "/")]


def cover_change(old, new):
    return {"cover_path": change(old and as_text(old), new and as_text(new))}


def outside(home):
    """Return a folder of a case's own that is not scanned, on the same disk."""
    folder = home.parent.parent / "outside" / home.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@case
def nothing(home):
    """So many files that the others which go missing are few."""
    for number in range(80):
        put(home / f"{number}.flac")
    os.utime(home / "0.flac", ns=(0, -1_500_000_000))  # 1969
    os.utime(home / "1.flac", ns=(0, 2**62))  # 2116
    yield []


# --- changed in place ---------------------------------------------------------------------------------------------


@case
def touch(home):
    file = put(home / "a.flac")
    before = yield []
    os.utime(file)
    after = yield [changed(file)]
    assert after[file].id == before[file].id
    assert after[file].added_at == before[file].added_at
    assert after[file].updated_at > before[file].updated_at


@case
def tags_edited_in_place(home):
    file = put(home / "a.flac", title="Old", artist="Old Artist", genre="Old Genre", album="Old Album")
    before = yield []
    edit(file, title="New", artist="New Artist", genre=["New Genre", "Other"], album="New Album", comment="New")
    after = yield [
        changed(
            file,
            title=change("Old", "New"),
            artist=change("Old Artist", "New Artist"),
            album=change("Old Album", "New Album"),
            comment=change(None, "New"),
            artists=change(["Old Artist"], ["New Artist"]),
            genres=change(["Old Genre"], ["New Genre", "Other"]),
        )
    ]
    assert (after[file].id, after[file].added_at) == (before[file].id, before[file].added_at)


@case
def tags_edited_by_a_file_that_takes_the_others_place(home):
    file = put(home / "a.flac", title="Old")
    before = yield []
    temporary = put(home / "b.flac", title="New")
    temporary.rename(file)
    after = yield [changed(file, title=change("Old", "New"))]
    assert (after[file].id, after[file].added_at) == (before[file].id, before[file].added_at)
    assert after[file].inode != before[file].inode


@case
def replaced_with_preserved_size_and_mtime(home):
    in_place, renamed_over = put(home / "a.flac", title="Old 1"), put(home / "b.flac", title="Old 2")
    before = yield []
    rewrite_with_the_same_mtime(in_place, title="New 1")
    other = put(home / "c.flac", title="New 2")
    shutil.copystat(renamed_over, other)
    other.rename(renamed_over)
    after = yield [
        changed(in_place, title=change("Old 1", "New 1")),
        changed(renamed_over, title=change("Old 2", "New 2")),
    ]
    assert after[in_place].mtime_ns == before[in_place].mtime_ns
    assert after[renamed_over].size_bytes == before[renamed_over].size_bytes


@case
def permissions_changed(home):
    file = put(home / "a.flac")
    yield []
    file.chmod(0o600)
    yield [changed(file)]  # the ctime is a column like others


# --- moved --------------------------------------------------------------------------------------------------------


@case
def file_renamed(home):
    old, new = put(home / "a.flac"), home / "b.flac"
    before = yield []
    old.rename(new)
    after = yield [moved(new, old)]
    assert after[new].id == before[old].id
    assert after[new].added_at == before[old].added_at


@case
def file_moved_to_another_folder(home):
    old, new = put(home / "from/a.flac", album="Album"), home / "to/deeper/a.flac"
    put(home / "from/b.flac", album="Album")
    before = yield []
    new.parent.mkdir(parents=True)
    old.rename(new)
    after = yield [moved(new, old)]
    assert after[new].id == before[old].id
    assert after[new].album_id != before[old].album_id  # its album is that of its folder


@case
def folder_renamed(home):
    """The ids of albums that name no album artist are those of their folders."""
    discs = [put(home / f"Old/CD {disc}/{n}.flac", album="Album", artist=f"{disc}") for disc in (1, 2) for n in (1, 2)]
    (home / "Old/CD 1/cover.jpg").touch()
    before = yield []
    (home / "Old").rename(home / "New")
    new = [home / "New" / disc.relative_to(home / "Old") for disc in discs]
    after = yield [moved(path, old) for path, old in zip(new, discs, strict=True)]
    assert [after[path].id for path in new] == [before[path].id for path in discs]
    assert len({after[path].album_id for path in new}) == 1
    assert after[new[0]].album_id != before[discs[0]].album_id


@case
def folder_renamed_and_a_file_in_it_too(home):
    old = [put(home / f"Old/{n}.flac") for n in range(3)]
    before = yield []
    (home / "Old").rename(home / "New")
    new = [home / f"New/{name}.flac" for name in ("0", "renamed", "2")]
    (home / "New/1.flac").rename(new[1])
    after = yield [moved(path, was) for path, was in zip(new, old, strict=True)]
    assert [after[path].id for path in new] == [before[path].id for path in old]


@case
def folders_whose_names_sort_around_the_slash(home):
    names = ["a", "a b", "a!", "a-", "a.b", "a/b", "a0", "a~", "aé"]
    old = [put(home / name / "x.flac") for name in names]
    before = yield []
    (home / "a!").rename(home / "a!!")
    new = home / "a!!/x.flac"
    after = yield [moved(new, old[2])]
    assert after[new].id == before[old[2]].id


@case
def two_files_swapped(home):
    one, two = put(home / "1.flac", title="One"), put(home / "2.flac", title="Two")
    before = yield []
    swap(one, two)
    after = yield [moved(one, two), moved(two, one)]
    assert (after[one].id, after[two].id) == (before[two].id, before[one].id)
    swap(one, two)
    again = yield [moved(one, two), moved(two, one)]
    assert (again[one].id, again[two].id) == (before[one].id, before[two].id)


@case
def two_files_swapped_between_folders(home):
    one, two = put(home / "1/x.flac", album="Album"), put(home / "2/x.flac", album="Album")
    before = yield []
    swap(one, two)
    after = yield [moved(one, two), moved(two, one)]
    assert (after[one].id, after[two].id) == (before[two].id, before[one].id)
    assert (after[one].album_id, after[two].album_id) == (before[one].album_id, before[two].album_id)


@case
def two_folders_swapped(home):
    ones = [put(home / f"1/{n}.flac", title=f"1 {n}") for n in range(3)]
    twos = [put(home / f"2/{n}.flac", title=f"2 {n}") for n in range(3)]
    before = yield []
    swap(home / "1", home / "2")
    pairs = [*zip(ones, twos, strict=True), *zip(twos, ones, strict=True)]
    after = yield [moved(new, old) for new, old in pairs]
    assert all(after[new].id == before[old].id for new, old in pairs)


@case
def three_files_rotated(home):
    files = [put(home / f"{n}.flac", title=f"{n}") for n in range(3)]
    before = yield []
    swap(files[0], files[1])
    swap(files[1], files[2])
    after = yield [moved(files[0], files[1]), moved(files[1], files[2]), moved(files[2], files[0])]
    assert [after[file].id for file in files] == [before[file].id for file in (*files[1:], files[0])]


@case
def a_row_of_files_numbered_anew(home):
    """1 is deleted, 2 becomes 1, 3 becomes 2: a path that is known keeps its id, unless its own file is elsewhere."""
    files = [put(home / f"{n}.flac", title=f"{n}") for n in (1, 2, 3)]
    before = yield []
    files[0].unlink()
    files[1].rename(files[0])
    files[2].rename(files[1])
    after = yield [
        changed(files[0], title=change("1", "2")),
        changed(files[1], title=change("2", "3")),
        missing(files[2]),
    ]
    assert [after[file].id for file in files[:2]] == [before[file].id for file in files[:2]]


@case
def case_only_rename(home):
    old, new = put(home / "Song.flac"), home / "song.flac"
    before = yield []
    old.rename(new)
    after = yield [moved(new, old)]
    assert after[new].id == before[old].id


@case
def moved_there_and_back(home):
    one, two = put(home / "1.flac"), home / "2.flac"
    before = yield []
    one.rename(two)
    yield [moved(two, one)]
    two.rename(one)
    after = yield [moved(one, two)]
    assert after[one].id == before[one].id


@case
def kept_under_another_name_while_a_new_file_takes_the_old(home):
    """As some programs save: the id goes with the file that it was given to."""
    file, kept = put(home / "a.flac", title="Old"), home / "a.orig.flac"
    before = yield []
    file.rename(kept)
    put(file, title="New")
    after = yield [moved(kept, file), added(file)]
    assert after[kept].id == before[file].id
    assert after[kept].title == "Old"
    assert after[file].id not in before.by_id


# --- copied and linked --------------------------------------------------------------------------------------------


@case
def copy(home):
    old, new = put(home / "a.flac"), home / "b.flac"
    before = yield []
    shutil.copy2(old, new)
    after = yield [added(new)]
    assert after[new].id not in before.by_id


@case
def hard_link_and_then_the_original_deleted(home):
    old, new = put(home / "a.flac"), home / "b.flac"
    before = yield []
    os.link(old, new)
    linked = yield [changed(old), added(new)]  # a link more is a new ctime
    assert linked[old].id == before[old].id
    assert linked[new].id not in before.by_id
    old.unlink()
    after = yield [changed(new), missing(old)]
    assert after[new].id == linked[new].id


@case
def hard_link_and_the_original_deleted_at_once(home):
    old, new = put(home / "a.flac"), home / "b.flac"
    before = yield []
    os.link(old, new)
    old.unlink()
    after = yield [moved(new, old)]
    assert after[new].id == before[old].id


@case
def one_of_two_hard_links_renamed(home):
    one, two, three = put(home / "1.flac"), home / "2.flac", home / "3.flac"
    os.link(one, two)
    before = yield []
    two.rename(three)
    after = yield [changed(one), moved(three, two)]
    assert (after[one].id, after[three].id) == (before[one].id, before[two].id)


@case
def hard_link_deleted_and_later_the_other_renamed(home):
    """The file has left the path where it was last; where it was gone from before does not count."""
    one, two, three = put(home / "1.flac"), home / "2.flac", home / "3.flac"
    os.link(one, two)
    before = yield []
    two.unlink()
    yield [changed(one), missing(two)]
    one.rename(three)
    after = yield [moved(three, one)]
    assert after[three].id == before[one].id


@case
def both_of_two_hard_links_renamed(home):
    """Which is which cannot be told, and is not guessed."""
    one, two, three, four = put(home / "1.flac"), home / "2.flac", home / "3.flac", home / "4.flac"
    os.link(one, two)
    before = yield []
    one.rename(three)
    two.rename(four)
    after = yield [missing(one), missing(two), added(three), added(four)]
    assert {after[three].id, after[four].id}.isdisjoint(before.by_id)


@case
def linked_to_two_new_names_and_the_original_deleted(home):
    one, two, three = put(home / "1.flac"), home / "2.flac", home / "3.flac"
    yield []
    os.link(one, two)
    one.rename(three)
    yield [missing(one), added(two), added(three)]


@case
def two_hard_links_become_one_of_another_name(home):
    one, two, three = put(home / "1.flac"), home / "2.flac", home / "3.flac"
    os.link(one, two)
    yield []
    one.rename(three)
    two.unlink()
    yield [missing(one), missing(two), added(three)]


# --- gone and back ------------------------------------------------------------------------------------------------


@case
def deleted(home):
    file = put(home / "a.flac", artist="Only Here", genre="Only Here", album="Only Here")
    before = yield []
    file.unlink()
    after = yield [missing(file)]
    row = after.missing[before[file].id]
    assert row._replace(version="", missing_since=None) == before[file]._replace(version="")
    assert row.missing_since is not None
    last = yield []
    assert last.missing[row.id] == row


@case
def folder_deleted(home):
    files = [put(home / f"folder/in/{n}.flac") for n in range(3)]
    yield []
    shutil.rmtree(home / "folder")
    yield [missing(file) for file in files]


@case
def deleted_and_restored_with_the_same_stat(home):
    file, aside = put(home / "a.flac"), outside(home) / "a.flac"
    before = yield []
    file.rename(aside)
    yield [missing(file)]
    aside.rename(file)  # size, mtime and inode are as they were, but the ctime is not
    after = yield [restored(file, is_read=True)]
    assert after[file].id == before[file].id
    assert after[file].added_at == before[file].added_at


@case
def deleted_and_restored_from_a_backup(home):
    file, backup = put(home / "a.flac"), outside(home) / "a.flac"
    before = yield []
    shutil.copy2(file, backup)
    file.unlink()
    yield [missing(file)]
    shutil.copy2(backup, file)
    after = yield [restored(file, is_read=True)]
    assert after[file].id == before[file].id


@case
def deleted_and_restored_with_other_tags(home):
    file = put(home / "a.flac", title="Old")
    before = yield []
    file.unlink()
    yield [missing(file)]
    put(file, title="New")
    after = yield [restored(file, is_read=True, title=change("Old", "New"))]
    assert after[file].id == before[file].id


@case
def gone_and_back_under_another_name(home):
    file, aside, new = put(home / "a.flac"), outside(home) / "a.flac", home / "b.flac"
    before = yield []
    file.rename(aside)
    yield [missing(file)]
    aside.rename(new)
    after = yield [moved(new, file)]
    assert after[new].id == before[file].id


@case
def path_of_a_missing_track_taken_by_a_known_file(home):
    gone, other = put(home / "a.flac", title="Gone"), put(home / "b.flac", title="Other")
    before = yield []
    gone.unlink()
    yield [missing(gone)]
    other.rename(gone)
    after = yield [moved(gone, other)]
    assert after[gone].id == before[other].id
    assert after.missing[before[gone].id].path == as_text(gone)
    gone.rename(other)
    put(gone, title="Gone")
    last = yield [moved(other, gone), restored(gone, is_read=True)]
    assert (last[gone].id, last[other].id) == (before[gone].id, before[other].id)


@case
def known_file_moved_over_another(home):
    """A path that is known keeps its id; the other file's is not there any more."""
    over, file = put(home / "a.flac", title="Over"), put(home / "b.flac", title="File")
    before = yield []
    file.rename(over)
    after = yield [changed(over, title=change("Over", "File")), missing(file)]
    assert after[over].id == before[over].id
    over.rename(home / "c.flac")
    last = yield [moved(home / "c.flac", over)]
    assert last[home / "c.flac"].id == before[over].id


@case
def file_replaced_by_a_folder(home):
    file = put(home / "a.flac")
    yield []
    file.unlink()
    inside = put(home / "a.flac/b.flac")
    yield [missing(file), added(inside)]
    shutil.rmtree(home / "a.flac")
    put(file)
    yield [missing(inside), restored(file, is_read=True)]


@case
def file_replaced_by_a_fifo(home):
    file = put(home / "a.flac")
    yield []
    file.unlink()
    os.mkfifo(file)
    message = "not a regular file but a FIFO; it was not opened"
    yield [missing(file), failed(file, "not_a_regular_file", message, is_read=False)]
    file.unlink()
    yield []


@case
def file_hidden(home):
    file, hidden = put(home / "a.flac"), home / ".a.flac"
    yield []
    file.rename(hidden)
    yield [missing(file)]
    hidden.rename(file)
    yield [restored(file, is_read=True)]


# --- added --------------------------------------------------------------------------------------------------------


@case
def new_files(home):
    yield []
    files = [put(home / name) for name in ("a.flac", "folder/in/b.flac")]
    yield [added(file) for file in files]
    yield []


# --- moved to another inode: second tier --------------------------------------------------------------------------


@case
def copied_and_deleted(home):
    """As `mv` does across disks: size, length and tags are the same."""
    old, new = put(home / "from/a.flac"), home / "to/b.flac"
    before = yield []
    copy_and_delete(old, new)
    after = yield [moved(new, old, is_read=True)]
    assert after[new].id == before[old].id
    assert after[new].added_at == before[old].added_at
    yield []


@case
def known_by_its_release_track(home):
    tags = {"musicbrainz_trackid": MBID, "title": "Old"}
    old, new = put(home / "a.mp3", "mp3 id3v2.4", **tags), home / "b.mp3"
    before = yield []
    old.unlink()
    put(new, "mp3 id3v2.4", **tags | {"title": "New"})
    assert new.stat().st_size == before[old].size_bytes
    after = yield [moved(new, old, is_read=True)]
    assert after[new].id == before[old].id
    assert after[new].title == "New"


@case
def not_known_by_its_release_track_alone(home):
    tags = {"musicbrainz_trackid": MBID.replace("5", "6"), "title": "Title"}
    old, new = put(home / "a.mp3", "mp3 id3v2.4", **tags), home / "b.mp3"
    yield []
    old.unlink()
    put(new, "mp3 id3v2.4", length_ms=10_000, **tags)
    yield [missing(old), added(new)]


@case
def known_by_its_audio(home):
    old, new = put(home / "a.flac", md5=SOME_MD5, title="Old"), home / "b.flac"
    before = yield []
    old.unlink()
    put(new, md5=SOME_MD5, title="New and longer")
    after = yield [moved(new, old, is_read=True)]
    assert after[new].id == before[old].id
    assert after[new].title == "New and longer"


@case
def not_known_by_audio_whose_encoder_gave_no_sum(home):
    old, new = put(home / "a.flac", title="Old"), home / "b.flac"
    yield []
    old.unlink()
    put(new, title="New")
    yield [missing(old), added(new)]


@case
def two_that_are_the_same_copied_and_deleted(home):
    """Which is which cannot be told, and is not guessed."""
    old = [put(home / f"from/{n}.flac", title="Twin") for n in (1, 2)]
    new = [home / f"to/{n}.flac" for n in (1, 2)]
    before = yield []
    for source, target in zip(old, new, strict=True):
        copy_and_delete(source, target)
    after = yield [*map(missing, old), *map(added, new)]
    assert {after[path].id for path in new}.isdisjoint(before.by_id)


@case
def copied_twice_and_deleted(home):
    old, new = put(home / "a.flac", title="Copied twice"), [home / "b.flac", home / "c.flac"]
    yield []
    shutil.copy2(old, new[0])
    copy_and_delete(old, new[1])
    yield [missing(old), *map(added, new)]


@case
def one_of_two_that_are_the_same_copied_and_deleted(home):
    """Only one of them is missing, so there is one that it can be."""
    stays, old, new = (put(home / "a.flac", title="Same"), put(home / "b.flac", title="Same"), home / "c.flac")
    before = yield []
    copy_and_delete(old, new)
    after = yield [moved(new, old, is_read=True)]
    assert after[new].id == before[old].id
    assert after[stays].id == before[stays].id


@case
def back_under_another_name_and_inode_after_some_scans(home):
    old, new, aside = put(home / "a.flac"), home / "b.flac", outside(home) / "a.flac"
    before = yield []
    copy_and_delete(old, aside)
    yield [missing(old)]
    shutil.copy2(aside, new)
    after = yield [moved(new, old, is_read=True)]
    assert after[new].id == before[old].id


# --- pictures -----------------------------------------------------------------------------------------------------


@case
def cover_added_renamed_and_removed(home):
    file = put(home / "a.flac", album="Album")
    cover, front = home / "cover.jpg", home / "front.png"
    before = yield []
    cover.touch()
    with_cover = yield [changed(file, **cover_change(None, cover))]
    assert with_cover[file].id == before[file].id
    cover.rename(front)
    yield [changed(file, **cover_change(cover, front))]
    front.unlink()
    yield [changed(file, **cover_change(front, None))]


@case
def cover_added_to_files_without_an_album(home):
    put(home / "a.flac")
    yield []
    (home / "cover.jpg").touch()
    yield [opened(home / "a.flac")]
    yield []


# --- files that are no tracks -------------------------------------------------------------------------------------


@case
def file_that_is_no_audio(home):
    """Opened once to see, and again when it has changed."""
    file = home / "notes"
    file.write_text("not audio")
    yield []
    file.write_text("not audio either")
    yield [opened(file)]
    file.unlink()
    yield []


@case
def file_that_becomes_audio_for_a_while(home):
    file = home / "notes"
    file.write_text("not audio")
    yield []
    put(file)
    yield [added(file)]
    file.write_text("not audio")
    yield [opened(file), missing(file)]


@case
def broken_file(home):
    file = home / "a.flac"
    file.write_bytes(b"no audio")
    yield []
    os.utime(file)
    yield [failed(file, *NO_AUDIO)]
    put(file, title="Whole")
    yield [added(file)]


@case
def broken_file_deleted(home):
    file = home / "a.flac"
    file.write_bytes(b"no audio")
    yield []
    file.unlink()
    yield []


@case
def broken_file_that_nobody_mends(home):
    (home / "a.flac").write_bytes(b"no audio")
    yield []


@case
def broken_file_that_breaks_in_another_way(home):
    file = home / "a.flac"
    file.write_bytes(b"no audio")
    yield []
    os.truncate(file, 0)
    yield [failed(file, "empty", "the file is empty")]


@case
def track_with_a_problem(home):
    """It is a track and has a row in file_errors; neither is a reason to read it again, and both move."""
    file, renamed = put(home / "a.mp3", "mp3 id3v2.4", length_ms=10_000), home / "b.mp3"
    os.truncate(file, file.stat().st_size - 5_000)
    yield []
    yield []
    file.rename(renamed)
    yield [moved(renamed, file)]


@case
def track_that_breaks(home):
    file = put(home / "a.flac", title="Whole")
    yield []
    file.write_bytes(b"no audio")
    yield [failed(file, *NO_AUDIO)]
    put(file, title="Whole")
    yield [changed(file)]


# --- links --------------------------------------------------------------------------------------------------------


@case
def symbolic_links_to_folders(home):
    link, renamed = home / "link", home / "renamed"
    put(outside(home) / "a.flac")
    link.symlink_to(outside(home))
    before = yield []
    link.rename(renamed)
    after = yield [moved(renamed / "a.flac", link / "a.flac")]
    assert after[renamed / "a.flac"].id == before[link / "a.flac"].id
    renamed.unlink()
    yield [missing(renamed / "a.flac")]
    renamed.symlink_to(outside(home))
    yield [restored(renamed / "a.flac", is_read=False)]


# --- names --------------------------------------------------------------------------------------------------------


@case
def odd_names(home):
    folder = Path(os.fsdecode(os.fsencode(home) + b"/odd \xff\n\t\\ folder"))
    names = list(map(os.fsdecode, ODD_NAMES))
    for name in names:
        put(folder / f"moved {name}")
        put(folder / f"deleted {name}")
    before = yield []
    for name in names:
        (folder / f"moved {name}").rename(home / f"moved {name}")
        copy_and_delete(folder / f"deleted {name}", outside(home) / name)
    after = yield [
        *(moved(home / f"moved {name}", folder / f"moved {name}") for name in names),
        *(missing(folder / f"deleted {name}") for name in names),
    ]
    for name in names:
        assert after[home / f"moved {name}"].id == before[folder / f"moved {name}"].id
        (home / f"moved {name}").rename(folder / f"moved {name}")
        shutil.copy2(outside(home) / name, folder / f"deleted {name}")
    last = yield [
        *(moved(folder / f"moved {name}", home / f"moved {name}") for name in names),
        *(restored(folder / f"deleted {name}", is_read=True) for name in names),
    ]
    assert {path: row.id for path, row in under(home, last)} == {path: row.id for path, row in under(home, before)}


# --- all of them --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def journey(tmp_path_factory, fresh_database):
    return Journey(CASES, tmp_path_factory.mktemp("journey") / "music", fresh_database)


@pytest.mark.parametrize("name", [steps.__name__ for steps in CASES])
def test_a_rescan_after(name, journey):
    if name in journey.failures:
        raise journey.failures[name]


def test_after_each_scan_the_library_is_as_a_first_scan_finds_it(journey):
    assert [step for step in journey.differences if step] == []


def test_every_scan_is_done_and_counts_what_it_has_changed(journey):
    for number, (ended, counted) in enumerate(zip(journey.scans, journey.counted, strict=True), 1):
        report = ended.report
        assert (ended.code, ended.said, report["guarded"], report["tracks_unknown"]) == (0, "", [], 0)
        if number > 1:
            told = {kind: report[f"tracks_{kind}"] for kind in ("added", "changed", "moved", "missing", "restored")}
            assert told == {kind: counted.get(kind, 0) for kind in told}
            assert report["files_failed"] == counted.get("failed", 0)


def test_nothing_refers_to_what_is_not_there_and_nothing_is_left_over(journey):
    for statement in (
        """SELECT * FROM artists AS a WHERE NOT EXISTS (SELECT FROM track_artists AS l WHERE l.artist_id = a.id)
              AND NOT EXISTS (SELECT FROM album_artists AS l WHERE l.artist_id = a.id)""",
        "SELECT * FROM albums AS a WHERE NOT EXISTS (SELECT FROM tracks AS t WHERE t.album_id = a.id)",
        "SELECT * FROM genres AS g WHERE NOT EXISTS (SELECT FROM track_genres AS l WHERE l.genre_id = g.id)",
        "SELECT * FROM track_artists WHERE track_id NOT IN (SELECT id FROM tracks)",
        "SELECT * FROM tracks WHERE album_id NOT IN (SELECT id FROM albums)",
        "SELECT * FROM unsettled",
        "SELECT * FROM added_tracks",
        "SELECT * FROM absent_files",
    ):
        assert query(journey.dsn, statement) == []


def without_moments(rows):
    return [{name: value for name, value in row.items() if name != "scanned_at"} for _, row in rows]


def test_a_scan_that_finds_nothing_new_opens_nothing_and_writes_only_its_own_row(journey):
    before = versions(journey.dsn)
    with Opened(journey.root) as opened:
        ended = scan(journey.root, dsn=journey.dsn)
    after = versions(journey.dsn)

    assert (ended.code, ended.said, opened.files) == (0, "", set())
    assert ended.report["files_unchanged"] == ended.report["files_discovered"]
    assert ended.report["files_processed"] == 0
    assert len(after.pop("scans")) == len(before.pop("scans")) + 1
    assert without_moments(after.pop("roots")) == without_moments(before.pop("roots"))
    assert after == before


def test_full_reads_every_file_and_changes_nothing(journey):
    before = versions(journey.dsn)
    with Opened(journey.root) as opened:
        ended = scan(journey.root, "--full", "--max-error-rate", "100%", dsn=journey.dsn)
    after = versions(journey.dsn)

    assert ended.code == 0
    assert opened.files >= {path for path in library(journey.dsn).live if "symbolic_links" not in path}
    assert ended.report["files_processed"] == ended.report["files_discovered"]
    for table in ALL_TABLES:
        if table not in {"scans", "roots", "file_errors"}:
            assert after[table] == before[table], table
    assert without_attempts(after) == without_attempts(before)


def without_attempts(tables):
    passing = {"attempts", "last_seen_at", "scan_id"}
    return [{name: value for name, value in row.items() if name not in passing} for _, row in tables["file_errors"]]


def test_retry_errors_reads_what_has_failed_and_nothing_else(journey):
    failed = {path for (path,) in query(journey.dsn, "SELECT path FROM file_errors WHERE stage <> 'discover'")}
    before = versions(journey.dsn)
    with Opened(journey.root) as opened:
        ended = scan(journey.root, "--retry-errors", "--max-error-rate", "100%", dsn=journey.dsn)
    after = versions(journey.dsn)

    assert ended.code == 0
    assert opened.files == failed != set()
    assert without_attempts(after) == without_attempts(before)
    assert after["tracks"] == before["tracks"]
    assert after["scan_changes"] == before["scan_changes"]


def test_what_failed_for_a_passing_reason_is_read_again_by_each_scan(journey):
    broken = as_text(journey.root / "broken_file_that_nobody_mends/a.flac")
    query(
        journey.dsn, "UPDATE file_errors SET kind = 'io_error', message = 'Input/output error' WHERE path = %s", broken
    )
    with Opened(journey.root) as opened:
        scan(journey.root, dsn=journey.dsn)

    assert opened.files == {broken}
    assert query(journey.dsn, "SELECT kind, message FROM file_errors WHERE path = %s", broken) == [NO_AUDIO]


# Files that hold tracks, that hold none but failed, and that are no audio.
READ_FILES = {
    "tracks": "missing_since IS NULL AND path NOT LIKE '%symbolic_links%'",
    "file_errors": "path NOT IN (SELECT path FROM tracks)",
    "other_files": "true",
}


def test_what_older_rules_have_read_is_read_again(journey):
    """And only that; where it comes to the same nothing but the version of the rules is written."""
    before = library(journey.dsn)
    older = set()
    for table, condition in READ_FILES.items():
        some = f"{condition} AND path IN (SELECT path FROM {table} WHERE {condition} ORDER BY path LIMIT 3)"
        found = query(journey.dsn, f"UPDATE {table} SET extractor_version = 0 WHERE {some} RETURNING path")
        assert found, table
        older.update(path for (path,) in found)
    with Opened(journey.root) as opened:
        ended = scan(journey.root, "--max-error-rate", "100%", dsn=journey.dsn)

    assert ended.code == 0
    assert opened.files == older
    assert changes(journey.dsn, ended.report["scan_id"]) == []
    assert {path: row._replace(version="") for path, row in library(journey.dsn).live.items()} == {
        path: row._replace(version="") for path, row in before.live.items()
    }
    for table, condition in READ_FILES.items():
        assert query(journey.dsn, f"SELECT path FROM {table} WHERE extractor_version = 0 AND {condition}") == []


# --- other roots --------------------------------------------------------------------------------------------------


def test_the_parent_of_the_root_is_renamed(tmp_path, database, fresh_database):
    """The library has another path now; ids and moments stay, and what comes of folders is as in a first scan."""
    old, new = tmp_path / "old/music", tmp_path / "new/music"
    names = ["Album/CD 1/1.flac", "Album/CD 2/1.flac", "Other/1.flac"]
    for name in names:
        put(old / name, album="Album", artist=name)
    (old / "Album/CD 1/cover.jpg").touch()
    broken, notes = old / "broken.flac", old / "notes"
    broken.write_bytes(b"no audio")
    notes.write_text("not audio")
    scan(old, "--max-error-rate", "100%", dsn=database)
    before = library(database)
    (tmp_path / "old").rename(tmp_path / "new")

    ended = scan(new, "--max-error-rate", "100%", dsn=database)

    assert ended.code == 0
    after = library(database)
    assert [after[new / name].id for name in names] == [before[old / name].id for name in names]
    assert [after[new / name].added_at for name in names] == [before[old / name].added_at for name in names]
    assert {row.root_id for row in after.live.values()} == {
        root for (root,) in query(database, "SELECT id FROM roots WHERE path = %s", as_text(new))
    }
    moves = [("moved", as_text(new / name), {"old_path": as_text(old / name)}) for name in names]
    assert [row for row in changes(database, ended.report["scan_id"]) if row[0] == "moved"] == sorted(moves)
    fresh = fresh_database()
    scan(new, "--max-error-rate", "100%", dsn=fresh)
    found = differences(contents(database), contents(fresh))
    # The old root is known still, and nobody has looked there since.
    left = {"roots", "file_errors", "other_files"}
    assert set(found) <= left
    assert all(as_text(old) in row for table in found for row in found[table][0])
    assert all(missing == [] for _, missing in found.values())


def test_a_folder_inside_that_was_scanned_before_makes_no_difference(tmp_path, database, fresh_database):
    for name in ("jazz/1.flac", "jazz/2.flac", "rock/1.flac"):
        put(tmp_path / "music" / name, album="Album")
    scan(tmp_path / "music/jazz", dsn=database)
    before = library(database)
    with Opened(tmp_path / "music") as opened:
        ended = scan(tmp_path / "music", dsn=database)

    assert opened.files == {as_text(tmp_path / "music/rock/1.flac")}
    assert changes(database, ended.report["scan_id"]) == []  # it is the first scan of this root
    after = library(database)
    assert {row.id for row in before.live.values()} < {row.id for row in after.live.values()}
    fresh = fresh_database()
    scan(tmp_path / "music", dsn=fresh)
    assert differences(contents(database), contents(fresh)) == {}


@pytest.mark.parametrize("reason", ["full", "older rules"])
def test_a_file_that_has_moved_and_has_to_be_read_again_is_only_moved(reason, tmp_path, database):
    old, new, other = put(tmp_path / "a.flac"), tmp_path / "b.flac", put(tmp_path / "c.flac")
    scan(tmp_path, dsn=database)
    before = library(database)
    old.rename(new)
    if reason == "older rules":
        query(database, "UPDATE tracks SET extractor_version = 0 WHERE path = %s", as_text(old))
    with Opened(tmp_path) as opened:
        ended = scan(tmp_path, *(["--full"] if reason == "full" else []), dsn=database)

    after = library(database)
    assert as_text(new) in opened.files
    assert after[new].id == before[old].id
    assert after[new].extractor_version == before[old].extractor_version > 0
    assert after[other] == before[other]
    assert changes(database, ended.report["scan_id"]) == [("moved", as_text(new), {"old_path": as_text(old)})]
    assert (ended.report["tracks_moved"], ended.report["tracks_changed"]) == (1, 0)


def test_moves_to_another_disk_are_known_by_what_is_in_the_files(tmp_path, other_disk, database, fresh_database):
    old, new = tmp_path / "old", other_disk / "new"
    tags = {"musicbrainz_trackid": MBID}
    plain, release_track, audio = (
        put(old / "a.flac", title="A"),
        put(old / "b.mp3", "mp3 id3v2.4", title="B", **tags),
        put(old / "c.flac", title="C", md5=SOME_MD5),
    )
    put(old / "stays.flac")
    new.mkdir()
    scan(old, new, dsn=database)
    before = library(database)
    copy_and_delete(plain, new / "a.flac")
    release_track.unlink()
    put(new / "b.mp3", "mp3 id3v2.4", title="Z", **tags)
    audio.unlink()
    put(new / "c.flac", title="Another title", md5=SOME_MD5)

    ended = scan(old, new, dsn=database)

    assert (ended.code, ended.report["tracks_moved"], ended.report["tracks_missing"]) == (0, 3, 0)
    after = library(database)
    for file in (plain, release_track, audio):
        assert after[new / file.name].id == before[file].id
        assert after[new / file.name].added_at == before[file].added_at
    fresh = fresh_database()
    scan(old, new, dsn=fresh)
    assert differences(contents(database), contents(fresh)) == {}


def test_a_move_to_another_disk_is_known_as_well_when_the_disks_are_scanned_one_after_the_other(
    tmp_path, other_disk, database
):
    file, stays = put(tmp_path / "a.flac"), put(tmp_path / "b.flac")
    scan(tmp_path, dsn=database)
    before = library(database)
    copy_and_delete(file, other_disk / "a.flac")
    scan(tmp_path, dsn=database)

    ended = scan(other_disk, dsn=database)

    after = library(database)
    assert after[other_disk / "a.flac"].id == before[file].id
    assert after[stays] == before[stays]
    assert after.missing == {}
    assert ("moved", as_text(other_disk / "a.flac"), {"old_path": as_text(file)}) in changes(
        database, ended.report["scan_id"]
    )


# --- whatever comes together ----------------------------------------------------------------------------------------


def identities(rows):
    """Return (inode, size, mtime) → the only row that has them, for files that are not alike in these."""
    found = {}
    for row in rows:
        found.setdefault((row.inode, row.size_bytes, row.mtime_ns), []).append(row)
    return {key: same[0] for key, same in found.items() if len(same) == 1}


def check_ids(before, after):
    """Tracks that are at their place, and those that were moved to a free one, have their ids."""
    for path, row in after.live.items():
        old = before.live.get(path)
        if old is not None and old.inode == row.inode:
            assert row.id == old.id, path
    old_files = identities(before.live.values())
    for key, row in identities(after.live.values()).items():
        old = old_files.get(key)
        if old is not None and row.path not in before.live:
            assert row.id == old.id, f"{old.path} → {row.path}"
    for row_id, row in after.by_id.items():
        old = before.by_id.get(row_id)
        assert old is None or old.added_at == row.added_at


ROUNDS, ACTIONS = int(os.environ.get("SONIQUESCAN_RANDOM_ROUNDS", "4")), 7


@pytest.mark.timeout(60 + 10 * ROUNDS)
def test_whatever_happens_a_rescan_comes_to_the_same_as_a_first_scan(tmp_path, database, fresh_database):
    seed = int(os.environ.get("SONIQUESCAN_RANDOM_SEED", "1"))
    chaos = Chaos(tmp_path / "music", seed)
    options = ("--max-error-rate", "100%", "--allow-missing")
    scan(chaos.folder, *options, dsn=database)
    before = library(database)
    for _ in range(ROUNDS):
        chaos.done = []
        for _ in range(ACTIONS):
            chaos.act()
        assert scan(chaos.folder, *options, dsn=database).code == 0
        fresh = fresh_database()
        assert scan(chaos.folder, *options, dsn=fresh).code == 0
        assert differences(contents(database), contents(fresh)) == {}, (seed, chaos.done)
        after = library(database)
        check_ids(before, after)
        before = after
