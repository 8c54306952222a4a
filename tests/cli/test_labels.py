"""`detector labels`: what it says, what it keeps, how it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Detect


@pytest.fixture
def at_home(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DETECTOR_HOME", str(here / "home"))
    return here


def test_labels_are_added_listed_undone_and_exported(detect: Detect, at_home: Path) -> None:
    (at_home / "new.csv").write_text("text,label\nfirst text,spun\nsecond\x1b[2J text,clean\n")
    added = detect("labels", "add", "new.csv", "--annotator", "anna")
    assert (added.status, added.out.split(" to ")[0]) == (0, "2 labels added")
    assert "2 were there already" in detect("labels", "add", "new.csv", "--annotator", "anna").out
    listed = detect("labels", "list").out
    assert "first text" in listed
    assert "anna" in listed
    assert "\x1b[2J" not in listed
    assert detect("labels", "undo", "1", "--annotator", "ben").status == 0
    assert [r["text"] for r in detect("labels", "export").records] == ["second\x1b[2J text"]
    history = detect("labels", "list", "--history", "--format", "jsonl").records
    assert [(r["row"], r.get("undoes")) for r in history] == [(1, None), (2, None), (3, 1)]


def test_an_export_can_be_added_elsewhere(
    detect: Detect, at_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (at_home / "a.jsonl").write_text(
        json.dumps({"text": "a", "spun": 1, "spans": [[0, 1]], "source": "shop"})
    )
    detect("labels", "add", "a.jsonl")
    detect("labels", "export", "-o", "out.jsonl")
    monkeypatch.setenv("DETECTOR_HOME", str(at_home / "other"))
    assert detect("labels", "add", "out.jsonl").status == 0
    assert detect("labels", "export").records == [json.loads((at_home / "out.jsonl").read_text())]


def test_what_can_not_be_used_is_named_and_costs_nothing_else(detect: Detect, at_home: Path) -> None:
    (at_home / "a.jsonl").write_text('{"text": "a", "spun": 1}\n{"text": "b"}\n')
    answer = detect("labels", "add", "a.jsonl", "absent.csv")
    assert answer.status == 2
    assert "detector: a.jsonl:2: there is neither `spun`" in answer.err
    assert "detector: absent.csv: no such file" in answer.err
    assert len(detect("labels", "export").records) == 1
    assert "no row 9" in detect("labels", "undo", "9").err


def test_an_empty_store_says_what_to_do(detect: Detect, at_home: Path) -> None:
    answer = detect("labels", "list")
    assert (answer.status, "detector labels add FILE" in answer.out) == (0, True)
    assert not (at_home / "home").exists()
