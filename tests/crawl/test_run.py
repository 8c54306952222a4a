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
from detector.crawl.folders import folder_at
from detector.crawl.parts import PartFormat, open_part
from detector.crawl.records import score_records
from detector.readers import read
from detector.scoring import Detector
from detector.verdict import Verdict
from tests.readers.warcs import PROSE

ROOT = Path(__file__).parents[2]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def rows(folder: Path) -> list[dict[str, Any]]:
    parts = sorted(folder.glob("part-*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_text().splitlines()]


def test_the_parts_together_are_what_scoring_one_by_one_gives(whole: Plan, loaded: Detector) -> None:
    expected = [s.verdict.to_dict() for s in score_records(loaded, read(whole.inputs), False)]
    assert rows(whole.folder) == json.loads(json.dumps(expected))
    sizes = [len(path.read_text().splitlines()) for path in sorted(whole.folder.glob("part-*"))]
    assert sizes == [16, 16, 16, 12]
    assert not list(whole.folder.glob(".*"))


def test_jobs_change_nothing(plan: Plan, whole: Plan, loaded: Detector) -> None:
    standing = run(plan, loaded, jobs=2)
    assert content(plan.folder) == content(whole.folder)
    assert (standing.counts.total(), standing.counts["failed"], standing.resumed) == (60, 2, 0)


@pytest.mark.parametrize("kept", [0, 2, 4])
def test_a_run_goes_on_from_any_finished_part(finished: Plan, loaded: Detector, kept: int) -> None:
    before = content(finished.folder)
    lines = before["_parts.jsonl"].splitlines(keepends=True)
    for name in before:
        if name.startswith("part-") and int(name[5:10]) > kept:
            (finished.folder / name).unlink()  # the next one stays: the kill came before its line was whole
    (finished.folder / "_parts.jsonl").write_bytes(
        b"".join(lines[:kept]) + lines[kept][: len(lines[kept]) // 2]
    )
    (finished.folder / f".part-{kept:05}.jsonl.tmp").write_text("half a part")
    standing = run(finished, loaded)
    assert content(finished.folder) == before
    assert (standing.counts.total(), standing.resumed) == (60, min(16 * kept, 60))


def test_a_finished_run_is_not_done_again(finished: Plan, loaded: Detector) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.folder.glob("part-*")}
    assert run(finished, loaded).resumed == 60
    assert {path: path.stat().st_mtime_ns for path in finished.folder.glob("part-*")} == before


def test_inputs_follow_each_other_and_small_ones_share_a_part(
    plan: Plan, loaded: Detector, tmp_path: Path
) -> None:
    (tmp_path / "texts").mkdir()
    for i in range(40):
        (tmp_path / "texts" / f"{i:02}.txt").write_text(PROSE)
    run(replace(plan, inputs=[str(tmp_path / "texts"), *plan.inputs]), loaded)
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
def test_another_setting_is_refused(
    finished: Plan, loaded: Detector, change: dict[str, Any], words: str
) -> None:
    before = content(finished.folder)
    with pytest.raises(CrawlError, match=words):
        run(replace(finished, **change), loaded)
    assert content(finished.folder) == before


def test_a_changed_input_model_or_part_is_refused(
    finished: Plan, loaded: Detector, detector: Detector, tmp_path: Path
) -> None:
    with pytest.raises(CrawlError, match="model was"):
        run(finished, Detector(detector.model, loaded.lexicon, "balanced", 0.01))
    more = tmp_path / "more.txt"
    more.write_text("more")
    with pytest.raises(CrawlError, match="there were 1 inputs, now there are 2"):
        run(replace(finished, inputs=[*finished.inputs, str(more)]), loaded)
    recorded = (finished.folder / "_run.json").read_text()
    (finished.folder / "_run.json").write_text(recorded.replace("a.warc.gz", "b.warc.gz"))
    with pytest.raises(CrawlError, match=r"a\.warc\.gz stands where .*b\.warc\.gz was"):
        run(finished, loaded)
    size = Path(finished.inputs[0]).stat().st_size
    (finished.folder / "_run.json").write_text(recorded.replace(str(size), str(size + 1)))
    with pytest.raises(CrawlError, match=r"a\.warc\.gz has changed"):
        run(finished, loaded)
    (finished.folder / "_run.json").write_text(recorded[:40])
    with pytest.raises(CrawlError, match="damaged"):
        run(finished, loaded)


def test_a_part_that_is_gone_is_missed(finished: Plan, loaded: Detector) -> None:
    (finished.folder / "part-00001.jsonl").unlink()
    with pytest.raises(CrawlError, match=r"part-00001\.jsonl in .* is missing"):
        run(finished, loaded)


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


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_other_formats_hold_the_same(plan: Plan, whole: Plan, loaded: Detector, name: PartFormat) -> None:
    explained = replace(plan, evidence=True, with_text=name == "parquet", format=name)
    expected = [s.verdict.to_dict() for s in score_records(loaded, read(whole.inputs), True)]
    if name == "csv":
        run(explained, loaded)
        table = [r for path in sorted(plan.folder.glob("part-*")) for r in csv.DictReader(path.open())]
        assert [row["id"] for row in table] == [row["id"] for row in expected]
        assert [int(row["evidence"]) for row in table] == [len(row["evidence"]) for row in expected]
        return
    parquet = pytest.importorskip("pyarrow.parquet")
    run(explained, loaded)
    found = parquet.read_table(plan.folder).to_pylist()
    keys = ("id", "url", "status", "spun", "verdict", "reasons", "words", "evidence", "error", "model")
    for row, record in zip(found, expected, strict=True):
        assert {key: row[key] for key in keys} == {key: record.get(key) for key in keys}
        assert row["text"] is None if row["status"] == "failed" else PROSE[:20] in row["text"]


def test_a_format_whose_library_is_missing_is_refused_before_any_work(
    plan: Plan, loaded: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CrawlError, match=r"spun-text-detector\[parquet\]"):
        run(replace(plan, format="parquet"), loaded)
    assert not Path(plan.folder).exists()


@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_lone_surrogates_pass_into_every_format(tmp_path: Path, name: PartFormat) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow")
    verdict = Verdict("\ud800", "failed", 0, "m", url="\udc00é", error="\udfff")
    with open_part(folder_at(tmp_path), "part", name, True) as part:
        part.add(verdict, None)
    data = (tmp_path / "part").read_bytes()
    assert (part.records, part.size) == (1, len(data))
    assert name == "parquet" or b"\\ud800" in data


def test_kill_9_and_a_new_start_give_the_same_bytes(whole: Plan, tmp_path: Path) -> None:
    plan = whole
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
