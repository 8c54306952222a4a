import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.measuring import Measure


def groups(measure: Measure, text: str) -> list[str]:
    measured = measure(text)
    places = zip(measured.scratch.spintax_starts, measured.scratch.spintax_ends, strict=True)
    return [text[start:end] for start, end in list(places)[: measured.groups]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {fast|quick|rapid} car", ["{fast|quick|rapid}"]),
        ("{Hello|Hi}, {you|all}!", ["{Hello|Hi}", "{you|all}"]),
        ("caf\u00e9 \U0001f600 {au lait|na\u00efve}", ["{au lait|na\u00efve}"]),
        ("nested {a|{b|c} d}", ["{b|c}"]),
        ("with a slash {and/or}", ["{and/or}"]),
        ("no group {name} here", []),
        ("template {{user|title}} code", []),
        ("jinja {% if a|length %} x", []),
        ("shell ${a|b}", []),
        ('json {"a|b": 1}', []),
        ("css {color: red; a|b}", []),
        ("set {x | x > 0}", []),
        ("over\n{lines|\nbroken}", []),
        ("open {fast|quick", []),
        ("too long {" + "word " * 100 + "|a}", []),
        ("", []),
    ],
)
def test_groups(measure: Measure, text: str, expected: list[str]) -> None:
    assert groups(measure, text) == expected


def test_more_groups_than_places_are_counted(measure: Measure) -> None:
    assert measure("{a|b} " * 500).groups == 500


@given(st.lists(st.sampled_from('{}|/$% \n"a\u00e9\U0001f600\ud800='), max_size=40).map("".join))
def test_every_group_is_a_braced_span(measure: Measure, text: str) -> None:
    for group in groups(measure, text):
        assert group[0] == "{"
        assert group[-1] == "}"
        assert "|" in group or "/" in group
