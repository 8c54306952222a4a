"""The example of docs/families.md on datatrove's own stages, in processes of its own."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from detector.document import Document
from tests.cli.conftest import ENVIRONMENT, ROOT
from tests.families.conftest import KINDS, SPUN, article

pytestmark = pytest.mark.engines
pytest.importorskip("datatrove", reason="the extra datatrove is not installed")


def test_the_engine_groups_what_the_reduced_text_makes_alike(corpus: list[Document], tmp_path: Path) -> None:
    source = tmp_path / "input"
    source.mkdir()
    for part in (0, 1):
        rows = (json.dumps({"id": d.id, "text": d.text}) + "\n" for d in corpus[part::2])
        (source / f"{part}.jsonl").write_text("".join(rows))
    script = ROOT / "docs" / "examples" / "families_datatrove.py"
    called = subprocess.run(
        [sys.executable, str(script), str(source), str(tmp_path / "out")],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert called.returncode == 0, called.stderr[-2000:]
    groups = defaultdict(set)
    for line in (tmp_path / "out" / "families.jsonl").read_text().splitlines():
        record = json.loads(line)
        groups[record["family"]].add(record["id"])
        assert record["slots"]
    assert len(groups) == SPUN
    for group in groups.values():
        assert len(group) == len(KINDS)
        assert len({article(id) for id in group}) == 1
