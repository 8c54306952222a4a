import os
import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.spinner.profiles import KINDS, draw_profile, profile
from detector.spinner.spin import Spinner, SpunText, expand_spintax, match_case
from detector.spinner.tables import Thesaurus
from tests.strategies import any_text
from tests.texts import HONEST

PROSE = (
    HONEST
    + "\n\nThe dog's owner's car isn\u2019t John's. It's the company's best-known product, 1,000 sold; {a|b}."
)


def restored(spun: SpunText) -> str:
    """The text with each slot put back."""
    parts, at = [], 0
    for slot in spun.slots:
        parts += [spun.text[at : slot.start], slot.original]
        at = slot.end
    return "".join([*parts, spun.text[at:]])


def check_slots(spun: SpunText) -> None:
    edges = [edge for slot in spun.slots for edge in (slot.start, slot.end)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= len(spun.text) for edge in edges)
    assert all(spun.text[slot.start : slot.end] != slot.original for slot in spun.slots)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_text_outside_the_slots_is_the_original(thesaurus: Thesaurus, kind: str, seed: int) -> None:
    spun = Spinner(replace(profile(kind), reorder=0.0, rate=0.6), thesaurus, seed).spin(PROSE)
    check_slots(spun)
    assert restored(spun) == PROSE


@given(text=any_text, seed=st.integers(0, 10_000))
def test_slots_are_exact_for_any_text_and_tool(thesaurus: Thesaurus, text: str, seed: int) -> None:
    drawn = replace(draw_profile(random.Random(seed)), reorder=0.0, possessives=0.5)
    spun = Spinner(drawn, thesaurus, seed).spin(text + " The dog's owner's friend's idea. " + text)
    check_slots(spun)
    assert restored(spun) == text + " The dog's owner's friend's idea. " + text


@pytest.mark.parametrize("seed", range(6))
def test_reordering_moves_clauses_and_loses_none(thesaurus: Thesaurus, seed: int) -> None:
    text = (
        "We left early, because it rained. He stayed, with his old dog.\n\nShe sings, when the lights go out."
    )
    tool = replace(profile("E"), reorder=0.7, drop=0.0)
    spun = Spinner(tool, thesaurus, seed).spin(text)
    check_slots(spun)
    back = restored(spun)
    assert sorted(re.findall(r"\w+", back.lower())) == sorted(re.findall(r"\w+", text.lower()))
    assert back.count("\n\n") == 1, "paragraphs stay"


@pytest.mark.parametrize("kind", KINDS)
def test_same_tool_and_seed_same_text(thesaurus: Thesaurus, kind: str) -> None:
    first, second = (Spinner(profile(kind), thesaurus, 5).spin(PROSE) for _ in range(2))
    assert first == second
    assert Spinner(profile(kind), thesaurus, 6).spin(PROSE) != first


def test_the_hash_seed_of_the_process_has_no_say() -> None:
    code = (
        "from detector.lexicon.tables import load_lexicon; from detector.paths import LEXICON\n"
        "from detector.spinner.profiles import profile; from detector.spinner.spin import Spinner\n"
        "from detector.spinner.tables import Thesaurus; from tests.texts import HONEST; import zlib\n"
        "spinner = Spinner(profile('thesaurus'), Thesaurus(load_lexicon(LEXICON)), 3)\n"
        "print(zlib.crc32(spinner.spin(HONEST * 3).text.encode()))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=environment | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert runs[0] == runs[1] == runs[2]


def test_a_higher_rate_changes_more(thesaurus: Thesaurus) -> None:
    changed = [
        sum(
            len(Spinner(replace(profile("A"), rate=rate), thesaurus, seed).spin(PROSE).slots)
            for seed in range(5)
        )
        for rate in (0.0, 0.2, 0.9)
    ]
    assert changed[0] < changed[1] < changed[2]


def test_rate_nought_and_no_habits_change_nothing(thesaurus: Thesaurus) -> None:
    idle = replace(profile("thesaurus"), rate=0.0)
    assert Spinner(idle, thesaurus).spin(PROSE) == SpunText(PROSE, ())


def test_kind_g_leaves_templates_and_spintax(thesaurus: Thesaurus) -> None:
    tool = replace(profile("G"), templates=1.0, leftover=1.0)
    texts = [Spinner(tool, thesaurus, seed).spin(PROSE * 4).text for seed in range(6)]
    assert any(re.search(r"\{[^{}]*\|[^{}]*\}", text.replace("{a|b}", "")) for text in texts)
    assert not any("%keyphrase%" in text or "\0" in text for text in texts)


@pytest.mark.parametrize(
    ("replacement", "original", "expected"),
    [
        ("fast", "Quick", "Fast"),
        ("fast", "QUICK", "FAST"),
        ("fast", "quick", "fast"),
        ("one", "A", "One"),
        ("", "The", ""),
    ],
)
def test_capitals_follow_the_original(replacement: str, original: str, expected: str) -> None:
    assert match_case(replacement, original) == expected


def test_spintax_expands_inside_out() -> None:
    options = {expand_spintax("{a|b {c|d}}!", random.Random(seed)) for seed in range(40)}
    assert options == {"a!", "b c!", "b d!"}
    assert expand_spintax("{a|b}", random.Random(1), leftover=1.0) == "{a|b}"
    assert expand_spintax("plain", random.Random(1)) == "plain"
