"""What users meet: the model and lexicon that come with the package."""

import json
import lzma
import subprocess
import sys
from pathlib import Path

import pytest

from detector.document import Document, ZoneKind
from detector.scoring import Detector, load
from tests.texts import HONEST, SPUN, STUFFED


def test_spun_text_is_found_and_explained(shipped: Detector) -> None:
    verdict = shipped.score(SPUN)
    assert (verdict.verdict, verdict.reasons) == ("spam", ("spun",))
    suggestions = {e.text: e.suggestion for e in verdict.evidence}
    assert any(
        text == "Physical treatment" and suggestion == "physical therapy"
        for text, suggestion in suggestions.items()
    )
    assert any(
        "sufficient" in text and suggestion and suggestion.endswith("enough")
        for text, suggestion in suggestions.items()
    )
    assert any("mind stem" in text and suggestion == "brain stem" for text, suggestion in suggestions.items())


def test_places_name_what_else_may_have_stood_there(shipped: Detector) -> None:
    offered = [(e.suggestion, *e.alternatives) for e in shipped.score(SPUN).evidence]
    assert any(len(texts) == 3 for texts in offered)
    assert all(len(set(texts)) == len(texts) <= 3 for texts in offered)
    assert all(texts[0] is not None or len(texts) == 1 for texts in offered)


def test_stuffed_text_is_found_and_explained(shipped: Detector) -> None:
    verdict = shipped.score(STUFFED)
    assert "stuffed" in verdict.reasons
    assert any(e.kind == "stuffing" and "plumber" in e.text for e in verdict.evidence)


def test_honest_text_is_clean(shipped: Detector) -> None:
    assert shipped.score(HONEST).verdict == "clean"


@pytest.mark.parametrize("title", ["Replacing a dripping kitchen tap", "Harrow 45 Litre Walking Backpack"])
def test_a_page_may_name_its_topic_in_title_heading_description_and_images(
    shipped: Detector, title: str
) -> None:
    def page(body: str) -> Document:
        parts = [(ZoneKind.TITLE, title), (ZoneKind.HEADING, title), (ZoneKind.BODY, body)]
        labels = [(ZoneKind.META, f"{title}: what it cost us"), (ZoneKind.ALT, title), (ZoneKind.ALT, title)]
        return Document.from_parts(parts + labels)

    assert shipped.score(page(HONEST)).stuffed < 0.1
    assert shipped.score(page(STUFFED)).stuffed > 0.9


def test_two_loads_agree_to_the_bit(shipped: Detector) -> None:
    assert load().score(SPUN) == shipped.score(SPUN)


SEEDS = {
    "000_520a1b44da103064.txt": ("counter-top intuitive", "many periods", "mind stem"),
    "004_0e0e9e80b8a60de8.txt": (
        "Chronic Back Pain Gabapentin",
        "muscular tissues",
        "meaning long",
        "strong sufficient",
    ),
}


@pytest.mark.parametrize("policy", ["balanced", "precise"])
@pytest.mark.parametrize("name", SEEDS)
def test_the_seeds_are_flagged_with_their_artefacts(shared_data: Path, name: str, policy: str) -> None:
    verdict = load(policy=policy).score((shared_data / "seeds" / name).read_text(encoding="utf-8"))
    assert verdict.verdict == "spam"
    for artefact in SEEDS[name]:
        assert any(artefact in e.text for e in verdict.evidence), artefact


def test_the_second_seed_is_stuffed_and_corrected(shipped: Detector, shared_data: Path) -> None:
    path = shared_data / "seeds" / "004_0e0e9e80b8a60de8.txt"
    evidence = shipped.score(path.read_text(encoding="utf-8")).evidence
    assert any(e.kind == "stuffing" and e.text == "Chronic Back Pain Gabapentin" for e in evidence)
    assert any(e.text == "strong sufficient" and e.suggestion == "strong enough" for e in evidence)


def test_importing_the_detector_imports_no_training_stack() -> None:
    code = "import sys; from detector import load; load(); print({'sklearn', 'pandas', 'torch', 'fastapi'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ["bbc_news", "wikipedia_en", "openstax_textbooks", "medquad"])
def test_edited_prose_is_hardly_ever_flagged(shipped: Detector, shared_data: Path, name: str) -> None:
    with lzma.open(shared_data / "clean_heldout" / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for _, line in zip(range(80), lines, strict=False)]
    flagged = [verdict for verdict in shipped.score_batch(texts, evidence=False) if verdict.flagged]
    assert len(flagged) <= 4
