import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.families.alignment import Version, are_versions, similarity, slots
from detector.families.reduction import shipped_reducer

HEAD = (
    "These simple tips reduce back pain. Ask Dr Marsh in Leeds before you begin, since the advice is general."
)


def version(text: str) -> Version:
    return Version(text, shipped_reducer().words(text))


def test_slots_hold_what_each_version_has() -> None:
    found, places = slots(
        version(HEAD),
        [
            version(HEAD.replace("reduce", "minimize")),
            version(HEAD.replace("reduce", "lessen").replace("begin", "start")),
        ],
    )
    assert [slot.spintax() for slot in found] == ["{reduce|minimize|lessen}", "{begin|start}"]
    assert found[0].variants == (("reduce", 1), ("minimize", 1), ("lessen", 1))
    assert [[place.text for place in own] for own in places] == [
        ["reduce", "begin"], ["minimize", "begin"], ["lessen", "start"],
    ]  # fmt: skip


def test_words_put_in_or_left_out_make_a_slot() -> None:
    found, _ = slots(
        version(HEAD),
        [
            version(HEAD.replace("simple tips", "simple and useful tips")),
            version(HEAD.replace("simple ", "")),
        ],
    )
    assert [set(dict(slot.variants)) for slot in found] == [{"simple", ""}, {"tips", "and useful tips"}]


def test_capitals_and_spaces_make_no_slot() -> None:
    assert slots(version(HEAD), [version(HEAD.upper().replace(" ", "\n"))])[0] == []


def test_a_passage_written_anew_is_no_slot() -> None:
    other = HEAD.replace(
        "Ask Dr Marsh in Leeds before you begin", "Nobody ever measured how many of those who try " * 2
    )
    assert all(
        "Nobody" not in text
        for slot in slots(version(HEAD), [version(other)])[0]
        for text, _ in slot.variants
    )


def test_many_variants_are_cut_short() -> None:
    words = ["swift", "rapid", "quick", "brisk", "speedy", "hasty", "prompt"]
    found, _ = slots(version(HEAD), [version(HEAD.replace("simple", word)) for word in words])
    assert found[0].spintax(3) == "{simple|swift|rapid|+5}"


contents = st.lists(st.integers(0, 30), min_size=1, max_size=60)


@given(contents, contents)
def test_similarity_is_symmetric_and_one_for_the_same(a: list[int], b: list[int]) -> None:
    assert similarity(a, b) == pytest.approx(similarity(b, a))
    assert 0 <= similarity(a, b) <= 1
    assert similarity(a, a) == 1
    assert are_versions(a, a, 1.0)


def test_swaps_all_over_make_versions_and_one_long_change_does_not() -> None:
    text = list(range(300))
    strewn = [-i if i % 3 == 0 else i for i in text]
    assert are_versions(text, strewn, 0.3)
    assert not are_versions(text, text[:200] + [-i for i in range(200, 300)], 0.3)
    assert not are_versions(text, strewn, 0.7)
