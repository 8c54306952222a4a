"""A bulk run over a large WARC file: speed, memory, and what `kill -9` changes (nothing).

    python benchmarks/crawl.py                          # 1 GB, two jobs, killed twice; Linux
    python benchmarks/crawl.py --megabytes 50 --kills 5

Makes the file (benchmarks/make_warc.py), scores it once undisturbed while it samples the memory of all processes,
then scores it again, kills the run at random moments, starts it anew each time, and compares the two folders byte
for byte. Exit status 1 if they differ or memory grew by more than 50 MB after the warm-up (a tenth of the records).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from make_warc import write

MIB = 1 << 20
MAX_GROWTH = 50 * MIB
PATIENCE = 60.0


@dataclass
class Watched:
    """What was seen of a run: (records finished, bytes of its processes' own, bytes of mapped files) at each sample."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    samples: list[tuple[int, int, int]] = field(default_factory=list)


def start(warc: Path, folder: Path, jobs: int, part_size: int) -> subprocess.Popen[bytes]:
    """The command as a user would give it."""
    command = [sys.executable, "-m", "detector", "score", str(warc), "--output-dir", str(folder)]
    options = ["--no-explain", "--exit-zero", "--jobs", str(jobs), "--part-size", str(part_size)]
    return subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL)


def family(pid: int) -> list[int]:
    """A process and its children."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *map(int, children)]


def resident(pid: int) -> tuple[int, int]:
    """Bytes resident in a process and its children: (their own, those of mapped files, which they share)."""
    own = mapped = 0
    for member in family(pid):
        try:
            status = Path(f"/proc/{member}/status").read_text()
        except OSError:
            continue
        own += sum(int(size) for size in re.findall(r"RssAnon:\s+(\d+)", status)) * 1024
        mapped += sum(int(size) for size in re.findall(r"RssFile:\s+(\d+)", status)) * 1024
    return own, mapped


def finished(folder: Path) -> int:
    """Records in finished parts."""
    log = folder / "_parts.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return sum(json.loads(line).get("records", 0) for line in lines)


def watch(process: subprocess.Popen[bytes], folder: Path) -> Watched:
    """Wait for the end of a run, with a sample every second."""
    seen = Watched()
    started, before = time.monotonic(), os.times()
    while process.poll() is None:
        time.sleep(1.0)
        seen.samples.append((finished(folder), *resident(process.pid)))
    seen.seconds = time.monotonic() - started
    after = os.times()
    seen.cpu_seconds = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    if process.returncode:
        sys.exit(f"the run ended with status {process.returncode}")
    return seen


def growth(seen: Watched) -> tuple[int, int]:
    """(bytes after a tenth of the records, the most that were seen after that), of mapped files and own together."""
    records = seen.samples[-1][0]
    warm = [own + mapped for done, own, mapped in seen.samples if done >= records / 10 and own]
    return (warm[0], max(warm)) if warm else (0, 0)


def course(seen: Watched) -> str:
    """Memory along the way: at each tenth of the records, own + mapped MiB."""
    records = max(seen.samples[-1][0], 1)
    at = {10 * done // records: f"{own // MIB}+{mapped // MIB}" for done, own, mapped in seen.samples if own}
    return ", ".join(at[tenth] for tenth in sorted(at))


def killed_run(warc: Path, folder: Path, jobs: int, part_size: int, moments: list[float]) -> list[int]:
    """Run, kill -9 after so many seconds, start again; to the end. Returns the records finished at each kill."""
    at = []
    for moment in moments:
        process = start(warc, folder, jobs, part_size)
        workers: list[int] = []
        try:
            process.wait(moment)
            break
        except subprocess.TimeoutExpired:
            workers = family(process.pid)[1:]
            process.send_signal(signal.SIGKILL)
            process.wait()
        at.append(finished(folder))
        ended = time.monotonic() + PATIENCE  # workers finish their batch, then find nobody to give it to
        while alive := [pid for pid in workers if Path(f"/proc/{pid}").exists()]:
            if time.monotonic() > ended:
                sys.exit(f"worker processes outlived their parent by a minute: {alive}")
            time.sleep(0.5)
    if start(warc, folder, jobs, part_size).wait():
        sys.exit("the resumed run failed")
    return at


def differences(first: Path, second: Path) -> list[str]:
    """Names of files that are not the same, byte for byte, in both folders."""
    names = {path.name for folder in (first, second) for path in folder.iterdir()}
    return [name for name in sorted(names) if not same(first / name, second / name)]


def same(first: Path, second: Path) -> bool:
    return first.exists() and second.exists() and first.read_bytes() == second.read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=float, default=1000.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--part-size", type=int, default=2000)
    parser.add_argument("--suffix", default=".warc", help=".warc, .warc.gz or .warc.zst")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; default: a new one each time")
    parser.add_argument("--folder", type=Path, default=Path("build/crawl"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    warc = options.folder / f"pages-{options.megabytes:g}{options.suffix}"
    if not warc.exists():
        write(warc, options.megabytes)
    whole, resumed = options.folder / "whole", options.folder / "resumed"
    for folder in (whole, resumed):
        shutil.rmtree(folder, ignore_errors=True)

    seen = watch(start(warc, whole, options.jobs, options.part_size), whole)
    records, size = finished(whole), warc.stat().st_size
    warm, most = growth(seen)
    print(f"{size / 1e6:,.0f} MB, {records:,} pages, {options.jobs} jobs: {seen.seconds:,.0f} s, "
          f"{records / seen.seconds:,.0f} records/s, {size / 1e6 / seen.seconds:,.1f} MB/s; "
          f"{records / seen.cpu_seconds:,.0f} records per second of processor time", flush=True)  # fmt: skip
    print(f"memory of all processes: {warm / MIB:,.0f} MiB after a tenth, at most {most / MIB:,.0f} MiB: "
          f"growth {(most - warm) / MIB:,.1f} MiB", flush=True)  # fmt: skip
    print(f"own + mapped MiB at each tenth: {course(seen)}", flush=True)

    rng = random.Random(options.seed)
    moments = [rng.uniform(0.05, 0.9) * seen.seconds / options.kills for _ in range(options.kills)]
    at = killed_run(warc, resumed, options.jobs, options.part_size, moments)
    faults = differences(whole, resumed)
    print(f"killed {len(at)} times, with {', '.join(f'{n:,}' for n in at)} records in finished parts")
    print(f"differs: {', '.join(faults)}" if faults else "the folders are the same, byte for byte")
    sys.exit(1 if faults or most - warm > MAX_GROWTH else 0)


if __name__ == "__main__":
    main()
