"""Reading one side: verdict files, texts, what is broken, and that neither loses the rest."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import Detector
from detector.drift import sample
from detector.features import NAMES
from tests.texts import HONEST, STUFFED


def verdict(**changes: Any) -> dict[str, Any]:
    return {
        "schema": 1, "id": "a", "url": None, "status": "scored", "spun": 0.2, "stuffed": 0.1, "verdict": "clean",
        "reasons": [], "words": 90, "model": "test@1#0", "evidence": [],
    } | changes  # fmt: skip


def write(path: Path, records: list[Any]) -> str:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records))
    return str(path)


def no_detector() -> Detector:
    raise AssertionError("there is nothing to score")


def test_verdicts_are_counted_without_a_detector(tmp_path: Path) -> None:
    place = {"text": "Mind  stem", "suggestion": "brain stem"}
    flagged = verdict(spun=0.9, verdict="spam", evidence=[place, place])
    short = verdict(status="too_short", spun=None, stuffed=None, verdict=None)
    found = sample([write(tmp_path / "v.jsonl", [verdict(), flagged, short])], no_detector)
    assert found.statuses == {"scored": 2, "too_short": 1}
    assert found.labels == {"clean": 1, "spam": 1}
    assert found.spun.tolist() == pytest.approx([0.2, 0.9])
    assert found.phrases == {"mind stem -> brain stem": 1}
    assert found.models == {"test@1#0"}
    assert found.rows.shape == (0, len(NAMES))


@pytest.mark.parametrize(
    "broken",
    [
        "{",
        "[1]",
        '{"id": "x"}',
        json.dumps(verdict(spun="high")),
        json.dumps(verdict(evidence=[{"text": 1}])),
    ],
)
def test_a_broken_line_is_named_and_the_rest_is_read(tmp_path: Path, broken: str) -> None:
    found = sample([write(tmp_path / "v.jsonl", [verdict(), broken, verdict()])], no_detector)
    assert found.statuses == {"scored": 2, "failed": 1}
    assert len(found.spun) == len(found.stuffed) == 2
    assert len(found.reasons) == 1


@pytest.mark.parametrize("damage", [lambda data: data[:-2000], lambda data: data[:-9000] + b"\xff" * 9000])
def test_a_damaged_archive_keeps_what_came_before(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "v.jsonl.gz"
    lines = "".join(json.dumps(verdict(id=str(np.sqrt(i)))) + "\n" for i in range(5000))
    path.write_bytes(damage(gzip.compress(lines.encode())))
    found = sample([str(path)], no_detector)
    assert found.statuses["scored"] > 100
    assert "reading stopped here" in found.reasons[0]


def test_texts_are_scored_and_measured(tmp_path: Path, detector: Detector) -> None:
    texts = write(tmp_path / "t.jsonl", [{"text": HONEST}, {"text": STUFFED}, {"text": "Too short."}])
    found = sample([texts, str(tmp_path / "gone.txt")], lambda: detector)
    assert found.statuses == {"scored": 2, "too_short": 1, "failed": 1}
    assert found.rows.shape == (2, len(NAMES))
    expected = [detector.score(text, evidence=False).spun for text in (HONEST, STUFFED)]
    assert found.spun.tolist() == pytest.approx(expected, abs=1e-5)
    assert "gone.txt" in found.reasons[0]


def test_verdicts_with_their_texts_are_measured_and_not_scored_again(
    tmp_path: Path, detector: Detector
) -> None:
    path = write(tmp_path / "v.jsonl", [verdict(text=HONEST, spun=0.75), verdict()])
    found = sample([path], lambda: detector)
    assert found.spun.tolist() == pytest.approx([0.75, 0.2])
    assert found.rows.shape == (1, len(NAMES))
