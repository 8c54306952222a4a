"""What users meet: the model and lexicon that come with the package."""

import json
import lzma
from pathlib import Path

import pytest

from detector.scoring import Detector, load
from tests.texts import HONEST, SPUN, STUFFED


def test_spun_text_is_found_and_explained(shipped: Detector) -> None:
    verdict = shipped.score(SPUN)
    assert (verdict.verdict, verdict.reasons) == ("spam", ("spun",))
    suggestions = {e.text: e.suggestion for e in verdict.evidence}
    assert any("treatment" in text and suggestion == "therapy" for text, suggestion in suggestions.items())
    assert any("sufficient" in text and suggestion == "enough" for text, suggestion in suggestions.items())
    assert any("mind stem" in text and suggestion == "brain stem" for text, suggestion in suggestions.items())


def test_stuffed_text_is_found_and_explained(shipped: Detector) -> None:
    verdict = shipped.score(STUFFED)
    assert "stuffed" in verdict.reasons
    assert any(e.kind == "stuffing" and "plumber" in e.text for e in verdict.evidence)


def test_honest_text_is_clean(shipped: Detector) -> None:
    assert shipped.score(HONEST).verdict == "clean"


def test_two_loads_agree_to_the_bit(shipped: Detector) -> None:
    assert load().score(SPUN) == shipped.score(SPUN)


def test_the_seeds_are_spun(shipped: Detector, shared_data: Path) -> None:
    seeds = sorted((shared_data / "seeds").glob("*.txt"))
    verdicts = [shipped.score(path.read_text(encoding="utf-8")) for path in seeds]
    assert [verdict.verdict for verdict in verdicts] == ["spam"] * len(seeds)


@pytest.mark.parametrize("name", ["bbc_news", "wikipedia_en", "openstax_textbooks", "medquad"])
def test_edited_prose_is_hardly_ever_flagged(shipped: Detector, shared_data: Path, name: str) -> None:
    with lzma.open(shared_data / "clean_heldout" / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for _, line in zip(range(80), lines, strict=False)]
    flagged = [verdict for verdict in shipped.score_batch(texts, evidence=False) if verdict.flagged]
    assert len(flagged) <= 4
