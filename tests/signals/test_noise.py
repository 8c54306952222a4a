import re

import pytest

from detector.lexicon.tables import BREAK, NUMBER
from tests.measuring import Measure
from tests.texts import HONEST, SPUN

TEXT = SPUN.split("\n\n")[0].replace("\n", " ")


def put(sign: str, every: int = 4) -> str:
    """The sign into each fourth gap between two words."""
    parts = re.split(r"(?<=\w) (?=\w)", TEXT)
    return "".join(part + (sign if i % every == 0 else " ") for i, part in enumerate(parts))


@pytest.mark.parametrize("sign", [" 4721 ", "; ", ": "])
def test_many_signs_between_words_that_belong_together_are_dropped(measure: Measure, sign: str) -> None:
    plain, noisy = measure(TEXT), measure(put(sign))
    left = (noisy.column("ids") == (NUMBER if "4" in sign else BREAK)).sum()
    assert left <= (plain.column("ids") == BREAK).sum() + 2
    dropped = set(noisy.words()) ^ set(plain.words())
    assert dropped <= {"4721"}


@pytest.mark.parametrize(
    "text",
    [
        put(" 4721 ", 12),  # few
        "It took 3 men 14 days and 35 hours to lay 90 yards of pipe for 12 houses in 6 streets, at 40 pounds a yard, "
        "with 2 pumps of 5 litres and 8 miles of cable, and 11 of 20 trees were kept for 7 more years.",
        HONEST,
    ],
)
def test_numbers_in_their_place_stay(measure: Measure, text: str) -> None:
    measured = measure(text)
    written = re.findall(r"\d+", text)
    assert [word for word in measured.words() if word.isdigit()] == written
