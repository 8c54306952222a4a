"""`labels check`: each problem is found where it is, and what is right is left alone."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest

from detector.labels import Label
from detector.training.continued import Start
from detector.training.label_check import Placed, Report, check
from tests.texts import GERMAN, HONEST, SPUN, STUFFED
from tests.training.conftest import base_examples


def placed(*labels: Label) -> list[Placed]:
    return [Placed(f"a.jsonl:{i}", label) for i, label in enumerate(labels, 1)]


def problems(report: Report) -> list[tuple[str, str]]:
    return [(finding.place.removeprefix("a.jsonl:"), finding.problem) for finding in report.findings]


def test_what_is_wrong_is_found_with_its_line(start: Start) -> None:
    frozen = next(e.text for e, held in zip(base_examples(), start.base.holdout) if held)
    report = check(
        placed(
            Label(SPUN, 1, annotator="anna"),
            Label(SPUN, 1, annotator="anna"),
            Label(SPUN, 1, annotator="ben"),
            Label(SPUN, 0, annotator="carl"),
            Label(STUFFED, 0, 1, pair="p"),
            Label(HONEST, 0),
            Label(HONEST + " And so on.", 0),
            Label(GERMAN, 0),
            Label("too short", 0),
            Label(frozen, 0),
        ),
        start,
    )
    assert set(problems(report)) >= {
        ("2", "duplicate"), ("4", "conflict"), ("7", "near-duplicate"), ("8", "not_english"), ("9", "too_short"),
        ("10", "frozen"),
    }  # fmt: skip
    assert not {place for place, _ in problems(report)} & {"1", "3", "6"}
    assert "a.jsonl:1" in report.findings[0].message
    assert report.summary["labels"] == 10
    assert report.summary["annotators"]["anna"] == 2
    assert report.summary["not English"] >= 1


def labels_with_mistakes(seed: int = 0) -> tuple[list[Label], set[int]]:
    """Spun and honest pages, each different; a fifth of the labels turned round."""
    generator = np.random.default_rng(seed)
    labels, turned = [], set()
    for i in range(60):
        spun = i % 2
        sentences = (SPUN if spun else HONEST).replace("\n", " ").split(". ")
        text = ". ".join(generator.permutation(sentences)) + f". Number {i}."
        if generator.random() < 0.2:
            turned.add(i + 1)
        labels.append(Label(text, 1 - spun if i + 1 in turned else spun))
    return labels, turned


def test_most_mistakes_are_named_and_little_else(start: Start) -> None:
    labels, turned = labels_with_mistakes()
    report = check(placed(*labels), start)
    named = {int(place) for place, problem in problems(report) if problem == "mistake"}
    assert len(named & turned) > len(turned) / 2
    assert len(named - turned) < len(labels) / 10


def test_without_cleanlab_the_rest_is_still_looked_for(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("cleanlab"):
            raise ModuleNotFoundError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    report = check(placed(Label(SPUN, 1), Label(SPUN, 1)), start)
    assert problems(report) == [("2", "duplicate")]
    assert 'pip install "spun-text-detector[labels]"' in " ".join(report.notes)


def test_few_and_one_sided_labels_are_noted(start: Start) -> None:
    report = check(placed(*(Label(f"{SPUN} {i}.", 1) for i in range(12))), start)
    assert any("that takes 5 labels of each answer" in note for note in report.notes)
    assert any("only 0% of the labels say not spun" in note for note in report.notes)
    assert check([], start).findings == []
