import random
from dataclasses import fields

import pytest

from detector.spinner.profiles import KINDS, draw_profile, profile


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_profile(kind: str) -> None:
    assert profile(kind).kind == kind


def test_unknown_kinds_name_the_known_ones() -> None:
    with pytest.raises(KeyError, match="there are A, B, C, D, E, F, G, thesaurus"):
        profile("Z")


def test_draws_differ_but_follow_the_seed() -> None:
    drawn = [draw_profile(random.Random(seed)) for seed in range(200)]
    assert drawn == [draw_profile(random.Random(seed)) for seed in range(200)]
    assert {p.kind for p in drawn} == set(KINDS)
    assert len({p.salt for p in drawn}) == len(drawn)


def test_rates_and_shares_stay_in_range() -> None:
    shares = {f.name for f in fields(profile("A")) if f.type == "float"} - {"sense", "frequency"}
    for seed in range(300):
        drawn = draw_profile(random.Random(seed))
        assert all(0.0 <= getattr(drawn, name) <= 1.0 for name in shares)
        assert drawn.choices >= 1


def test_kinds_can_be_held_out() -> None:
    drawn = [draw_profile(random.Random(seed), ("A", "F")) for seed in range(50)]
    assert {p.kind for p in drawn} == {"A", "F"}
    assert {table for p in drawn for table in p.tables} <= {"a", "c", "f"}


def test_a_tool_is_of_every_kind_whose_table_it_has() -> None:
    assert profile("A").kinds == ("A",)
    assert profile("F").kinds == ("F", "A", "C")
    assert profile("thesaurus").kinds == ("thesaurus",)
    mixed = [draw_profile(random.Random(seed), ("B", "D")) for seed in range(50)]
    assert {p.kinds for p in mixed} == {("B",), ("D",), ("B", "D"), ("D", "B")}
