"""What is suggested for labelling: the right documents of each group, each text once, ready to be filled in."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from detector import Detector, Document
from detector.labels import Label
from detector.labels.formats import Line, read_labels
from detector.training.suggest import SHARES, Suggestion, suggest, text_key
from tests.texts import HONEST, SPUN, STUFFED


@pytest.fixture(scope="module", name="detector")
def eager(detector: Detector) -> Detector:
    """Flags a third of everything, so that all groups have members."""
    return Detector(detector.model, detector.lexicon, "fpr=0.5", 0.5)


@pytest.fixture(scope="module")
def corpus() -> list[Document]:
    """Mixtures of honest, spun and stuffed sentences, some too short to be scored, some there twice."""
    rng = random.Random(5)
    sentences = [text.split(". ") for text in (HONEST, SPUN, STUFFED)]
    documents = []
    for i in range(150):
        drawn = [rng.choice(rng.choices(sentences, [4, 1, 1])[0]) for _ in range(rng.randint(2, 14))]
        documents.append(Document(". ".join(drawn), id=str(i)))
    return documents + [Document(d.text, id=f"again-{d.id}") for d in documents[:20]]


def odds_from_threshold(detector: Detector, suggestion: Suggestion) -> float:
    scores = (suggestion.verdict.spun, suggestion.verdict.stuffed)
    return min(abs((s or 0.0) - t) for s, t in zip(scores, detector.thresholds))


def test_a_batch(detector: Detector, corpus: list[Document]) -> None:
    found = suggest(detector, corpus, 20)
    reasons = Counter(s.reason for s in found)
    assert len(found) == 20
    assert set(reasons) == set(SHARES)
    assert reasons["uncertain"] >= 8
    assert len({s.document.text for s in found}) == 20
    assert all(s.verdict.status == "scored" for s in found)
    assert all(s.verdict.flagged for s in found if s.reason == "flagged")
    assert not any(s.verdict.flagged for s in found if s.reason in ("missed", "random"))
    assert {s.reason for s in found[:4]} == set(SHARES), "the groups take turns"


def test_the_unsure_are_nearer_to_a_threshold(detector: Detector, corpus: list[Document]) -> None:
    found = suggest(detector, corpus, 12)
    unsure = max(odds_from_threshold(detector, s) for s in found if s.reason == "uncertain")
    scored = suggest(detector, corpus, 200)
    further = sum(odds_from_threshold(detector, s) >= unsure for s in scored)
    assert further >= len(scored) / 2


def test_the_same_again_and_another_seed(detector: Detector, corpus: list[Document]) -> None:
    first = [s.document.id for s in suggest(detector, corpus, 20)]
    assert [s.document.id for s in suggest(detector, iter(corpus), 20)] == first
    assert [s.document.id for s in suggest(detector, corpus, 20, seed=1)] != first


def test_what_is_labelled_is_left_out(detector: Detector, corpus: list[Document]) -> None:
    first = suggest(detector, corpus, 10)
    labelled = {text_key(s.document.text) for s in first}
    assert labelled == {Label(s.document.text, spun=1).key for s in first}
    again = suggest(detector, corpus, 10, labelled)
    assert not labelled & {text_key(s.document.text) for s in again}


def test_small_and_empty_corpora(detector: Detector) -> None:
    assert suggest(detector, [], 5) == []
    assert suggest(detector, [Document("Too short.")], 5) == []
    one = suggest(detector, [Document(HONEST), Document(HONEST)], 5)
    assert [s.document.text for s in one] == [HONEST]
    with pytest.raises(ValueError, match="at least 1"):
        suggest(detector, [], 0)


def test_any_string_can_be_suggested(detector: Detector) -> None:
    odd = HONEST + "\ud800 \x00 \U0001f600"
    found = suggest(detector, [Document(odd, url="http://[bad")], 1)
    assert json.loads(json.dumps(found[0].to_dict()))["source"] == ""


def test_a_file_of_labels_half_filled_in(detector: Detector, corpus: list[Document], tmp_path: Path) -> None:
    page = [Document(d.text, d.id, f"https://Example.org/{d.id}") for d in corpus]
    records = [s.to_dict() for s in suggest(detector, page, 4)]
    records[1]["spun"], records[2]["stuffed"] = 1, 0
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    items = list(read_labels(str(path)))
    assert [item.number for item in items if isinstance(item, Line)] == [2, 3]
    assert len(items) == 2, "what is not filled in is no failure"
    labels = [item.label for item in items if isinstance(item, Line)]
    assert [(x.spun, x.stuffed) for x in labels] == [(1, None), (None, 0)]
    assert {x.source for x in labels} == {"example.org"}
