"""Picard name → the key of each tag format: one row a name, one column a format.

Source: MusicBrainz Picard, appendix "Tag Mapping" (https://picard-docs.musicbrainz.org/en/appendices/tag_mapping.html);
INFO: the names that Picard and TagLib agree on. Rows marked + are absent from that page for at least one format;
there the key is the one that Picard writes for a name it has no key for.
An empty key means that the format cannot hold the name.

ID3 keys are frame ids of v2.3 and v2.4; `V22` has those of v2.2. "TXXX:x" is the frame with description x,
"TIPL:x" the role x, "a#1" and "a#2" the number and the total of a frame that holds "number/total".
MP4 keys "----:x" are free-form atoms of com.apple.iTunes.
"""

from __future__ import annotations

from typing import NamedTuple


class Keys(NamedTuple):
    """The keys of one Picard name."""

    name: str
    id3: str
    vorbis: str
    ape: str
    mp4: str
    asf: str
    info: str = ""


def _same(name: str) -> Keys:
    """Return the keys of a name that every format but INFO spells alike."""
    key = name.upper()
    return Keys(name, f"TXXX:{key}", key, key, f"----:{key}", key)


# fmt: off
ROWS = (
    Keys("title", "TIT2", "TITLE", "Title", "©nam", "Title", "INAM"),
    Keys("titlesort", "TSOT", "TITLESORT", "TITLESORT", "sonm", "WM/TitleSortOrder"),
    Keys("subtitle", "TIT3", "SUBTITLE", "Subtitle", "----:SUBTITLE", "WM/SubTitle"),
    Keys("artist", "TPE1", "ARTIST", "Artist", "©ART", "Author", "IART"),
    Keys("artistsort", "TSOP", "ARTISTSORT", "ARTISTSORT", "soar", "WM/ArtistSortOrder"),
    Keys("artists", "TXXX:Artists", "ARTISTS", "Artists", "----:ARTISTS", "WM/ARTISTS"),
    Keys("album", "TALB", "ALBUM", "Album", "©alb", "WM/AlbumTitle", "IPRD"),
    Keys("albumsort", "TSOA", "ALBUMSORT", "ALBUMSORT", "soal", "WM/AlbumSortOrder"),
    Keys("albumartist", "TPE2", "ALBUMARTIST", "Album Artist", "aART", "WM/AlbumArtist"),
    Keys("albumartistsort", "TSO2", "ALBUMARTISTSORT", "ALBUMARTISTSORT", "soaa", "WM/AlbumArtistSortOrder"),
    Keys("tracknumber", "TRCK#1", "TRACKNUMBER", "Track#1", "trkn#1", "WM/TrackNumber", "ITRK"),
    Keys("totaltracks", "TRCK#2", "TRACKTOTAL TOTALTRACKS", "Track#2", "trkn#2", ""),
    Keys("discnumber", "TPOS#1", "DISCNUMBER", "Disc#1", "disk#1", "WM/PartOfSet#1"),
    Keys("totaldiscs", "TPOS#2", "DISCTOTAL TOTALDISCS", "Disc#2", "disk#2", "WM/PartOfSet#2"),
    Keys("discsubtitle", "TSST", "DISCSUBTITLE", "DiscSubtitle", "----:DISCSUBTITLE", "WM/SetSubTitle"),
    Keys("date", "TDRC", "DATE", "Year", "©day", "WM/Year", "ICRD"),
    Keys("originaldate", "TDOR", "ORIGINALDATE", "ORIGINALDATE", "----:ORIGINALDATE", "WM/OriginalReleaseTime"),  # +
    Keys("originalyear", "", "ORIGINALYEAR", "ORIGINALYEAR", "----:ORIGINALYEAR", "WM/OriginalReleaseYear"),  # +
    Keys("genre", "TCON", "GENRE", "Genre", "©gen", "WM/Genre", "IGNR"),
    Keys("composer", "TCOM", "COMPOSER", "Composer", "©wrt", "WM/Composer", "IMUS"),
    Keys("composersort", "TSOC", "COMPOSERSORT", "COMPOSERSORT", "soco", "WM/ComposerSortOrder"),
    Keys("lyricist", "TEXT", "LYRICIST", "Lyricist", "----:LYRICIST", "WM/Writer"),
    Keys("writer", "TXXX:Writer", "WRITER", "Writer", "----:WRITER", ""),  # +
    Keys("conductor", "TPE3", "CONDUCTOR", "Conductor", "----:CONDUCTOR", "WM/Conductor"),
    Keys("arranger", "TIPL:arranger", "ARRANGER", "Arranger", "----:ARRANGER", ""),  # +
    Keys("performer", "TMCL", "PERFORMER", "Performer", "", ""),
    Keys("remixer", "TPE4", "REMIXER", "MixArtist", "----:REMIXER", "WM/ModifiedBy"),
    Keys("producer", "TIPL:producer", "PRODUCER", "Producer", "----:PRODUCER", "WM/Producer"),
    Keys("engineer", "TIPL:engineer", "ENGINEER", "Engineer", "----:ENGINEER", "WM/Engineer", "IENG"),
    Keys("mixer", "TIPL:mix", "MIXER", "Mixer", "----:MIXER", "WM/Mixer"),
    Keys("djmixer", "TIPL:DJ-mix", "DJMIXER", "DJMixer", "----:DJMIXER", "WM/DJMixer"),
    Keys("director", "TXXX:DIRECTOR", "DIRECTOR", "Director", "©dir", "WM/Director"),
    Keys("label", "TPUB", "LABEL", "Label", "----:LABEL", "WM/Publisher"),
    Keys("catalognumber", "TXXX:CATALOGNUMBER", "CATALOGNUMBER", "CatalogNumber", "----:CATALOGNUMBER", "WM/CatalogNo"),
    Keys("barcode", "TXXX:BARCODE", "BARCODE", "Barcode", "----:BARCODE", "WM/Barcode"),
    Keys("asin", "TXXX:ASIN", "ASIN", "ASIN", "----:ASIN", "ASIN"),
    Keys("isrc", "TSRC", "ISRC", "ISRC", "----:ISRC", "WM/ISRC"),
    Keys("media", "TMED", "MEDIA", "Media", "----:MEDIA", "WM/Media", "IMED"),
    Keys("releasecountry", "TXXX:MusicBrainz Album Release Country", "RELEASECOUNTRY", "RELEASECOUNTRY",
         "----:MusicBrainz Album Release Country", "MusicBrainz/Album Release Country"),
    Keys("releasestatus", "TXXX:MusicBrainz Album Status", "RELEASESTATUS", "MUSICBRAINZ_ALBUMSTATUS",
         "----:MusicBrainz Album Status", "MusicBrainz/Album Status"),
    Keys("releasetype", "TXXX:MusicBrainz Album Type", "RELEASETYPE", "MUSICBRAINZ_ALBUMTYPE",
         "----:MusicBrainz Album Type", "MusicBrainz/Album Type"),
    Keys("compilation", "TCMP", "COMPILATION", "Compilation", "cpil", "WM/IsCompilation"),
    Keys("bpm", "TBPM", "BPM", "BPM", "tmpo", "WM/BeatsPerMinute"),
    Keys("key", "TKEY", "KEY", "KEY", "----:initialkey", "WM/InitialKey"),
    Keys("mood", "TMOO", "MOOD", "Mood", "----:MOOD", "WM/Mood"),
    Keys("language", "TLAN", "LANGUAGE", "Language", "----:LANGUAGE", "WM/Language", "ILNG"),
    Keys("script", "TXXX:SCRIPT", "SCRIPT", "Script", "----:SCRIPT", "WM/Script"),
    Keys("grouping", "TIT1", "GROUPING", "Grouping", "©grp", "WM/ContentGroupDescription"),
    Keys("work", "TXXX:WORK", "WORK", "WORK", "©wrk", "WM/Work"),
    Keys("movement", "MVNM", "MOVEMENTNAME", "MOVEMENTNAME", "©mvn", ""),
    Keys("movementnumber", "MVIN#1", "MOVEMENT", "MOVEMENT", "©mvi", ""),
    Keys("movementtotal", "MVIN#2", "MOVEMENTTOTAL", "MOVEMENTTOTAL", "©mvc", ""),
    Keys("showmovement", "TXXX:SHOWMOVEMENT", "SHOWMOVEMENT", "SHOWMOVEMENT", "shwm", ""),
    Keys("copyright", "TCOP", "COPYRIGHT", "Copyright", "cprt", "Copyright", "ICOP"),
    Keys("license", "WCOP", "LICENSE", "LICENSE", "----:LICENSE", ""),
    Keys("website", "WOAR", "WEBSITE", "Weblink", "", "WM/AuthorURL"),
    Keys("comment", "COMM", "COMMENT", "Comment", "©cmt", "Description", "ICMT"),
    Keys("lyrics", "USLT", "LYRICS", "Lyrics", "©lyr", "WM/Lyrics"),
    Keys("encodedby", "TENC", "ENCODEDBY", "EncodedBy", "©too", "WM/EncodedBy"),
    Keys("encodersettings", "TSSE", "ENCODERSETTINGS", "EncoderSettings", "", "WM/EncodingSettings"),
    _same("replaygain_track_gain"),
    _same("replaygain_track_peak"),
    _same("replaygain_track_range"),
    _same("replaygain_album_gain"),
    _same("replaygain_album_peak"),
    _same("replaygain_album_range"),
    _same("replaygain_reference_loudness"),
    # The trap: the file key MUSICBRAINZ_TRACKID holds the recording.
    Keys("musicbrainz_recordingid", "UFID:http://musicbrainz.org", "MUSICBRAINZ_TRACKID", "MUSICBRAINZ_TRACKID",
         "----:MusicBrainz Track Id", "MusicBrainz/Track Id"),
    Keys("musicbrainz_trackid", "TXXX:MusicBrainz Release Track Id", "MUSICBRAINZ_RELEASETRACKID",
         "MUSICBRAINZ_RELEASETRACKID", "----:MusicBrainz Release Track Id", "MusicBrainz/Release Track Id"),
    Keys("musicbrainz_albumid", "TXXX:MusicBrainz Album Id", "MUSICBRAINZ_ALBUMID", "MUSICBRAINZ_ALBUMID",
         "----:MusicBrainz Album Id", "MusicBrainz/Album Id"),
    Keys("musicbrainz_artistid", "TXXX:MusicBrainz Artist Id", "MUSICBRAINZ_ARTISTID", "MUSICBRAINZ_ARTISTID",
         "----:MusicBrainz Artist Id", "MusicBrainz/Artist Id"),
    Keys("musicbrainz_albumartistid", "TXXX:MusicBrainz Album Artist Id", "MUSICBRAINZ_ALBUMARTISTID",
         "MUSICBRAINZ_ALBUMARTISTID", "----:MusicBrainz Album Artist Id", "MusicBrainz/Album Artist Id"),
    Keys("musicbrainz_releasegroupid", "TXXX:MusicBrainz Release Group Id", "MUSICBRAINZ_RELEASEGROUPID",
         "MUSICBRAINZ_RELEASEGROUPID", "----:MusicBrainz Release Group Id", "MusicBrainz/Release Group Id"),
    Keys("musicbrainz_workid", "TXXX:MusicBrainz Work Id", "MUSICBRAINZ_WORKID", "MUSICBRAINZ_WORKID",
         "----:MusicBrainz Work Id", "MusicBrainz/Work Id"),
    Keys("musicbrainz_discid", "TXXX:MusicBrainz Disc Id", "MUSICBRAINZ_DISCID", "MUSICBRAINZ_DISCID",
         "----:MusicBrainz Disc Id", "MusicBrainz/Disc Id"),
    Keys("musicbrainz_originalartistid", "TXXX:MusicBrainz Original Artist Id", "MUSICBRAINZ_ORIGINALARTISTID", "",
         "----:MusicBrainz Original Artist Id", "MusicBrainz/Original Artist Id"),
    Keys("musicbrainz_originalalbumid", "TXXX:MusicBrainz Original Album Id", "MUSICBRAINZ_ORIGINALALBUMID", "",
         "----:MusicBrainz Original Album Id", "MusicBrainz/Original Album Id"),
    Keys("musicbrainz_trmid", "TXXX:MusicBrainz TRM Id", "MUSICBRAINZ_TRMID", "MUSICBRAINZ_TRMID",
         "----:MusicBrainz TRM Id", "MusicBrainz/TRM Id"),
    Keys("acoustid_id", "TXXX:Acoustid Id", "ACOUSTID_ID", "ACOUSTID_ID", "----:Acoustid Id", "Acoustid/Id"),
    Keys("acoustid_fingerprint", "TXXX:Acoustid Fingerprint", "ACOUSTID_FINGERPRINT", "ACOUSTID_FINGERPRINT",
         "----:Acoustid Fingerprint", "Acoustid/Fingerprint"),
    Keys("musicip_puid", "TXXX:MusicIP PUID", "MUSICIP_PUID", "MUSICIP_PUID", "----:MusicIP PUID", "MusicIP/PUID"),
    Keys("originalalbum", "TOAL", "", "", "", "WM/OriginalAlbumTitle"),
    Keys("originalartist", "TOPE", "", "Original Artist", "", "WM/OriginalArtist"),
    Keys("originalfilename", "TOFN", "ORIGINALFILENAME", "ORIGINALFILENAME", "", "WM/OriginalFilename"),
    Keys("gapless", "", "", "", "pgap", ""),
    Keys("podcast", "", "", "", "pcst", ""),
    Keys("podcasturl", "", "", "", "purl", ""),
    Keys("show", "", "", "", "tvsh", ""),
    Keys("showsort", "", "", "", "sosn", ""),
)
# fmt: on

# ID3v2.2 frame ids; a frame that is not here exists only from v2.3 on.
V22 = {
    "COMM": "COM", "GRP1": "GP1", "IPLS": "IPL", "MVIN": "MVI", "MVNM": "MVN", "TALB": "TAL", "TBPM": "TBP",
    "TCMP": "TCP", "TCOM": "TCM", "TCON": "TCO", "TCOP": "TCR", "TDAT": "TDA", "TENC": "TEN", "TEXT": "TXT",
    "TIT1": "TT1", "TIT2": "TT2", "TIT3": "TT3", "TKEY": "TKE", "TLAN": "TLA", "TMED": "TMT", "TOAL": "TOT",
    "TOFN": "TOF", "TOPE": "TOA", "TORY": "TOR", "TPE1": "TP1", "TPE2": "TP2", "TPE3": "TP3", "TPE4": "TP4",
    "TPOS": "TPA", "TPUB": "TPB", "TRCK": "TRK", "TSO2": "TS2", "TSOA": "TSA", "TSOC": "TSC", "TSOP": "TSP",
    "TSOT": "TST", "TSRC": "TRC", "TSSE": "TSS", "TXXX": "TXX", "TYER": "TYE", "UFID": "UFI", "USLT": "ULT",
    "WCOP": "WCP", "WOAR": "WAR",
}  # fmt: skip
