"""Faults put into runs of the real command: what was scored is kept, what failed is said, exit statuses are right."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import ENVIRONMENT
from tests.texts import HONEST, STUFFED

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: signals, /dev/full, pipes")


@pytest.fixture(autouse=True)
def _in_folder(here: Path) -> None:
    """Each test starts in an empty folder."""


def start(bundle: Path, *arguments: str, **options: object) -> "subprocess.Popen[str]":
    """`detector score` in a process of its own, which heeds Ctrl-C even where the tests run in the background: a shell
    has what it starts there ignore it."""
    command = [sys.executable, "-m", "detector", "score", "--model", str(bundle), *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    heeding = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    return subprocess.Popen(command, text=True, env=ENVIRONMENT, **(pipes | heeding | options))  # type: ignore[call-overload, no-any-return]


def feed(process: "subprocess.Popen[str]", first: int, count: int) -> None:
    """Send records to standard input, enough of them to fill batches."""
    assert process.stdin is not None
    lines = (json.dumps({"id": i, "text": f"{i} {STUFFED}"}) + "\n" for i in range(first, first + count))
    process.stdin.write("".join(lines))
    process.stdin.flush()


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def wait_for_lines(paths: Iterator[Path] | list[Path], count: int) -> Path:
    """The file among these that holds so many lines, once it does."""
    paths = list(paths)
    for _ in range(6000):
        for path in paths if paths else Path().glob(".*.tmp"):
            if len(lines_of(path)) >= count:
                return path
        time.sleep(0.05)
    raise AssertionError("nothing was written in five minutes")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_keeps_what_was_scored(bundle: Path, number: int, status: int) -> None:
    Path("out.jsonl").write_text("old")
    process = start(bundle, "-", "--from", "jsonl", "-o", "out.jsonl")
    feed(process, 0, 600)
    wait_for_lines([], 100)
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == status
    assert "out.jsonl.partial" in err
    assert Path("out.jsonl").read_text() == "old"
    records = [json.loads(line) for line in lines_of(Path("out.jsonl.partial"))]
    assert [record["id"] for record in records] == [str(i) for i in range(len(records))]
    assert len(records) >= 100


def test_a_kill_leaves_what_was_flushed(bundle: Path) -> None:
    process = start(bundle, "-", "--from", "jsonl", "-o", "out.jsonl")
    feed(process, 0, 600)
    written = wait_for_lines([], 100)
    process.kill()
    process.communicate()
    assert not Path("out.jsonl").exists()
    whole = lines_of(written)[:-1]
    assert [json.loads(line)["id"] for line in whole] == [str(i) for i in range(len(whole))]
    assert len(whole) >= 99


def test_a_reader_that_goes_away_ends_the_run_quietly(bundle: Path) -> None:
    Path("a.jsonl").write_text("".join(json.dumps({"text": STUFFED}) + "\n" for _ in range(600)))
    process = start(bundle, "a.jsonl")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait() == 1
    assert process.stderr is not None
    assert process.stderr.read() == ""


@pytest.mark.parametrize("format", ["jsonl", "html"])
def test_a_full_disk_is_said(bundle: Path, format: str) -> None:
    Path("a.jsonl").write_text("".join(json.dumps({"text": STUFFED}) + "\n" for _ in range(20)))
    for arguments in ([], ["-o", "/dev/full"]):
        with open("/dev/full", "w") as full:
            process = start(bundle, "a.jsonl", "--format", format, *arguments, stdout=full)
            _, err = process.communicate()
        assert process.returncode == 2
        assert "can't be written: No space left on device" in err
        assert "Traceback" not in err


def test_a_file_limit_keeps_what_fitted(bundle: Path) -> None:
    """A quota stands for the full disk: writing fails half-way through."""
    import resource

    Path("a.jsonl").write_text("".join(json.dumps({"id": i, "text": STUFFED}) + "\n" for i in range(200)))

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    process = start(bundle, "a.jsonl", "-o", "out.jsonl", preexec_fn=limit)
    _, err = process.communicate()
    assert process.returncode == 2
    assert "out.jsonl.partial" in err
    assert "File too large" in err
    whole = lines_of(Path("out.jsonl.partial"))[:-1]
    assert [json.loads(line)["id"] for line in whole] == [str(i) for i in range(len(whole))]
    assert len(whole) > 10


def test_input_that_vanishes_or_shrinks_costs_its_own_record_only(bundle: Path) -> None:
    """The first input is a pipe that is still open while the next ones change."""
    Path("gone.txt").write_text(HONEST)
    Path("shorter.jsonl").write_text(
        "".join(json.dumps({"id": i, "text": HONEST}) + "\n" for i in range(9000))
    )
    Path("last.txt").write_text(HONEST)
    os.symlink("loop.txt", "loop.txt")
    os.mkfifo("pipe.txt")
    process = start(
        bundle,
        "-",
        "gone.txt",
        "loop.txt",
        "pipe.txt",
        "/dev/zero",
        "shorter.jsonl",
        "last.txt",
        "--from",
        "jsonl",
    )
    feed(process, 0, 1)
    Path("gone.txt").unlink()
    os.truncate("shorter.jsonl", 100_050)
    out, err = process.communicate()
    records = [json.loads(line) for line in out.splitlines()]
    failed = {record["id"]: record["error"] for record in records if record["status"] == "failed"}
    assert process.returncode == 2
    assert {"gone.txt", "loop.txt", "pipe.txt", "/dev/zero"} <= failed.keys()
    assert "no such file" in failed["gone.txt"]
    assert "too many levels" in failed["loop.txt"]
    assert "named pipe" in failed["pipe.txt"]
    assert "device" in failed["/dev/zero"]
    assert records[0]["id"] == "0"
    assert sum(record["status"] == "scored" for record in records) >= 80
    assert f"{len(failed)} of {len(records)} documents could not be read" in err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_fails_alone(bundle: Path) -> None:
    Path("locked.txt").write_text(HONEST)
    Path("locked.txt").chmod(0)
    Path("open.txt").write_text(HONEST)
    process = start(bundle, "locked.txt", "open.txt")
    out, _ = process.communicate()
    assert process.returncode == 2
    assert [json.loads(line)["status"] for line in out.splitlines()] == ["failed", "scored"]
