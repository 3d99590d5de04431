"""The ID3v1 genres that the invented library uses, by their numbers (https://id3.org/ID3v1, and Winamp's extension)."""

from __future__ import annotations

NO_GENRE = 255
ID3V1_GENRES = {
    "Blues": 0, "Country": 2, "Disco": 4, "Funk": 5, "Hip-Hop": 7, "Jazz": 8, "Metal": 9, "New Age": 10, "Pop": 13,
    "R&B": 14, "Reggae": 16, "Rock": 17, "Techno": 18, "Ska": 21, "Soundtrack": 24, "Ambient": 26, "Trip-Hop": 27,
    "Trance": 31, "Classical": 32, "Instrumental": 33, "House": 35, "Soul": 42, "Punk": 43, "Ethnic": 48,
    "Gothic": 49, "Electronic": 52, "Folk": 80, "Opera": 103, "Chamber Music": 104, "Drum & Bass": 127,
}  # fmt: skip


def id3v1_genre(name: str) -> int:
    """Return the number of `name`, or the one that means none."""
    return ID3V1_GENRES.get(name, NO_GENRE)
