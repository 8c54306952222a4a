import pytest

from detector.language import HOPELESS_UNKNOWN_WORDS, is_english
from tests.texts import GERMAN, HONEST


@pytest.mark.parametrize(
    ("text", "function_words", "unknown_words", "english"),
    [
        (HONEST, 0.45, 0.02, True),  # settled by the shares
        (HONEST, 0.1, 0.5, True),  # settled by the language identifier
        (GERMAN, 0.1, 0.5, False),
        (GERMAN, 0.02, HOPELESS_UNKNOWN_WORDS, False),
        ("cheap plumber leeds, " * 20, 0.15, 0.3, True),  # keyword lists are in no language
    ],
)
def test_gate(text: str, function_words: float, unknown_words: float, english: bool) -> None:
    assert is_english(text, function_words, unknown_words) is english


@pytest.mark.parametrize("text", ["", "\ud800 \udfff", "\0", "12 345 678", "\u4e2d\u6587"])
def test_odd_strings_get_an_answer(text: str) -> None:
    assert is_english(text, 0.0, 0.5) in (True, False)
