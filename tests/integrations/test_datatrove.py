"""datatrove's own executors, readers and writers around the filter and the tagger."""

from __future__ import annotations

import gzip
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.crawl_files import FILES, ROOT, of_pages, of_rows, verdict

pytest.importorskip("datatrove")
pytest.importorskip("orjson")
pytestmark = pytest.mark.engines

SCRIPT = """
import sys
from datatrove.executor import {executor}
from datatrove.pipeline.readers import ParquetReader, WarcReader
from datatrove.pipeline.writers import JsonlWriter
from detector.integrations.datatrove import SpunTextFilter, SpunTextTagger

source, output = sys.argv[1:]

def slowly(data, rank=0, world_size=1):
    import os, time
    for document in data:
        time.sleep(float(os.environ.get("PAUSE", "0")))
        yield document

if __name__ == "__main__":
    reader = WarcReader if "warc" in source else ParquetReader
    {executor}(
        pipeline=[
            reader(source), slowly, SpunTextTagger(), JsonlWriter(output + "/tagged"),
            SpunTextFilter(exclusion_writer=JsonlWriter(output + "/dropped")), JsonlWriter(output + "/kept"),
        ],
        tasks=4, logging_dir=output + "/logs", {options}
    ).run()
"""
LOCAL = {"executor": "LocalPipelineExecutor", "options": "workers=2"}


def start(
    folder: Path,
    source: Path,
    output: Path,
    setup: dict[str, str] = LOCAL,
    pause: float = 0.0,
    **environment: str,
) -> subprocess.Popen[str]:
    script = folder / "pipeline.py"
    script.write_text(SCRIPT.format(**setup))
    return subprocess.Popen(
        [sys.executable, str(script), str(source), str(output)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def write_command(path: Path, *lines: str) -> None:
    path.write_text("\n".join(["#!/bin/bash -e", *lines, ""]))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def finish(process: subprocess.Popen[str]) -> None:
    log, _ = process.communicate(timeout=240)
    assert process.returncode == 0, log


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """{id or address: document}; each once."""
    lines = [line for path in folder.glob("*.gz") for line in gzip.decompress(path.read_bytes()).splitlines()]
    records = [json.loads(line) for line in lines]
    found = {record["metadata"].get("url", record["id"]): record for record in records}
    assert len(found) == len(records)
    return found


def verdicts(folder: Path) -> dict[str, dict[str, Any]]:
    return {id: verdict(record["metadata"], "detector_") for id, record in read(folder).items()}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory, parquet_files: Path) -> Path:
    folder = tmp_path_factory.mktemp("datatrove")
    finish(start(folder, parquet_files, folder / "out"))
    return folder / "out"


def test_the_tagger_gives_the_command_line_s_verdicts(output: Path, expected: dict[str, Any]) -> None:
    assert verdicts(output / "tagged") == of_rows(expected)


def test_the_filter_drops_what_is_flagged_and_nothing_else(output: Path, expected: dict[str, Any]) -> None:
    spam = {id for id, value in of_rows(expected).items() if value["verdict"] == "spam"}
    assert set(read(output / "kept")) == set(of_rows(expected)) - spam
    dropped = read(output / "dropped")
    assert set(dropped) == spam
    assert {id: record["metadata"]["filter_reason"] for id, record in dropped.items()} == {
        id: "+".join(expected[id]["reasons"]) for id in spam
    }


def test_other_metadata_and_statistics(output: Path, expected: dict[str, Any]) -> None:
    assert read(output / "tagged")["row-6"]["metadata"]["year"] == 2006
    steps = json.loads((output / "logs/stats.json").read_text())
    tagger = next(step["stats"] for step in steps if "TAGGER" in step["name"])
    spam = [value for value in of_rows(expected).values() if value["verdict"] == "spam"]
    assert tagger["spam"] == len(spam)
    assert tagger["not_english"] == 1


def test_warc_files_through_datatrove_s_reader(
    tmp_path: Path, warc_files: Path, expected: dict[str, Any]
) -> None:
    pytest.importorskip("warcio")
    pytest.importorskip("cchardet")
    pytest.importorskip("magic")
    finish(start(tmp_path, warc_files, tmp_path / "out"))
    assert verdicts(tmp_path / "out/tagged") == of_pages(expected)


def test_a_killed_run_resumes_to_the_same_output(tmp_path: Path, parquet_files: Path, output: Path) -> None:
    out = tmp_path / "out"
    process = start(tmp_path, parquet_files, out, PAUSE="0.15")
    completions = out / "logs/completions"
    while not (completions.is_dir() and any(completions.iterdir())):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    done = {path.name for path in completions.iterdir()}
    assert 0 < len(done) < FILES
    finish(start(tmp_path, parquet_files, out))
    assert len(list(completions.iterdir())) == FILES
    for name in ("tagged", "kept", "dropped"):
        assert read(out / name) == read(output / name)


def test_the_slurm_executor_s_own_launch_script(tmp_path: Path, parquet_files: Path, output: Path) -> None:
    """`sbatch` here runs the script it gets once per array task, one after the other."""
    write_command(tmp_path / "scontrol", 'echo "${@: -1}"')
    write_command(
        tmp_path / "sbatch",
        "export SLURM_NODELIST=localhost",
        'if grep -q launch_pickled "${@: -1}"; then',
        '  for i in 0 1 2 3; do SLURM_ARRAY_TASK_ID=$i bash "${@: -1}" >&2; done',
        "fi",
        "echo Submitted batch job 1",
    )
    setup = {
        "executor": "SlurmPipelineExecutor",
        "options": 'time="1:00:00", partition="any", with_srun=False',
    }
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    finish(start(tmp_path, parquet_files, tmp_path / "out", setup, PATH=path))
    assert verdicts(tmp_path / "out/tagged") == verdicts(output / "tagged")


def test_the_ray_executor(tmp_path: Path, parquet_files: Path, output: Path) -> None:
    pytest.importorskip("ray")
    setup = {"executor": "RayPipelineExecutor", "options": "workers=2, mem_per_cpu_gb=0.5"}
    finish(start(tmp_path, parquet_files, tmp_path / "out", setup))
    assert verdicts(tmp_path / "out/tagged") == verdicts(output / "tagged")


def test_an_unknown_policy_is_refused_at_construction() -> None:
    from detector.integrations.datatrove import SpunTextFilter, SpunTextTagger

    for step in (SpunTextFilter, SpunTextTagger):
        with pytest.raises(ValueError, match="no policy 'lenient'"):
            step(policy="lenient")
