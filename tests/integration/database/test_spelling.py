"""File names as PostgreSQL's COPY spells them: the walk is compared with what is known as text."""

from __future__ import annotations

from itertools import product

import pytest

from soniquescan.text import path_to_text, spell_name, unspell_name

BYTES = [bytes([byte]) for byte in range(1, 256)]
NEAR_OUR_ESCAPES = [b"\xef" + second + third for second, third in product((b"\x9d", b"\x9e", b"\x9f", b"\xa0"), BYTES)]
TRICKY = [b"\\N", b"\\.", b"a\\tb", b"a\tb\nc", b"\xef\x9e", "é\n\U0001f3b5".encode(), b"\xe9\n", b"\\\xef\x9e\x80\\"]


@pytest.mark.parametrize(
    "names",
    [BYTES, [b"".join(pair) for pair in product(BYTES, BYTES)], NEAR_OUR_ESCAPES, TRICKY],
    ids=["each byte", "each pair of bytes", "near our escapes", "tricky"],
)
def test_names_are_spelled_as_copy_writes_them(connection, names):
    connection.execute("CREATE TEMP TABLE names (number int, path text)")
    with connection.cursor() as cursor:
        with cursor.copy("COPY names FROM STDIN") as copy:
            for number, name in enumerate(names):
                copy.write_row((number, path_to_text(name)))
        with cursor.copy("COPY (SELECT path FROM names ORDER BY number) TO STDOUT") as copy:
            written = [bytes(row).removesuffix(b"\n") for row in copy]
    assert [spell_name(name) for name in names] == written
    assert [unspell_name(line) for line in written] == names
