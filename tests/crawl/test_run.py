import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detector.crawl import CrawlError, Plan, Standing, run
from detector.crawl.records import score_records
from detector.readers import read
from detector.scoring import Detector
from tests.readers.warcs import PROSE

ROOT = Path(__file__).parents[2]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def rows(folder: Path) -> list[dict[str, Any]]:
    parts = sorted(folder.glob("part-*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_text().splitlines()]


def test_the_parts_together_are_what_scoring_one_by_one_gives(plan: Plan, loaded: Detector) -> None:
    standing = run(plan, loaded)
    expected = [s.verdict.to_dict() for s in score_records(loaded, read(plan.inputs), False)]
    assert rows(plan.folder) == json.loads(json.dumps(expected))
    assert [len(path.read_text().splitlines()) for path in sorted(plan.folder.glob("part-*"))] == [
        16,
        16,
        16,
        12,
    ]
    assert (standing.counts.total(), standing.counts["failed"]) == (60, 2)
    assert not list(plan.folder.glob(".*"))


def test_jobs_change_nothing(plan: Plan, loaded: Detector, tmp_path: Path) -> None:
    run(plan, loaded)
    run(replace(plan, folder=tmp_path / "two"), loaded, jobs=2)
    assert content(plan.folder) == content(tmp_path / "two")


def test_a_run_goes_on_from_any_finished_part(plan: Plan, loaded: Detector, tmp_path: Path) -> None:
    run(plan, loaded)
    whole = content(plan.folder)
    lines = whole["_parts.jsonl"].splitlines(keepends=True)
    for kept in range(len(lines)):
        for name in whole:
            if name.startswith("part-") and int(name[5:10]) > kept:
                (
                    plan.folder / name
                ).unlink()  # the part after the last line may be there: the kill came between
        (plan.folder / ".part-00001.jsonl.tmp").write_text("half a part")
        (plan.folder / "_parts.jsonl").write_bytes(
            b"".join(lines[:kept]) + lines[kept][: len(lines[kept]) // 2]
        )
        standing = run(plan, loaded)
        (plan.folder / ".part-00001.jsonl.tmp").unlink(missing_ok=True)
        assert content(plan.folder) == whole
        assert standing.counts.total() == 60
        assert standing.resumed == min(16 * kept, 60)


def test_a_finished_run_is_not_done_again(plan: Plan, loaded: Detector) -> None:
    run(plan, loaded)
    before = {path: path.stat().st_mtime_ns for path in plan.folder.glob("part-*")}
    assert run(plan, loaded).resumed == 60
    assert {path: path.stat().st_mtime_ns for path in plan.folder.glob("part-*")} == before


def test_inputs_follow_each_other_and_small_ones_share_a_part(
    plan: Plan, loaded: Detector, tmp_path: Path
) -> None:
    for i in range(40):
        (tmp_path / "texts").mkdir(exist_ok=True)
        (tmp_path / "texts" / f"{i:02}.txt").write_text(PROSE)
    both = replace(plan, inputs=[str(tmp_path / "texts"), *plan.inputs])
    run(both, loaded)
    ids = [row["id"] for row in rows(plan.folder)]
    assert len(ids) == len(set(ids)) == 100
    assert [Path(id).name for id in ids[:40]] == [f"{i:02}.txt" for i in range(40)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"part_size": 17}, "part_size was 16, now is 17"),
        ({"evidence": True}, "explain was False, now is True"),
        ({"extraction": "precise"}, "extraction was fast, now is precise"),
    ],
)
def test_another_setting_is_refused(plan: Plan, loaded: Detector, change: dict[str, Any], words: str) -> None:
    run(plan, loaded)
    whole = content(plan.folder)
    with pytest.raises(CrawlError, match=words):
        run(replace(plan, **change), loaded)
    assert content(plan.folder) == whole


def test_a_changed_input_model_or_part_is_refused(
    plan: Plan, loaded: Detector, detector: Detector, tmp_path: Path
) -> None:
    run(plan, loaded)
    with pytest.raises(CrawlError, match="model was"):
        run(plan, Detector(detector.model, loaded.lexicon, "balanced", 0.01))
    (tmp_path / "more.txt").write_text("more")
    with pytest.raises(CrawlError, match="there were 1 inputs, now there are 2"):
        run(replace(plan, inputs=[*plan.inputs, str(tmp_path / "more.txt")]), loaded)
    os.utime(plan.inputs[0], (1, 1))
    with pytest.raises(CrawlError, match=r"a\.warc\.gz has changed"):
        run(plan, loaded)


def test_a_part_that_is_gone_is_missed(plan: Plan, loaded: Detector) -> None:
    run(plan, loaded)
    (plan.folder / "part-00001.jsonl").unlink()
    with pytest.raises(CrawlError, match=r"part-00001\.jsonl is missing"):
        run(plan, loaded)


def test_what_can_not_be_begun_is_refused_before_any_work(
    plan: Plan, loaded: Detector, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for changed, words in (
        (replace(plan, inputs=["-"]), "standard input"),
        (replace(plan, inputs=[str(tmp_path / "gone.warc")]), "gone.warc"),
        (replace(plan, inputs=[str(tmp_path / "*.none")]), "no file matches"),
        (replace(plan, folder=tmp_path / "full"), "is not empty"),
        (replace(plan, folder=Path(plan.inputs[0])), "can't be written"),
    ):
        with pytest.raises(CrawlError, match=words):
            run(changed, loaded)


def test_two_runs_at_once_are_refused(plan: Plan, loaded: Detector) -> None:
    def again(_: Standing) -> None:
        with pytest.raises(CrawlError, match="another run is writing"):
            run(plan, loaded)
        seen.append(True)

    seen: list[bool] = []
    run(plan, loaded, report=again)
    assert seen


def test_it_tells_how_far_it_is(plan: Plan, loaded: Detector) -> None:
    seen: list[tuple[int, float | None]] = []
    run(plan, loaded, report=lambda standing: seen.append((standing.counts.total(), standing.seconds_left)))
    assert [count for count, _ in seen] == [16, 32, 48, 60]
    assert all(left is not None and left >= 0 for _, left in seen)


def test_csv_and_parquet_hold_the_same(plan: Plan, loaded: Detector, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    explained = replace(plan, evidence=True)
    run(explained, loaded)
    expected = rows(plan.folder)
    run(replace(explained, folder=tmp_path / "csv", format="csv"), loaded)
    table = [r for path in sorted((tmp_path / "csv").glob("part-*")) for r in csv.DictReader(path.open())]
    assert [row["id"] for row in table] == [row["id"] for row in expected]
    assert [int(row["evidence"]) for row in table] == [len(row["evidence"]) for row in expected]
    run(replace(explained, folder=tmp_path / "pq", format="parquet", with_text=True), loaded)
    found = parquet.read_table(tmp_path / "pq").to_pylist()
    for row, record in zip(found, expected, strict=True):
        assert row["evidence"] == record["evidence"]
        assert {k: row[k] for k in ("id", "url", "status", "spun", "reasons", "error")} == {
            k: record.get(k) for k in ("id", "url", "status", "spun", "reasons", "error")
        }
        assert row["text"] is None if row["status"] == "failed" else PROSE[:20] in row["text"]


def test_lone_surrogates_pass_into_every_format(plan: Plan, loaded: Detector, tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text('{"id": "\\ud800", "text": "\\udc00 x", "url": "é"}\n')
    for name in ("jsonl", "csv", "parquet"):
        changed = replace(plan, inputs=[str(tmp_path / "s.jsonl")], format=name, folder=tmp_path / name)  # type: ignore[arg-type]
        assert run(changed, loaded).counts.total() == 1


def test_kill_9_and_a_new_start_give_the_same_bytes(plan: Plan, loaded: Detector, tmp_path: Path) -> None:
    run(plan, loaded)
    command = [sys.executable, "-m", "detector", "score", *plan.inputs, "--model", str(plan.model)]
    command += [
        "--output-dir",
        str(tmp_path / "killed"),
        "--no-explain",
        "--part-size",
        "16",
        "--jobs",
        "2",
        "--exit-zero",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    while not list(tmp_path.glob("killed/part-00000.jsonl")) and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 2  # two records are broken
    assert b"is complete: 60 documents" in done.stderr
    assert content(tmp_path / "killed") == content(plan.folder)
