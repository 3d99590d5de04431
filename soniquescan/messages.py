"""Every type that crosses a process boundary. Imports nothing of ours.

Rows that cross by the thousand are `NamedTuple`s: cheap to pickle and cheap to take apart.
Names are MusicBrainz Picard's, as the columns of `database/sql` have them; units stand in the names.
Every text in them is already fit for PostgreSQL (see `soniquescan.text.repair_text`).
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, Self


class ErrorKind(StrEnum):
    """Why a file has a row in `file_errors`."""

    EMPTY = "empty"  # no bytes at all
    UNSUPPORTED_FORMAT = "unsupported_format"  # the content is no audio format that can be read
    CORRUPT = "corrupt"  # the format is known, its structure is broken; no track
    MALFORMED_TAGS = "malformed_tags"  # the audio reads, the tags do not (or only in part): a track all the same
    NO_AUDIO_STREAM = "no_audio_stream"  # the tags read, the audio does not: a track with null stream properties
    TRUNCATED = "truncated"  # the file ends before its own header says it should
    PERMISSION_DENIED = "permission_denied"
    NOT_FOUND = "not_found"  # vanished between discovery and reading
    DANGLING_LINK = "dangling_link"  # a symbolic link to nothing
    LINK_LOOP = "link_loop"  # symbolic links that lead back to themselves
    NOT_A_REGULAR_FILE = "not_a_regular_file"  # a FIFO, socket or device with an audio file's name
    IO_ERROR = "io_error"  # the storage failed (EIO, ESTALE, …)
    TIMEOUT = "timeout"  # took longer than --file-timeout; its worker was replaced
    WORKER_DIED = "worker_died"  # its worker was killed or crashed while it read this file
    TOO_LARGE = "too_large"  # needs more memory than a worker may use
    BAD_PATTERN = "bad_pattern"  # a .soniqueignore that is no list of patterns
    INTERNAL = "internal"  # an exception that nobody foresaw; the message names it

    @classmethod
    def of_os_error(cls, exc: OSError) -> Self:
        """Return the kind of an error of the file system."""
        return cls(_KIND_OF_ERRNO.get(exc.errno or 0, "io_error"))


_KIND_OF_ERRNO = {
    errno.EACCES: ErrorKind.PERMISSION_DENIED,
    errno.EPERM: ErrorKind.PERMISSION_DENIED,
    errno.ENOENT: ErrorKind.NOT_FOUND,
    errno.ENOTDIR: ErrorKind.NOT_FOUND,
    errno.ELOOP: ErrorKind.LINK_LOOP,
    errno.ENXIO: ErrorKind.NOT_A_REGULAR_FILE,  # opening a socket
}


class FoundFile(NamedTuple):
    """A regular file that may hold audio, as `stat` saw it (symbolic links followed)."""

    path: bytes  # absolute, as the file system spells it
    root_id: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    cover_path: bytes | None  # cover/folder/front.jpg|png|webp beside the file
    number: int = 0  # among all files of a scan; of a library's first load the track's id


class FoundFolder(NamedTuple):
    """What one folder holds that may be audio, as the walk saw it; a message of its own size, however many files.

    `lines` has a line a file, in the order of names: name, size_bytes, mtime_ns, ctime_ns, inode and the name of the
    folder's cover, joined by tabs, names as `text.spell_name` has them. So has the database, for what it knows, and two
    such texts are compared at the speed of memory. Where a file is on another device than its folder (a symbolic
    link), its inode is followed by "@" and that device.
    """

    path: bytes  # absolute, as the file system spells it
    root_id: int
    device: int
    cover_path: bytes | None
    files: int  # lines
    lines: bytes
    excluded: tuple[bytes, ...]  # names of the files and folders that patterns leave out


class NotAudio(NamedTuple):
    """A file whose name did not say what it is, and whose content is no audio."""

    file: FoundFile


class FileError(NamedTuple):
    """One thing that is wrong with one file or folder."""

    path: bytes
    stage: str  # "discover" or "extract"
    kind: ErrorKind
    message: str
    size_bytes: int | None
    mtime_ns: int | None
    ctime_ns: int | None


class AudioStream(NamedTuple):
    """What the audio is; a field is None where the container does not say."""

    container: str  # as ffmpeg names them: mp3 flac mp4 ogg wav aiff asf wv ape mpc tta ofr tak aac ac3 dsf dff …
    codec: str | None  # mp3 mp2 flac aac alac vorbis opus speex pcm wma … (lower case)
    length_ms: int | None
    bitrate_bps: int | None
    sample_rate_hz: int | None
    bits_per_sample: int | None
    channels: int | None
    audio_md5: str | None  # of the decoded audio, 32 hexadecimal digits, where the container keeps it (FLAC)


class Credit(NamedTuple):
    """One artist's part in a track or an album."""

    role: str  # artist, composer, lyricist, …, as in `track_artists.role`; "albumartist" for an album's
    name: str
    sort_name: str | None
    musicbrainz_artistid: str | None  # canonical lower-case UUID, only where the file pairs it with the name


class AlbumTags(NamedTuple):
    """What one file says about its album."""

    title: str
    sort_title: str | None
    albumartist: str | None  # credit as shown, None when no album artist is tagged
    albumartist_sort: str | None
    albumartists: tuple[Credit, ...]
    date: str | None
    year: int | None
    original_date: str | None
    original_year: int | None
    compilation: bool | None  # None when the file does not say
    disc_total: int | None
    label: str | None
    catalog_number: str | None
    barcode: str | None
    asin: str | None
    media: str | None
    release_country: str | None
    release_status: str | None
    release_types: tuple[str, ...]
    musicbrainz_albumid: str | None
    musicbrainz_releasegroupid: str | None


class TrackTags(NamedTuple):
    """What one file says about itself, normalised by the rules of `tags/`."""

    # What each track has of its own;
    title: str | None
    artist: str | None  # credit as shown; several values joined with "; "
    artist_sort: str | None
    track_number: int | None
    track_total: int | None
    isrcs: tuple[str, ...]
    replaygain_track_gain_db: float | None
    replaygain_track_peak: float | None
    musicbrainz_recordingid: str | None
    musicbrainz_trackid: str | None  # the release track; the file key of this name holds the recording id
    # what the tracks of an album share, as a rule;
    disc_number: int | None
    disc_total: int | None
    disc_subtitle: str | None
    date: str | None
    year: int | None
    original_date: str | None
    original_year: int | None
    moods: tuple[str, ...]
    language: str | None
    script: str | None
    grouping: str | None
    copyright: str | None
    encoded_by: str | None
    encoder_settings: str | None
    replaygain_album_gain_db: float | None
    replaygain_album_peak: float | None
    musicbrainz_discid: str | None
    has_cover: bool
    # what most tracks have not got;
    title_sort: str | None
    bpm: float | None
    initial_key: str | None
    work: str | None
    movement: str | None
    movement_number: int | None
    movement_total: int | None
    comment: str | None
    lyrics: str | None
    musicbrainz_workid: str | None
    acoustid_id: str | None
    acoustid_fingerprint: str | None
    # and what is no column of `tracks`, or of a type of its own.
    genres: tuple[str, ...]
    credits: tuple[Credit, ...]  # in role order, then position
    album: AlbumTags | None
    tags: dict[str, list[str]]  # every text that no column holds, by Picard name or else the file's own key


class Track(NamedTuple):
    """One audio file, read."""

    file: FoundFile  # with the stat of the moment it was opened
    stream: AudioStream
    tags: TrackTags


class ArtistNameRow(NamedTuple):
    """An artist as files spell it; a row of `artist_names`. Ids are the 16 bytes of a UUID."""

    id: bytes
    own_id: bytes
    name: str
    sort_name: str | None
    musicbrainz_artistid: str | None
    name_key: bytes


class GenreNameRow(NamedTuple):
    """A genre as files spell it; a row of `genre_names`."""

    id: bytes
    genre_id: bytes
    name: str


class FileErrorRow(NamedTuple):
    """A row of `file_errors`."""

    path: str
    scan_id: int
    stage: str
    kind: str
    message: str
    size_bytes: int | None
    mtime_ns: int | None
    ctime_ns: int | None
    extractor_version: int


class OtherFileRow(NamedTuple):
    """A row of `other_files`."""

    path: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    extractor_version: int


class RecognisedRow(NamedTuple):
    """A track whose file is known again without being read: moved, or back after it was missing."""

    track_id: int
    path: str
    root_id: int
    ctime_ns: int
    inode: int
    device: int
    cover_name: str | None
    album_tags_id: bytes | None


class AlbumTagsRow(NamedTuple):
    """What files say about their album; a row of `album_tags`."""

    id: bytes
    own_id: bytes
    albumartist_names: tuple[bytes, ...]
    albumartists_paired: bool
    albumartist_key: bytes | None
    title_key: bytes
    folder_key: bytes
    cover_path: str | None
    said: tuple[object, ...]  # the fields of `AlbumTags` without albumartists


# The columns of that one, once its last field is taken apart.
ALBUM_TAGS_COLUMNS = AlbumTagsRow._fields[:-1] + tuple(name for name in AlbumTags._fields if name != "albumartists")


class SpelledAlbum(NamedTuple):
    """A row of `album_tags` as binary COPY has it, and its album artists."""

    id: bytes
    fields: bytes  # album_tags_id and album_id of its tracks
    row: bytes
    artist_names: dict[bytes, bytes]  # rows of artist_names by their ids


class Tracks(NamedTuple):
    """Audio files, read, by what there is of them: each file has the same place in all lists.

    Lists of bytes take a fifth of the time to pickle that a list of tuples takes.
    """

    paths: list[bytes]
    rows: list[bytes]
    artists: list[bytes]
    genres: list[bytes]

    @classmethod
    def none(cls) -> Self:
        """Return no files, to which some may be added."""
        return cls([], [], [], [])

    def at(self, places: Iterable[int]) -> Tracks:
        """Return the files at some places."""
        wanted = list(places)
        return Tracks(*[[column[place] for place in wanted] for column in self])


class Names(NamedTuple):
    """What tracks refer to, each once: rows as binary COPY has them, by the id of each."""

    albums: dict[bytes, bytes]  # of album_tags
    artists: dict[bytes, bytes]  # of artist_names, the albums' artists among them
    genres: dict[bytes, bytes]  # of genre_names

    @classmethod
    def none(cls) -> Self:
        """Return no names, to which some may be added."""
        return cls({}, {}, {})

    def add_album(self, album: SpelledAlbum) -> None:
        """Add what is said of an album, and its artists."""
        if album.id not in self.albums:
            self.albums[album.id] = album.row
            self.artists.update(album.artist_names)

    def add(self, others: Names) -> None:
        """Add what other tracks refer to."""
        for kind, more in zip(self, others, strict=True):
            kind.update(more)


class ReadFiles(NamedTuple):
    """What has come of a list of files; whatever there is of one file is in one of these."""

    tracks: Tracks
    names: Names
    errors: list[FileError]
    others: list[NotAudio]


class Batch(NamedTuple):
    """Rows for one transaction; whatever a row refers to is in the same batch."""

    scan_id: int
    tracks: Tracks
    names: Names  # to which the tracks refer, or those recognised
    file_errors: list[FileErrorRow]
    other_files: list[OtherFileRow]
    recognised: list[RecognisedRow]


class Committed(NamedTuple):
    """What one transaction left in the database."""

    tracks: int  # files whose row in `tracks` is now as the file is
    added: int  # of those tracks, as are the next two
    changed: int
    restored: int
    failed_files: int  # files with a row in `file_errors`
    errors_by_kind: dict[str, int]  # rows of `file_errors`


class RootSeen(NamedTuple):
    """A folder that was to be scanned, once all of it has been walked."""

    path: bytes
    known_tracks: int  # tracks under it that were not missing when the scan began
    found_files: int
    error: str | None  # why the folder itself cannot be read


class Compared(NamedTuple):
    """What the comparison of the walk with the database has come to; told once, at its end."""

    unchanged: int  # files left unread since they are as they were when read, whatever came of that
    moved: int
    restored: int  # as the others here: without being read
    unknown: int  # tracks not found where it cannot be told whether they are there
    roots: tuple[RootSeen, ...]
    devices: frozenset[int]  # of all folders walked
