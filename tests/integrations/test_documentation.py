"""The engines' examples in docs/integrations.md, run as they stand."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.crawl_files import ROOT, of_pages, of_rows, verdict

pytestmark = pytest.mark.engines


def examples(heading: str) -> list[str]:
    text = (ROOT / "docs/integrations.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def run(folder: Path, pages: Path, *code: str) -> str:
    """Run it in `folder`, with the pages at `pages` and `crawl`; what it printed."""
    for name in ("pages", "crawl"):
        (folder / name).symlink_to(pages, target_is_directory=True)
    (folder / "example.py").write_text("\n".join(code))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(
        [sys.executable, "example.py"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def scores(record: dict[str, Any], prefix: str) -> tuple[Any, Any]:
    return verdict(record, prefix)["spun"], verdict(record, prefix)["stuffed"]


def parquet_scores(folder: Path) -> dict[str, tuple[Any, Any]]:
    from pyarrow import parquet

    return {row["id"]: scores(row, "detector_") for row in parquet.read_table(folder).to_pylist()}


def test_datatrove(tmp_path: Path, parquet_files: Path, expected: dict[str, Any]) -> None:
    pytest.importorskip("datatrove")
    pytest.importorskip("orjson")
    run(tmp_path, parquet_files, *examples("datatrove"))
    found = {}
    for path in [*(tmp_path / "kept").iterdir(), *(tmp_path / "dropped").iterdir()]:
        for record in map(json.loads, gzip.decompress(path.read_bytes()).splitlines()):
            found[record["id"]] = scores(record["metadata"], "detector_")
            assert (path.parent.name == "dropped") == (record["metadata"]["detector_verdict"] == "spam")
    assert found == {id: scores(value, "") for id, value in of_rows(expected).items()}


def test_ray(tmp_path: Path, parquet_files: Path, expected: dict[str, Any]) -> None:
    pytest.importorskip("ray")
    run(tmp_path, parquet_files, examples("Ray Data")[0])
    assert parquet_scores(tmp_path / "scored") == {
        id: scores(value, "") for id, value in of_rows(expected).items()
    }


def test_ray_reads_warc(tmp_path: Path, warc_files: Path, expected: dict[str, Any]) -> None:
    pytest.importorskip("ray")
    pytest.importorskip("fastwarc")
    show = "print(*sorted(row['url'] for row in pages.take_all()), sep='\\n')"
    printed = run(tmp_path, warc_files, "import ray", examples("Ray Data")[1], show)
    assert [line for line in printed.splitlines() if line.startswith("http")] == sorted(of_pages(expected))


def test_spark(tmp_path: Path, parquet_files: Path, expected: dict[str, Any]) -> None:
    pytest.importorskip("pyspark")
    if not shutil.which("java"):
        pytest.skip("Spark needs Java 17, which is not here")
    run(tmp_path, parquet_files, *examples("Spark"))
    assert parquet_scores(tmp_path / "scored") == {
        id: scores(value, "") for id, value in of_rows(expected).items()
    }
