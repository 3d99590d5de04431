from __future__ import annotations

import pytest

from soniquescan.messages import Credit
from soniquescan.tags.people import credits_of, distinct, people, split_names

ID_1, ID_2 = (f"c{number:07}-0000-4000-8000-000000000000" for number in (1, 2))


@pytest.mark.parametrize(
    "credit",
    ["A feat. B", "A feat B", "A ft. B", "A ft B", "A featuring B", "A / B", "A; B", "A FEAT. B", "A Featuring B"],
)
def test_these_separators_part_people(credit):
    assert split_names(credit) == ("A", "B")


@pytest.mark.parametrize(
    "name",
    [
        "AC/DC",
        "Simon & Garfunkel",
        "Earth, Wind & Fire",
        "Tyler, The Creator",
        "A with B",
        "A vs. B",
        "A x B",
        "A;B",
        "Little Feat",
        "Featuring B",
        "Left Foot",
    ],
)
def test_nothing_else_does(name):
    assert split_names(name) == (name,)


def test_more_than_two_people_are_parted():
    assert split_names("A feat. B ft. C / D; E") == ("A", "B", "C", "D", "E")


def test_separators_without_a_name_on_both_sides_part_nobody():
    assert split_names(" feat. B; ") == ("B",)


def test_the_list_tag_comes_first():
    assert people(["A", "B feat. C"], ["A with B"]) == ("A", "B feat. C")


def test_then_several_values_which_stay_whole():
    assert people([], ["A", "B feat. C"]) == ("A", "B feat. C")


def test_then_the_one_value_is_split():
    assert people([], ["A feat. B"]) == ("A", "B")


def test_a_joined_list_is_taken_apart_only_when_the_ids_say_so():
    assert people(["A/B"], [], 2) == ("A", "B")
    assert people(["AC/DC"], [], 1) == ("AC/DC",)
    assert people(["AC/DC/B"], [], 2) == ("AC/DC/B",)


def test_ids_and_sort_names_are_paired_when_there_are_as_many_as_names():
    assert credits_of("artist", ["A", "B"], ["a", "b"], [ID_1, ID_2.upper()]) == [
        Credit("artist", "A", "a", ID_1),
        Credit("artist", "B", "b", ID_2),
    ]


def test_ids_and_sort_names_are_not_paired_otherwise():
    assert credits_of("artist", ["A", "B"], ["a", "b", "c"], [ID_1]) == [
        Credit("artist", "A", None, None),
        Credit("artist", "B", None, None),
    ]


def test_one_sort_name_of_several_people_is_split_as_their_credit_is():
    assert [person.sort_name for person in credits_of("artist", ["A", "B"], ["a feat. b"])] == ["a", "b"]


def test_a_broken_id_leaves_the_others_paired():
    assert [person.musicbrainz_artistid for person in credits_of("artist", ["A", "B"], (), ["?", ID_2])] == [None, ID_2]


def test_the_same_person_is_credited_once_a_role():
    twice = credits_of("artist", ["Björk", "BJÖRK"]) + credits_of("composer", ["Björk"])
    assert [(credit.role, credit.name) for credit in distinct(twice)] == [("artist", "Björk"), ("composer", "Björk")]
