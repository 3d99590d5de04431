"""The memory of what was made of something."""

from __future__ import annotations

import pytest

from soniquescan.memo import MEMO_SIZE, Memo


def test_what_was_made_is_made_once():
    made = []
    memo = Memo(lambda key: made.append(key) or key * 2)
    assert [memo["a"], memo["b"], memo["a"]] == ["aa", "bb", "aa"]
    assert made == ["a", "b"]


def test_what_is_false_is_remembered_as_well():
    made = []
    memo = Memo(lambda key: made.append(key) or False)
    assert [memo["a"], memo["a"], len(made)] == [False, False, 1]


def test_what_is_too_large_is_made_each_time():
    made = []
    memo = Memo(lambda key: made.append(key) or key)
    for size in (MEMO_SIZE, MEMO_SIZE + 1):
        assert memo["x" * size] == memo["x" * size] == "x" * size
    assert len(made) == 3
    assert len(memo) == 1


def test_a_full_memory_begins_again():
    memo = Memo(str, size=lambda _key, _made: 0, entries=2)
    assert [memo[1], memo[2], len(memo)] == ["1", "2", 2]
    assert [memo[3], len(memo)] == ["3", 1]


def test_a_key_of_which_nothing_can_be_made_says_so():
    memo = Memo(int)
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            memo["x"]
