"""Words for invented names, in several scripts."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

_WHOLE_SHARE = 0.01  # what follows are cumulative shares
UNICODE_SHARE = 0.12
_PERSON_SHARE = 0.6


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


WORDS = _words(
    "Amber Ash Autumn Avenue Ballad Blue Bridge Broken Canyon Chrome City Cloud Cold Copper Coral Crimson Crown "
    "Crystal Dance Dawn Delta Desert Distant Dream Dust Echo Ember Empire Engine Evening Falling Fever Field Fire "
    "Flood Forest Garden Ghost Glass Gold Gravity Green Harbour Hollow Honey Horizon Hour Island Ivory Jade June "
    "Kingdom Lantern Letter Light Lonely Machine Marble Meadow Midnight Mirror Monday Moon Motel Mountain Night "
    "North Ocean Orchard Paper Parade Pearl Pilot Planet Radio Rain Red River Road Rose Ruby Sail Salt Satellite "
    "Season Shadow Signal Silver Sleep Smoke Snow South Spring Station Stone Storm Street Summer Sun Sunday Tide "
    "Tiger Tower Train Valley Velvet Violet Water Wild Window Winter Wire Wolf Wonder Yellow Zero"
)
FIRST_NAMES = _words(
    "Ada Alba Anton Aretha Bela Bruno Carla Cesar Chet Dinah Dora Edgar Elena Ella Etta Farid Frida Gil Greta Hana "
    "Hugo Ida Igor Ines Iris Jan Jonas Jorge Kai Karin Lars Lena Leon Lila Luca Maya Mika Miles Nadia Nico Nina Olga "
    "Omar Oscar Pablo Paula Petra Rafael Rosa Ruth Sami Sara Sven Tara Theo Tom Ursula Vera Viktor Wanda Yusuf Zoe"
)
LAST_NAMES = _words(
    "Abara Adler Almeida Bakker Baptiste Becker Bianchi Blom Byrne Castillo Chen Costa Dahl Diallo Dvorak Eriksen "
    "Farkas Ferrari Fischer Fontaine Garcia Haas Hansen Holm Horvat Ibarra Ito Jansen Kaya Keller Kim Kovacs Larsen "
    "Laurent Lind Lopez Maier Marchetti Mbeki Moreau Nakamura Novak Okafor Olsen Petrov Quist Ramos Rossi Sato "
    "Schneider Silva Sokolov Szabo Tanaka Torres Ueda Varga Vega Wagner Weiss Yilmaz Zeman"
)
# Names that a scanner must not take apart.
WHOLE_NAMES = ("AC/DC", "Simon & Garfunkel", "Earth, Wind & Fire", "Tyler, The Creator", "Hall & Oates")
UNICODE_NAMES = (
    "Björk Guðmundsdóttir", "Sigur Rós", "Motörhead", "Мумий Тролль", "Ελευθερία Αρβανιτάκη", "椎名林檎",
    "坂本龍一", "周杰倫", "방탄소년단", "فيروز", "عمر دياب", "אריק איינשטיין", "लता मंगेशकर", "คาราบาว", "Đàm Vĩnh Hưng",
    "🎸 Emoji 🥁", "Zażółć Gęślą", "İbrahim Tatlıses", "ﬁligree ½", "Ａｌｐｈａ",  # noqa: RUF001 (look-alikes are the point)
)  # fmt: skip
UNICODE_TITLES = (
    "Ágætis byrjun", "Hoppípolla", "Где-то", "Κάπου αλλού", "丸の内サディスティック", "告白氣球", "봄날",
    "نسم علينا الهوى", "עוף גוזל", "आयेगा आनेवाला", "ทะเลใจ", "🌊 Wave 🌙", "Zażółć", "Ça va, ça vient", "Straße",
)  # fmt: skip
LABELS = ("Harbour Records", "Nord/Süd Musik", "Blue Lantern", "Ivory & Sons", "レコード会社", "Parade", "Sub Signal")

_BANDS = tuple(product(WORDS, WORDS))


def artist_name(rng: random.Random) -> tuple[str, str]:
    """Return what a name starts with and what it sorts by; the second is empty for a name of one piece."""
    chance = rng.random()
    if chance < _WHOLE_SHARE:
        return rng.choice(WHOLE_NAMES), ""
    if chance < UNICODE_SHARE:
        return f"{rng.choice(UNICODE_NAMES)} {rng.randrange(1000)}", ""
    if chance < _PERSON_SHARE:
        return rng.choice(FIRST_NAMES), f"{rng.choice(LAST_NAMES)}{_numeral(rng)}"
    return "The", f"{' '.join(rng.choice(_BANDS))}{_numeral(rng)}"


def _numeral(rng: random.Random) -> str:
    """Keep names distinct in large libraries."""
    return f" {rng.randrange(2, 100)}" if rng.random() < 1 / 4 else ""
