import pytest

from detector.document import Document, ZoneKind
from tests.conftest import Features
from tests.texts import HONEST, SPUN, STUFFED


def test_a_stuffed_page_stands_out(features_of: Features) -> None:
    stuffed, honest = features_of(STUFFED), features_of(HONEST)
    for name in (
        "stuffing_top_2gram", "stuffing_top_3gram", "stuffing_cover_3gram", "stuffing_times_3gram",
        "stuffing_simpson_2gram", "stuffing_comma_list", "stuffing_commercial_share",
    ):  # fmt: skip
        assert stuffed[name] > honest[name], name


def test_shares_of_the_top_phrase_are_exact(features_of: Features) -> None:
    text = "Cheap plumber calls. She met a cheap plumber. The cheap plumber left. Nobody else came."
    found = features_of(text)
    assert found["stuffing_top_2gram"] == pytest.approx(2 * 3 / 15)
    assert found["stuffing_cover_2gram"] == pytest.approx(6 / 15)
    assert found["stuffing_top_3gram"] == 0.0
    assert found["stuffing_2gram_commercial"] == 1.0


def test_twice_is_no_repetition(features_of: Features) -> None:
    assert features_of("A cheap plumber met a cheap plumber in the street.")["stuffing_top_2gram"] == 0.0


def test_function_words_are_no_keyphrases(features_of: Features) -> None:
    found = features_of(
        "It is one of the best of the lot. One of the men, one of the women, one of the boys."
    )
    assert found["stuffing_top_3gram"] == 0.0


def test_capitals_headings_and_paragraph_ends(features_of: Features) -> None:
    body = "We know Cheap Plumber\n\nCall a Cheap Plumber\n\nThat is your Cheap Plumber"
    found = features_of(body)
    assert found["stuffing_2gram_capitalised_inside"] == 1.0
    assert found["stuffing_2gram_paragraph_end"] == 1.0
    assert found["stuffing_2gram_paragraphs_with"] == 1.0
    assert found["stuffing_2gram_in_heading"] == 0.0


@pytest.mark.parametrize(("first", "counted"), [("Our Town", 1.0), ("Cheap Plumber", 0.0)])
def test_headings_after_the_first_repeat_a_phrase(features_of: Features, first: str, counted: float) -> None:
    body = "We know a cheap plumber\n\nCall a cheap plumber\n\nThat is your cheap plumber"
    later = "Cheap Plumber" if counted else "Prices"
    page = [
        (ZoneKind.HEADING, first),
        (ZoneKind.BODY, body),
        (ZoneKind.HEADING, later),
        (ZoneKind.BODY, "Yes."),
    ]
    assert features_of(Document.from_parts(page))["stuffing_2gram_in_heading"] == counted


def test_lists(features_of: Features) -> None:
    places = "We cover Leeds, York, Hull, Otley, Selby, Morley, Ilkley, Pudsey, Batley."
    assert features_of(places)["stuffing_comma_list"] > 0.6
    assert (
        features_of("We sell bread, butter, and cheese to those who ask for it.")["stuffing_comma_list"]
        == 0.0
    )
    assert features_of("plumber leeds boiler repair\nBoiler leeds tap cheap")["stuffing_keyword_lines"] == 1.0
    assert features_of("Read more news here\n\n" * 4)["stuffing_repeated_lines"] == pytest.approx(0.75)


@pytest.mark.parametrize("times", [2, 5])
def test_repetition_of_whole_texts_does_not_depend_on_length(features_of: Features, times: int) -> None:
    """Simpson's index compares pairs of places, so a longer text of the same kind gives about the same."""
    one, more = features_of(HONEST + SPUN), features_of(" ".join([HONEST + SPUN] * times))
    assert more["stuffing_simpson_1gram"] < 1.0
    assert one["stuffing_simpson_1gram"] < features_of(STUFFED)["stuffing_simpson_1gram"]


def test_hidden_prose_thins_out_no_stuffing_and_hidden_keywords_count(features_of: Features) -> None:
    seen = features_of(STUFFED)
    padded = Document.from_parts([(ZoneKind.BODY, STUFFED), (ZoneKind.HIDDEN, f"{HONEST}\n\n{SPUN}")])
    spam = Document.from_parts([(ZoneKind.BODY, HONEST), (ZoneKind.HIDDEN, STUFFED)])
    names = [name for name in seen if name.startswith("stuffing_cover") or name.startswith("stuffing_top")]
    assert names
    assert [features_of(padded)[name] for name in names] == pytest.approx([seen[name] for name in names])
    assert features_of(spam)["stuffing_cover_2gram"] > features_of(HONEST)["stuffing_cover_2gram"]
