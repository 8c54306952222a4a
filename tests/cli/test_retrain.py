"""From labels to a model in use and back, with the shipped model, as a user does it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detector.paths import SHIPPED
from detector.training.base import base_of
from tests.cli.conftest import Answer
from tests.texts import HONEST, SPUN


@pytest.fixture
def detect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    from typer.testing import CliRunner

    from detector.cli import app

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DETECTOR_HOME", str(tmp_path / "home"))

    def call(*arguments: str) -> Answer:
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        return Answer(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.mark.skipif(
    not base_of(SHIPPED).exists(), reason="no base beside the shipped model: `detector train --data` makes it"
)
def test_labels_become_a_model_that_can_be_promoted_and_rolled_back(detect: object, tmp_path: Path) -> None:
    assert callable(detect)
    records = [
        {
            "text": f"{(SPUN, HONEST)[i % 2]} This was page {i}.",
            "spun": 1 - i % 2,
            "annotator": "ab"[i // 2 % 2],
        }
        for i in range(16)
    ]
    (tmp_path / "new.jsonl").write_text("\n".join(map(json.dumps, records)))
    trained = detect("train", "--labels", "new.jsonl")
    assert trained.status == 0, trained.err
    assert "It is not in use yet" in trained.out
    assert "16 labels added" in trained.err
    assert "* shipped" in detect("model", "list").out

    compared = detect("evaluate")
    assert compared.status == 0
    assert "all spam" in compared.out
    record = json.loads(detect("evaluate", "--format", "json").out)
    assert record["frozen"][0]["name"] == "all spam"
    assert record["objections"] == []

    assert detect("model", "promote", "latest", "--by", "anna").status == 0
    (tmp_path / "a.txt").write_text(SPUN)
    (scored,) = detect("score", "a.txt").records
    assert "+1#" in scored["model"]
    assert "trees of the spun head" in detect("model", "diff", "shipped", "current").out
    assert "shipped is in use again" in detect("model", "rollback").out
    (scored,) = detect("score", "a.txt").records
    assert "+1#" not in scored["model"]


def test_what_can_not_be_done_says_why(detect: object, tmp_path: Path) -> None:
    assert callable(detect)
    for arguments, reason in (
        (("train",), "there are no labels"),
        (("train", "--output", "x"), "--output goes with --data"),
        (("train", "--data", ".", "--labels", "x"), "exclude each other"),
        (("evaluate",), "are the same model"),
        (("evaluate", "7", "shipped"), "no model '7'"),
        (("model", "promote", "latest", "--force"), "--force and --reason go together"),
        (("model", "promote", "latest"), "in use already"),
        (("model", "rollback"), "nothing to roll back"),
    ):
        answer = detect(*arguments)
        assert (answer.status, reason in answer.err) == (2, True), (arguments, answer)
