"""The client examples, run as they are against a real server that wants a token."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.server import Settings
from tests.server.live import ROOT, Live, serve_here
from tests.texts import GERMAN, HONEST, STUFFED

EXAMPLES = ROOT / "examples" / "service"
TOKEN = "a-token-for-the-examples"


@pytest.fixture(scope="module")
def locked(bundle: Path) -> Iterator[Live]:
    with serve_here(Settings(model=bundle, port=0, jobs=2, tokens=(TOKEN,))) as server:
        yield server


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    records = [
        {"id": f"p{i}", "text": text} for i, text in enumerate([HONEST, STUFFED, GERMAN, "short"] * 40)
    ]
    path = tmp_path / "pages.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def call(locked: Live, token: str, *command: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    environment = os.environ | {"DETECTOR_URL": locked.url, "DETECTOR_TOKEN": token}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(("program", "file"), [(sys.executable, "client.py"), ("node", "client.mjs")])
def test_a_file_of_json_lines(locked: Live, pages: Path, program: str, file: str) -> None:
    found = call(locked, TOKEN, program, str(EXAMPLES / file), str(pages))
    assert found.returncode == 0, found.stderr
    lines = [line.split() for line in found.stdout.splitlines()]
    assert [line[0] for line in lines] == [f"p{i}" for i in range(160)]
    assert lines[:2] == [["p0", "scored", "clean"], ["p1", "scored", "spam", "stuffed"]]
    assert [line[1] for line in lines[2:4]] == ["not_english", "too_short"]
    refused = call(locked, "another-token-than-that", program, str(EXAMPLES / file), str(pages))
    assert refused.returncode != 0
    assert "token" in refused.stderr


def test_curl(locked: Live, pages: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(STUFFED)
    (tmp_path / "b.html").write_bytes(f'<meta charset="latin1"><p>{STUFFED} caf\xe9'.encode("latin-1"))
    script = str(EXAMPLES / "client.sh")
    found = call(locked, TOKEN, "sh", script, str(tmp_path / "a.txt"), str(tmp_path / "b.html"), str(pages))
    assert found.returncode == 0, found.stderr
    records = [json.loads(line) for line in found.stdout.splitlines()]
    assert [record["id"] for record in records[:3]] == ["first", "second", "p0"]
    assert [record["verdict"] for record in records[:4]] == ["spam", "spam", "clean", "spam"]
    assert len(records) == 162
    refused = call(locked, "another-token-than-that", "sh", script, str(tmp_path / "a.txt"))
    assert refused.returncode != 0
    assert "unauthorized" in refused.stdout
