"""Spark with two worker threads on this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integrations.crawl_files import ROOT, of_pages, of_rows, read_warc, verdict

pyspark = pytest.importorskip("pyspark")
if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(not shutil.which("java"), reason="Spark needs Java 17, which is not here"),
]


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        builder = SparkSession.builder.master("local[2,4]").config("spark.ui.enabled", "false")
        session = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", "4").getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


def verdicts(frame: DataFrame, key: str) -> dict[str, dict[str, Any]]:
    rows = [row.asDict() for row in frame.collect()]
    found = {row[key]: verdict(row, "detector_") for row in rows}
    assert len(found) == len(rows)
    return found


def test_parquet_gets_the_command_line_s_verdicts(
    spark: SparkSession, parquet_files: Path, expected: dict[str, Any]
) -> None:
    from detector.integrations.spark import add_scores

    frame = spark.read.parquet(str(parquet_files))
    scored = add_scores(frame)
    assert verdicts(scored, "id") == of_rows(expected)
    assert scored.schema.fields[: len(frame.schema.fields)] == frame.schema.fields
    assert scored.select(frame.columns).orderBy("id").collect() == frame.orderBy("id").collect()


def test_warc_gets_the_command_line_s_verdicts(
    spark: SparkSession, warc_files: Path, expected: dict[str, Any]
) -> None:
    from detector.integrations.spark import add_scores

    pytest.importorskip("fastwarc")
    files = spark.sparkContext.binaryFiles(str(warc_files))
    pages = files.flatMap(lambda file: [(page["url"], page["text"]) for page in read_warc(file[1])])
    frame = spark.createDataFrame(pages, "url string, text binary")
    assert verdicts(add_scores(frame), "url") == of_pages(expected)


def test_drop_leaves_out_what_is_flagged(
    spark: SparkSession, parquet_files: Path, expected: dict[str, Any]
) -> None:
    from detector.integrations.spark import add_scores

    kept = verdicts(add_scores(spark.read.parquet(str(parquet_files)), drop=True), "id")
    assert kept == {id: value for id, value in of_rows(expected).items() if value["verdict"] != "spam"}


def python_workers() -> set[int]:
    """Processes that Spark's Python daemon has forked."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    found = [re.split(r"\s+", line.strip(), maxsplit=2) for line in listed.splitlines()[1:]]
    daemons = {pid for pid, _, command in found if "pyspark.daemon" in command}
    return {int(pid) for pid, parent, _ in found if parent in daemons}


def test_killed_workers_change_nothing(
    spark: SparkSession, parquet_files: Path, expected: dict[str, Any]
) -> None:
    from detector.integrations.spark import add_scores

    frame = spark.read.parquet(str(parquet_files))
    long = frame.crossJoin(spark.range(40).toDF("copy")).repartition(16)
    killed: set[int] = set()
    tracker = spark.sparkContext.statusTracker()

    def completed() -> int:
        stages = [tracker.getStageInfo(id) for id in tracker.getActiveStageIds()]
        return max((info.numCompletedTasks for info in stages if info and info.numTasks == 16), default=0)

    def kill() -> None:
        while not killed and not finished.is_set():
            if completed() >= 2:
                for pid in python_workers():
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
            time.sleep(0.01)

    finished = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    scored = add_scores(long).drop("text").collect()
    finished.set()
    killer.join()
    assert killed
    assert len(scored) == 40 * len(of_rows(expected))
    assert all(verdict(row.asDict(), "detector_") == expected[row["id"]] for row in scored)


def test_what_can_not_be_used_is_said_at_once(spark: SparkSession, parquet_files: Path) -> None:
    from detector.integrations.spark import add_scores

    frame = spark.read.parquet(str(parquet_files))
    with pytest.raises(ValueError, match="no column 'body' to score; there are 'id', 'text', 'year', 'tags'"):
        add_scores(frame, "body")
    with pytest.raises(ValueError, match=r"detector_status, detector_spun.* already"):
        add_scores(add_scores(frame))
    with pytest.raises(ValueError, match="no policy 'lenient'"):
        add_scores(frame, policy="lenient")
