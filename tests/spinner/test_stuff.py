import random
import re

import pytest

from detector.spinner.stuff import MIN_INSERTED, draw_keyphrase, stuff
from tests.texts import HONEST


@pytest.mark.parametrize("seed", range(120))
def test_the_keyphrase_is_pushed_and_the_text_is_kept(seed: int) -> None:
    text, phrase = stuff(HONEST, seed)
    assert len(text.split()) >= len(HONEST.split()) + MIN_INSERTED * len(phrase.split())
    assert any(word in text.lower() for word in phrase.lower().split())
    kept = iter(re.findall(r"\w+", text.lower()))
    assert all(word in kept for word in re.findall(r"\w+", HONEST.lower())), "a word of the original is lost"


def test_same_seed_same_text() -> None:
    assert stuff(HONEST, 4) == stuff(HONEST, 4)
    assert len({stuff(HONEST, seed)[0] for seed in range(20)}) == 20


@pytest.mark.parametrize("text", ["", "Hi.", "\n\n\n", "\ud800 \U0001f600"])
@pytest.mark.parametrize("seed", range(5))
def test_texts_of_no_words_are_stuffed_too(text: str, seed: int) -> None:
    stuffed, phrase = stuff(text, seed)
    assert len(phrase.split()) >= 2
    assert isinstance(stuffed, str)


def test_keyphrases_are_on_topic() -> None:
    text = "Boilers break. Boilers leak. We mend boilers and taps in any house with boilers."
    phrases = [draw_keyphrase(text, random.Random(seed)) for seed in range(40)]
    assert sum("boilers" in phrase for phrase in phrases) > 3
    assert all(len(phrase.split()) >= 2 for phrase in phrases)
