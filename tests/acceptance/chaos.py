"""Random things done to a small library, many of whose files are alike."""

from __future__ import annotations

import os
import random
import shutil

from tests.acceptance.rescans import copy_and_delete, put, rewrite_with_the_same_mtime, swap

MBID = "5b11f4ce-a62d-471e-81fc-a69a8278c7da"
SOME_MD5 = b"audio of 16 byte"


class Chaos:
    """Does random things to a small library, many of whose files are alike."""

    def __init__(self, folder, seed):
        self.folder = folder
        self._aside = folder.parent / "aside"
        self._random = random.Random(seed)
        self._number = 0
        self.done = []
        folder.mkdir()
        self._aside.mkdir()
        for _ in range(25):
            self.add()

    def act(self):
        """Do one thing, or nothing where there is nothing to do it to."""
        actions = [
            self.add, self.add, self.delete, self.rename, self.rename, self.rename_folder, self.rename_folder,
            self.swap, self.copy, self.link, self.touch, self.retag, self.save_anew, self.replace, self.cover,
            self.break_or_mend, self.move_over, self.hide, self.bring_back, self.copy_and_delete, self.link_folder,
        ]  # fmt: skip
        action = self._random.choice(actions)
        self.done.append(action.__name__)
        action()

    def _files(self):
        return sorted(path for path in self.folder.rglob("*.flac") if path.is_file() and not path.parent.is_symlink())

    def _file(self):
        files = self._files()
        return self._random.choice(files) if files else self.add()

    def _folder(self):
        return self.folder / self._random.choice(["a", "a/CD 1", "a/CD 2", "b", "b!", "b/c", "\udcff"])

    def _new_path(self):
        self._number += 1
        return self._folder() / f"{self._number}.flac"

    def _tags(self):
        choose = self._random.choice
        return {
            "title": choose("ABC"),
            "artist": choose(["One", "one", "Two", "One feat. Two"]),
            "album": choose("XY"),
            "genre": choose(["Rock", "rock", "Jazz; Rock"]),
            "date": choose(["1999", "2001-02-03"]),
        } | choose([{}, {"albumartist": "One"}, {"musicbrainz_albumid": MBID}, {"musicbrainz_trackid": MBID}])

    def add(self):
        md5 = self._random.choice([None, None, SOME_MD5])
        return put(self._new_path(), md5=md5, **self._tags())

    def delete(self):
        self._file().unlink()

    def rename(self):
        source, target = self._file(), self._new_path()
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)

    def rename_folder(self):
        source, target = self._folder(), self._folder()
        if source.is_dir() and not source.is_symlink() and not target.exists() and source not in target.parents:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)

    def swap(self):
        one, two = self._file(), self._file()
        if one != two:
            swap(one, two)

    def copy(self):
        target = self._new_path()
        source = self._file()
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)

    def link(self):
        target = self._new_path()
        source = self._file()
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)

    def touch(self):
        os.utime(self._file())

    def retag(self):
        put(self._file(), **self._tags())  # in place, and in all its hard links

    def save_anew(self):
        path = self._file()
        put(path.with_suffix(".new"), **self._tags()).rename(path)

    def replace(self):
        rewrite_with_the_same_mtime(self._file(), **self._tags())

    def cover(self):
        path = self._folder() / self._random.choice(["cover.jpg", "front.png"])
        if path.exists():
            path.unlink()
        elif path.parent.is_dir():
            path.touch()

    def break_or_mend(self):
        path = self._file()
        if path.stat().st_size < 100:
            put(path, **self._tags())
        else:
            path.write_bytes(b"no audio")

    def move_over(self):
        one, two = self._file(), self._file()
        if one != two:
            one.replace(two)

    def hide(self):
        path = self._file()
        path.rename(self._aside / f"{len(list(self._aside.iterdir()))}.flac")

    def bring_back(self):
        kept = sorted(self._aside.iterdir())
        if kept:
            target = self._new_path()
            target.parent.mkdir(parents=True, exist_ok=True)
            self._random.choice(kept).rename(target)

    def copy_and_delete(self):
        source, target = self._file(), self._new_path()
        copy_and_delete(source, target)

    def link_folder(self):
        link = self.folder / "0 link"
        if link.is_symlink():
            link.unlink()
        elif (self.folder / "b").is_dir():
            link.symlink_to("b")
