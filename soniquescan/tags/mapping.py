"""Which key of which tag format holds which tag: one row a tag, one column a format.

Source: MusicBrainz Picard's tag mapping, https://picard-docs.musicbrainz.org/en/appendices/tag_mapping.html,
and, for what that page leaves out (`releasedate`, keys of older versions), Picard's own `picard/formats/`.
Several keys of one format are separated by ", "; "" means that the format has no key for it.

Trap: the file key MUSICBRAINZ_TRACKID is the *recording* id; the release track is MUSICBRAINZ_RELEASETRACKID.
"""

# ruff: noqa: E501  one row a tag: a table that is wrapped is none

from __future__ import annotations

from typing import Final, NamedTuple


class Row(NamedTuple):
    """One tag: its Picard name and its keys."""

    name: str
    id3: str  # frame, or TXXX:description
    vorbis: str
    ape: str
    mp4: str  # atom, or ----:name in iTunes' name space
    asf: str
    info: str  # RIFF LIST/INFO


# fmt: off
ROWS: Final = tuple(Row(*cells) for cells in (
    # Picard name, ID3v2, Vorbis comment, APEv2, MP4, ASF, RIFF INFO
    ("acoustid_fingerprint", "TXXX:Acoustid Fingerprint", "ACOUSTID_FINGERPRINT", "ACOUSTID_FINGERPRINT", "----:Acoustid Fingerprint", "Acoustid/Fingerprint", ""),
    ("acoustid_id", "TXXX:Acoustid Id", "ACOUSTID_ID", "ACOUSTID_ID", "----:Acoustid Id", "Acoustid/Id", ""),
    ("album", "TALB", "ALBUM", "Album", "©alb", "WM/AlbumTitle", "IPRD"),
    ("albumartist", "TPE2", "ALBUMARTIST", "Album Artist", "aART", "WM/AlbumArtist", ""),
    ("albumartists", "TXXX:ALBUMARTISTS", "ALBUMARTISTS", "Albumartists", "----:ALBUMARTISTS", "WM/ALBUMARTISTS", ""),
    ("albumartistsort", "TSO2, TXXX:ALBUMARTISTSORT", "ALBUMARTISTSORT", "ALBUMARTISTSORT", "soaa", "WM/AlbumArtistSortOrder", ""),
    ("albumsort", "TSOA, XSOA", "ALBUMSORT", "ALBUMSORT", "soal", "WM/AlbumSortOrder", ""),
    ("arranger", "TXXX:ARRANGER", "ARRANGER", "Arranger", "----:ARRANGER", "WM/Arranger", ""),
    ("artist", "TPE1", "ARTIST", "Artist", "©ART", "Author", "IART"),
    ("artists", "TXXX:Artists", "ARTISTS", "Artists", "----:ARTISTS", "WM/ARTISTS", ""),
    ("artistsort", "TSOP, XSOP", "ARTISTSORT", "ARTISTSORT", "soar", "WM/ArtistSortOrder", ""),
    ("asin", "TXXX:ASIN", "ASIN", "ASIN", "----:ASIN", "ASIN", ""),
    ("barcode", "TXXX:BARCODE", "BARCODE", "Barcode", "----:BARCODE", "WM/Barcode", ""),
    ("bpm", "TBPM", "BPM", "BPM", "tmpo", "WM/BeatsPerMinute", ""),
    ("catalognumber", "TXXX:CATALOGNUMBER", "CATALOGNUMBER", "CatalogNumber", "----:CATALOGNUMBER", "WM/CatalogNo", ""),
    ("comment", "COMM", "COMMENT", "Comment", "©cmt", "Description", "ICMT"),
    ("compilation", "TCMP", "COMPILATION", "Compilation", "cpil", "WM/IsCompilation", ""),
    ("composer", "TCOM", "COMPOSER", "Composer", "©wrt", "WM/Composer", "IMUS"),
    ("composersort", "TSOC, TXXX:COMPOSERSORT", "COMPOSERSORT", "COMPOSERSORT", "soco", "WM/ComposerSortOrder", ""),
    ("conductor", "TPE3", "CONDUCTOR", "Conductor", "----:CONDUCTOR", "WM/Conductor", ""),
    ("copyright", "TCOP", "COPYRIGHT", "Copyright", "cprt", "Copyright", "ICOP"),
    ("date", "TDRC, TYER", "DATE", "Year", "©day", "WM/Year", "ICRD"),
    ("director", "TXXX:DIRECTOR", "DIRECTOR", "Director", "©dir", "WM/Director", ""),
    ("discnumber", "TPOS", "DISCNUMBER", "Disc", "disk", "WM/PartOfSet", ""),
    ("discsubtitle", "TSST", "DISCSUBTITLE", "DiscSubtitle", "----:DISCSUBTITLE", "WM/SetSubTitle", ""),
    ("djmixer", "TXXX:DJMIXER", "DJMIXER", "DJMixer", "----:DJMIXER", "WM/DJMixer", ""),
    ("encodedby", "TENC", "ENCODEDBY", "EncodedBy", "©too", "WM/EncodedBy", "IENC"),
    ("encodersettings", "TSSE", "ENCODERSETTINGS", "EncoderSettings", "", "WM/EncodingSettings", ""),
    ("engineer", "TXXX:ENGINEER", "ENGINEER", "Engineer", "----:ENGINEER", "WM/Engineer", "IENG"),
    ("gapless", "", "", "", "pgap", "", ""),
    ("genre", "TCON", "GENRE", "Genre", "©gen", "WM/Genre", "IGNR"),
    ("grouping", "TIT1, GRP1", "GROUPING", "Grouping", "©grp", "WM/ContentGroupDescription", ""),
    ("isrc", "TSRC", "ISRC", "ISRC", "----:ISRC", "WM/ISRC", ""),
    ("key", "TKEY", "KEY", "KEY", "----:initialkey", "WM/InitialKey", ""),
    ("label", "TPUB", "LABEL", "Label", "----:LABEL", "WM/Publisher", ""),
    ("language", "TLAN", "LANGUAGE", "Language", "----:LANGUAGE", "WM/Language", "ILNG"),
    ("license", "WCOP, TXXX:LICENSE", "LICENSE", "LICENSE", "----:LICENSE", "", ""),
    ("lyricist", "TEXT", "LYRICIST", "Lyricist", "----:LYRICIST", "WM/Writer", ""),
    ("lyrics", "USLT", "LYRICS", "Lyrics", "©lyr", "WM/Lyrics", ""),
    ("media", "TMED", "MEDIA", "Media", "----:MEDIA", "WM/Media", "IMED"),
    ("mixer", "TXXX:MIXER", "MIXER", "Mixer", "----:MIXER", "WM/Mixer", ""),
    ("mood", "TMOO, TXXX:MOOD", "MOOD", "Mood", "----:MOOD", "WM/Mood", ""),
    ("movement", "MVNM", "MOVEMENTNAME", "MOVEMENTNAME", "©mvn", "", ""),
    ("movementnumber", "MVIN", "MOVEMENT", "MOVEMENT", "©mvi", "", ""),
    ("movementtotal", "", "MOVEMENTTOTAL", "MOVEMENTTOTAL", "©mvc", "", ""),
    ("musicbrainz_albumartistid", "TXXX:MusicBrainz Album Artist Id", "MUSICBRAINZ_ALBUMARTISTID", "MUSICBRAINZ_ALBUMARTISTID", "----:MusicBrainz Album Artist Id", "MusicBrainz/Album Artist Id", ""),
    ("musicbrainz_albumid", "TXXX:MusicBrainz Album Id", "MUSICBRAINZ_ALBUMID", "MUSICBRAINZ_ALBUMID", "----:MusicBrainz Album Id", "MusicBrainz/Album Id", ""),
    ("musicbrainz_artistid", "TXXX:MusicBrainz Artist Id", "MUSICBRAINZ_ARTISTID", "MUSICBRAINZ_ARTISTID", "----:MusicBrainz Artist Id", "MusicBrainz/Artist Id", ""),
    ("musicbrainz_discid", "TXXX:MusicBrainz Disc Id", "MUSICBRAINZ_DISCID", "MUSICBRAINZ_DISCID", "----:MusicBrainz Disc Id", "MusicBrainz/Disc Id", ""),
    ("musicbrainz_originalalbumid", "TXXX:MusicBrainz Original Album Id", "MUSICBRAINZ_ORIGINALALBUMID", "", "----:MusicBrainz Original Album Id", "MusicBrainz/Original Album Id", ""),
    ("musicbrainz_originalartistid", "TXXX:MusicBrainz Original Artist Id", "MUSICBRAINZ_ORIGINALARTISTID", "", "----:MusicBrainz Original Artist Id", "MusicBrainz/Original Artist Id", ""),
    ("musicbrainz_recordingid", "UFID:http://musicbrainz.org", "MUSICBRAINZ_TRACKID", "MUSICBRAINZ_TRACKID", "----:MusicBrainz Track Id", "MusicBrainz/Track Id", ""),
    ("musicbrainz_releasegroupid", "TXXX:MusicBrainz Release Group Id", "MUSICBRAINZ_RELEASEGROUPID", "MUSICBRAINZ_RELEASEGROUPID", "----:MusicBrainz Release Group Id", "MusicBrainz/Release Group Id", ""),
    ("musicbrainz_trackid", "TXXX:MusicBrainz Release Track Id", "MUSICBRAINZ_RELEASETRACKID", "MUSICBRAINZ_RELEASETRACKID", "----:MusicBrainz Release Track Id", "MusicBrainz/Release Track Id", ""),
    ("musicbrainz_trmid", "TXXX:MusicBrainz TRM Id", "MUSICBRAINZ_TRMID", "MUSICBRAINZ_TRMID", "----:MusicBrainz TRM Id", "MusicBrainz/TRM Id", ""),
    ("musicbrainz_workid", "TXXX:MusicBrainz Work Id", "MUSICBRAINZ_WORKID", "MUSICBRAINZ_WORKID", "----:MusicBrainz Work Id", "MusicBrainz/Work Id", ""),
    ("musicip_fingerprint", "TXXX:MusicMagic Fingerprint", "", "", "", "", ""),
    ("musicip_puid", "TXXX:MusicIP PUID", "MUSICIP_PUID", "MUSICIP_PUID", "----:MusicIP PUID", "MusicIP/PUID", ""),
    ("originalalbum", "TOAL", "ORIGINALALBUM", "", "", "WM/OriginalAlbumTitle", ""),
    ("originalartist", "TOPE", "ORIGINALARTIST", "Original Artist", "", "WM/OriginalArtist", ""),
    ("originaldate", "TDOR, TORY", "ORIGINALDATE", "ORIGINALDATE", "", "WM/OriginalReleaseTime", ""),
    ("originalfilename", "TOFN", "ORIGINALFILENAME", "ORIGINALFILENAME", "", "WM/OriginalFilename", ""),
    ("originalyear", "", "ORIGINALYEAR", "ORIGINALYEAR", "", "WM/OriginalReleaseYear", ""),
    ("performer", "", "PERFORMER", "Performer", "", "", ""),
    ("podcast", "", "", "", "pcst", "", ""),
    ("podcasturl", "", "", "", "purl", "", ""),
    ("producer", "TXXX:PRODUCER", "PRODUCER", "Producer", "----:PRODUCER", "WM/Producer", "IPRO"),
    ("rating", "POPM", "RATING", "", "", "WM/SharedUserRating", ""),
    ("releasecountry", "TXXX:MusicBrainz Album Release Country", "RELEASECOUNTRY", "RELEASECOUNTRY", "----:MusicBrainz Album Release Country", "MusicBrainz/Album Release Country", "ICNT"),
    ("releasedate", "TDRL", "RELEASEDATE", "RELEASEDATE", "----:RELEASEDATE", "", ""),
    ("releasestatus", "TXXX:MusicBrainz Album Status", "RELEASESTATUS", "MUSICBRAINZ_ALBUMSTATUS", "----:MusicBrainz Album Status", "MusicBrainz/Album Status", ""),
    ("releasetype", "TXXX:MusicBrainz Album Type", "RELEASETYPE", "MUSICBRAINZ_ALBUMTYPE", "----:MusicBrainz Album Type", "MusicBrainz/Album Type", ""),
    ("remixer", "TPE4", "REMIXER", "MixArtist", "----:REMIXER", "WM/ModifiedBy", ""),
    ("replaygain_album_gain", "TXXX:REPLAYGAIN_ALBUM_GAIN", "REPLAYGAIN_ALBUM_GAIN", "REPLAYGAIN_ALBUM_GAIN", "----:REPLAYGAIN_ALBUM_GAIN", "REPLAYGAIN_ALBUM_GAIN", ""),
    ("replaygain_album_peak", "TXXX:REPLAYGAIN_ALBUM_PEAK", "REPLAYGAIN_ALBUM_PEAK", "REPLAYGAIN_ALBUM_PEAK", "----:REPLAYGAIN_ALBUM_PEAK", "REPLAYGAIN_ALBUM_PEAK", ""),
    ("replaygain_album_range", "TXXX:REPLAYGAIN_ALBUM_RANGE", "REPLAYGAIN_ALBUM_RANGE", "REPLAYGAIN_ALBUM_RANGE", "----:REPLAYGAIN_ALBUM_RANGE", "REPLAYGAIN_ALBUM_RANGE", ""),
    ("replaygain_reference_loudness", "TXXX:REPLAYGAIN_REFERENCE_LOUDNESS", "REPLAYGAIN_REFERENCE_LOUDNESS", "REPLAYGAIN_REFERENCE_LOUDNESS", "----:REPLAYGAIN_REFERENCE_LOUDNESS", "REPLAYGAIN_REFERENCE_LOUDNESS", ""),
    ("replaygain_track_gain", "TXXX:REPLAYGAIN_TRACK_GAIN", "REPLAYGAIN_TRACK_GAIN", "REPLAYGAIN_TRACK_GAIN", "----:REPLAYGAIN_TRACK_GAIN", "REPLAYGAIN_TRACK_GAIN", ""),
    ("replaygain_track_peak", "TXXX:REPLAYGAIN_TRACK_PEAK", "REPLAYGAIN_TRACK_PEAK", "REPLAYGAIN_TRACK_PEAK", "----:REPLAYGAIN_TRACK_PEAK", "REPLAYGAIN_TRACK_PEAK", ""),
    ("replaygain_track_range", "TXXX:REPLAYGAIN_TRACK_RANGE", "REPLAYGAIN_TRACK_RANGE", "REPLAYGAIN_TRACK_RANGE", "----:REPLAYGAIN_TRACK_RANGE", "REPLAYGAIN_TRACK_RANGE", ""),
    ("script", "TXXX:SCRIPT", "SCRIPT", "Script", "----:SCRIPT", "WM/Script", ""),
    ("show", "", "", "", "tvsh", "", ""),
    ("showmovement", "TXXX:SHOWMOVEMENT", "SHOWMOVEMENT", "SHOWMOVEMENT", "shwm", "", ""),
    ("showsort", "", "", "", "sosn", "", ""),
    ("subtitle", "TIT3", "SUBTITLE", "Subtitle", "----:SUBTITLE", "WM/SubTitle", ""),
    ("title", "TIT2", "TITLE", "Title", "©nam", "Title", "INAM"),
    ("titlesort", "TSOT, XSOT", "TITLESORT", "TITLESORT", "sonm", "WM/TitleSortOrder", ""),
    ("totaldiscs", "", "DISCTOTAL, TOTALDISCS", "", "", "", ""),
    ("totaltracks", "", "TRACKTOTAL, TOTALTRACKS", "", "", "", ""),
    ("tracknumber", "TRCK", "TRACKNUMBER", "Track", "trkn", "WM/TrackNumber", "ITRK"),
    ("website", "WOAR", "WEBSITE", "Weblink", "", "WM/AuthorURL", ""),
    ("work", "TXXX:WORK", "WORK", "WORK", "©wrk, ----:WORK", "WM/Work", ""),
    ("writer", "TXXX:Writer", "WRITER", "Writer", "----:WRITER", "", "IWRI"),
))
# fmt: on

# Involved people lists (TIPL, and IPLS of ID3v2.3): what Picard calls the function. Any other is an instrument.
PEOPLE_ROLES: Final = {
    "arranger": "arranger",
    "engineer": "engineer",
    "producer": "producer",
    "mix": "mixer",
    "dj-mix": "djmixer",
}

# Keys that other taggers write for what Picard's table has under another key. They fill a tag that the file
# has not got otherwise, and stay in `tags` as they are. Source: the tables of mediafile, navidrome and mp3tag.
ALIASES: Final = {
    "album artist": "albumartist",
    "disc": "discnumber",
    "initialkey": "key",
    "organization": "label",
    "publisher": "label",
    "tempo": "bpm",
    "track": "tracknumber",
    "unsynced lyrics": "lyrics",
    "unsyncedlyrics": "lyrics",
    "year": "date",
}


def _column(name: str) -> dict[str, str]:
    """Return key → Picard name for one column of the table, by the key as spelled and by the casefolded key."""
    keys = [(key, row.name) for row in ROWS for key in getattr(row, name).split(", ") if key]
    return {key.casefold(): name for key, name in keys} | dict(keys)


def _with_prefix(keys: dict[str, str], prefix: str) -> dict[str, str]:
    return {key[len(prefix) :]: name for key, name in keys.items() if key.casefold().startswith(prefix)}


# A key of our own choosing (TXXX, ----, an unknown Vorbis or APEv2 key) means what it means in a Vorbis comment,
# else the tag of that name: Picard writes tags that a format has no key for under their own names.
FREE: Final = {row.name: row.name for row in ROWS} | _column("vorbis") | {"fingerprint": "fingerprint"}
ID3_FRAMES: Final = {key: name for key, name in _column("id3").items() if key.isupper() and ":" not in key}
ID3_TXXX: Final = FREE | _with_prefix(_column("id3"), "txxx:")
VORBIS: Final = FREE
# Opus has gains of its own, in a unit of their own: RFC 7845, section 5.2.1.
OPUS: Final = VORBIS | {name: name for name in ("r128_track_gain", "r128_album_gain")}
APE: Final = FREE | _column("ape")
MP4_ATOMS: Final = {key: row.name for row in ROWS for key in row.mp4.split(", ") if key and not key.startswith("----:")}
MP4_FREEFORM: Final = FREE | _with_prefix(_column("mp4"), "----:")
ASF: Final = FREE | _column("asf")
INFO: Final = _column("info")
