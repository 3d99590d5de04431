from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniquescan.text import is_plain, name_key, path_to_text, repair_text, spell_name, text_to_path, unspell_name

# Bytes as names have them, with many near the characters that the codec itself uses: U+F780 is EF 9E 80.
path_bytes = st.lists(
    st.one_of(
        st.binary(max_size=4),
        st.sampled_from([b"\xef\x9e\x80", b"\xef\x9f\xbf", b"\xef\x9e", b"\xef", b"\xbf", b"\xf0\x9f\x8e\xb5"]),
        st.text(max_size=4).filter(lambda text: text.isprintable()).map(lambda text: text.encode(errors="ignore")),
    )
).map(b"".join)
names = path_bytes.map(lambda name: name.replace(b"\0", b"\\").replace(b"/", b"\t"))  # two more that are escaped
any_text = st.text(st.characters(exclude_categories=()))


@given(path_bytes)
def test_a_path_comes_back_from_its_text(path):
    assert text_to_path(path_to_text(path)) == path


@given(path_bytes, path_bytes)
def test_two_paths_never_share_a_text(one, other):
    assert (path_to_text(one) == path_to_text(other)) == (one == other)


@given(path_bytes)
def test_the_text_of_a_path_can_be_encoded(path):
    assert path_to_text(path).encode().decode() == path_to_text(path)


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters=map(chr, range(0xF780, 0xF800)))))
def test_a_path_of_valid_utf_8_is_its_own_text(text):
    assert path_to_text(text.encode()) == text


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (b"caf\xe9.mp3", "caf\uf7e9.mp3"),
        (b"\x80\xff", "\uf780\uf7ff"),
        ("\uf780".encode(), "\uf7ef\uf79e\uf780"),
        (b"\xff" + "\uf780".encode(), "\uf7ff\uf7ef\uf79e\uf780"),
        ("é".encode(), "é"),
    ],
)
def test_what_cannot_stand_in_a_path_is_escaped_byte_by_byte(path, text):
    assert path_to_text(path) == text


@given(names)
def test_a_name_comes_back_from_its_spelling(name):
    assert unspell_name(spell_name(name)) == name


@given(names, names)
def test_two_names_are_never_spelled_alike(one, other):
    assert (spell_name(one) == spell_name(other)) == (one == other)


@given(names)
def test_a_spelled_name_is_one_field_of_one_line_in_utf_8(name):
    assert not set(spell_name(name).decode()) & set("\b\t\n\v\f\r")


@given(names)
def test_a_plain_name_is_one_that_is_spelled_as_it_is(name):
    assert is_plain(name) == (path_to_text(name).encode() == name and not set(name) & set(b"\b\t\n\v\f\r\\"))
    assert is_plain(name) == (spell_name(name) == name)


@given(st.lists(names, min_size=1))
def test_names_are_plain_together_if_each_is(several):
    assert is_plain(b"\t".join(several), separators=len(several) - 1) == all(map(is_plain, several))


def test_halves_of_a_character_in_two_names_make_none_plain():
    assert not is_plain(b"\xc3\t\xa9", separators=1)


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        (b"01 - a.mp3", "01 - a.mp3"),
        ("é\u3042.mp3".encode(), "é\u3042.mp3"),
        (b"a\tb\nc\\d", "a\\tb\\nc\\\\d"),
        (b"\x01\x07\x0e\x1b\x7f", "\x01\x07\x0e\x1b\x7f"),
        (b"caf\xe9\t", "caf\uf7e9\\t"),
        ("\uf780".encode(), "\uf7ef\uf79e\uf780"),
    ],
)
def test_each_kind_of_name_is_spelled_so(name, spelled):
    assert spell_name(name) == spelled.encode()


@given(any_text)
def test_repaired_text_holds_nothing_that_postgresql_refuses(text):
    repaired = repair_text(text)
    assert "\x00" not in repaired
    assert repaired.encode().decode() == repaired


@given(any_text)
def test_repair_is_done_once(text):
    assert repair_text(repair_text(text)) == repair_text(text)


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00")))
def test_sound_text_is_left_alone(text):
    assert repair_text(text) is text


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("a\x00b", "a\ufffdb"),
        ("padded\x00\x00", "padded"),
        ("\ud800", "\ufffd"),
        ("a\udcffb", "a\ufffdb"),
        ("\\N\t\r\n\\", "\\N\t\r\n\\"),
    ],
)
def test_each_character_that_postgresql_refuses_is_replaced(text, repaired):
    assert repair_text(text) == repaired


@given(st.text())
def test_the_key_of_a_name_is_its_own_key(name):
    assert name_key(name_key(name)) == name_key(name)


@pytest.mark.parametrize("spelling", ["Björk", "BJÖRK", "Bjo\u0308rk", "  björk ", "\uff22jörk"])
def test_spellings_of_one_name_share_a_key(spelling):
    assert name_key(spelling) == "björk"
