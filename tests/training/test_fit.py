"""The whole training run on a small world: deterministic, loadable, and better than chance."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from detector.lexicon.tables import load_lexicon
from detector.model import load_model
from detector.paths import LEXICON
from detector.spinner.tables import Thesaurus
from detector.training.examples import (
    PADDED,
    Example,
    clean_prose,
    laid_out_versions,
    lowered_versions,
    padded_versions,
    real_passages,
    spun_versions,
    stuffed_versions,
)
from detector.training.fit import calibration_weights, rate_thresholds, source_balance, thinned, train
from tests.texts import HONEST, SPUN, STUFFED


def write(path: Path, records: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A data folder of the documented layout with a handful of documents in it."""
    sentences = [s.strip() + "." for s in HONEST.replace("\n", " ").split(".") if s.strip()]
    clean = [
        " ".join(sentences[i % 5 :] + sentences[: i % 5]) + f" That was in {1900 + i}." for i in range(12)
    ]
    for source in ("alpha", "beta"):
        records: list[dict[str, object]] = [
            {"id": f"{source}-{i}", "text": text, "source": source} for i, text in enumerate(clean)
        ]
        write(tmp_path / "data" / "clean_heldout" / f"{source}.jsonl.xz", records)
    labelled = tmp_path / "data" / "labelled"
    write(
        labelled / "human_and_gpt35.jsonl.xz",
        [
            {"id": f"x{i}", "text": clean[i], "method": m}
            for i, m in enumerate(("human_abstract", "gpt35_xsum"))
        ],
    )
    write(labelled / "clean_esl_sentences.jsonl.xz", [{"text": s} for s in sentences])
    write(
        labelled / "keyword_stuffed_listings.jsonl.xz",
        [{"id": f"l{i}", "text": STUFFED, "label": i % 2} for i in range(4)],
    )
    passages = [("spun", SPUN, ["mind stem"]), ("human", HONEST, []), ("stuffed", STUFFED, [])]
    write(
        labelled / "real_passages.jsonl.xz",
        [
            {"text": t, "label": label, "style": label, "evidence": e, "group": label}
            for label, t, e in passages
        ],
    )
    written = tmp_path / "written"
    for folder, header in (
        ("pairs", "kind: A\nniche: shop/books"),
        ("stuffed", "technique: doorway\nniche: trade/plumber\nkeyphrase: plumber\ntitle: Plumber"),
        ("honest", "style: forum\nniche: shop/books"),
    ):
        (written / folder).mkdir(parents=True)
        body = (
            STUFFED
            if folder == "stuffed"
            else HONEST.replace("shop", "[[store|shop]]" if folder == "pairs" else "shop")
        )
        (written / folder / "one.txt").write_text(f"=== {folder}-1\n{header}\n\n{body}\n", encoding="utf-8")
    return tmp_path


def test_the_same_texts_and_seed_give_the_same_model(world: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        train(world / "data", world / "written", world / name, per_source=12, seed=5, log=lambda line: None)
        digests.add(load_model(world / name).digest)
    assert len(digests) == 1


def test_a_clean_text_and_what_was_made_of_it_stay_together(world: Path, lexicon: object) -> None:
    from detector.spinner.tables import Thesaurus

    clean = clean_prose(world / "data" / "clean_heldout", 12, 1)
    spun = spun_versions(clean, Thesaurus(lexicon), 1)  # type: ignore[arg-type]
    stuffed = stuffed_versions(clean, 1)
    assert {e.group for e in spun + stuffed} <= {e.group for e in clean}
    assert {e.block for e in clean + spun + stuffed} == {"alpha", "beta"}


def test_padded_pages_come_in_twins_that_differ_in_the_spun_part_alone(world: Path) -> None:
    words = "the old harbour lay quiet under a grey sky and nobody came".split()
    clean = [
        Example(" ".join(words[i % 12 :] + words[: i % 12]) + f" {i}", "prose", f"clean:{i}", 0, 0)
        for i in range(12)
    ]
    spun = [Example(f"spun version {i}", "spun:prose", f"clean:{i}", 1, 0, spans=((0, 4),)) for i in range(3)]
    made = padded_versions(clean, spun, 1)
    assert [e.spun for e in made] == [1, 0] * 3
    for i in range(3):
        one, twin = made[2 * i : 2 * i + 2]
        assert one.text.replace(spun[i].text, clean[i].text) == twin.text
        assert one.text != spun[i].text
        assert (one.stuffed, one.kind, one.block, one.group) == (None, PADDED, "prose", twin.group)
    assert made == padded_versions(clean, spun, 1)
    assert padded_versions(clean[:5], spun, 1) == [], "too few texts to pad with"


def test_noted_artefacts_become_partial_spans(world: Path) -> None:
    examples = {e.source: e for e in real_passages(world / "data" / "labelled" / "real_passages.jsonl.xz")}
    spun: Example = examples["real:spun"]
    assert spun.partial
    assert spun.spans is not None
    assert [spun.text[a:b] for a, b in spun.spans] == ["mind stem"]
    assert examples["real:human"].spans is None


def test_thresholds_fall_as_more_false_alarms_are_allowed() -> None:
    import numpy as np

    odds = np.random.default_rng(0).normal(size=2000)
    curve = rate_thresholds(odds, np.ones(2000))
    assert (np.diff(curve) <= 0).all()
    assert np.mean(odds > curve[-1]) == pytest.approx(0.5, abs=0.01)


def test_the_spun_head_is_calibrated_on_what_others_wrote() -> None:
    sources = np.array(
        ["spun:blog", "padded:spun:blog", "written:A", "real:spun", "blog", "padded:spun:blog"]
    )
    labels, weights = np.array([1, 1, 1, 1, 0, 0]), np.array([4.0, 1.0, 1.0, 2.0, 3.0, 3.0])
    kept = calibration_weights(sources, labels, weights, "spun")
    assert kept.tolist() == pytest.approx([0, 0, 8 / 3, 16 / 3, 6, 0])
    assert calibration_weights(sources, labels, weights, "stuffed") is weights
    ours = slice(0, 2)
    assert calibration_weights(sources[ours], labels[ours], weights[ours], "spun").tolist() == [4.0, 1.0]


def test_large_sources_are_held_down_and_what_our_own_spinner_made_counts_a_quarter() -> None:
    def weights(source: str, spun: int, count: int) -> float:
        return float(source_balance([Example("text", source, "group", spun, 0, 2.0)] * count)[0])

    assert weights("real:spun", 1, 60) == 2.0
    assert weights("real:spun", 1, 240) == 1.0
    assert weights("spun:blog", 1, 60) == 0.5
    assert weights("padded:spun:blog", 1, 60) == 0.5
    assert weights("padded:blog", 0, 60) == 2.0


def test_the_base_keeps_half_of_the_simulated_texts_for_all() -> None:
    simulated = [Example(f"spun {i}", "spun:blog", f"clean:{i}", 1, 0) for i in range(400)]
    written = [Example(f"real {i}", "real:spun", f"real:{i}", 1, 0) for i in range(40)]
    rows, weights = thinned(simulated + written)
    ours = rows < 400
    assert 150 < ours.sum() < 250
    assert (rows[~ours] == np.arange(400, 440)).all()
    balance = source_balance(simulated + written)
    assert weights[~ours] == pytest.approx(balance[400:])
    assert weights[ours] == pytest.approx(2 * balance[0])


def test_a_spun_version_of_an_original_is_of_its_kind_too() -> None:
    """Or a kind left out would leave the topic of its pairs behind."""
    original = Example(HONEST, "written:original", "pair:a", 0, 0, 1.0, "E")
    spun = spun_versions([original], Thesaurus(load_lexicon(LEXICON)), 1, ("A",), versions=2)
    assert spun
    assert all(set(example.kinds) == {"A", "E"} for example in spun)


def test_laid_out_pages_keep_words_and_label_and_are_held_out_with_their_source() -> None:
    text = "One is here. Two is there. Three is gone. Four came back. Five is new. Six is old. Seven is last."
    made = laid_out_versions([Example(text, "blog", f"clean:{i}", 0, 0) for i in range(40)], 1)
    assert all(text in " ".join(e.text.split("\n\n")) for e in made)
    assert sum(e.text.startswith(("One Is", "One Is Here")) for e in made) in range(8, 32)
    assert {(e.spun, e.stuffed, e.block) for e in made} == {(None, 0, "blog")}
    assert len({e.text.count("\n\n") for e in made}) > 3


def test_pages_in_small_letters_are_held_out_with_their_source() -> None:
    (made,) = lowered_versions([Example("One Is Here.", "stuffed:blog", "clean:1", None, 1)])
    assert (made.text, made.spun, made.stuffed, made.block) == ("one is here.", None, 1, "blog")
