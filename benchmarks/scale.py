"""What a crawl costs: CPU time per page by step, one worker against two, and from it 3 billion pages.

    python benchmarks/scale.py            # about two minutes on an idle machine
    python benchmarks/scale.py --write    # also between the marks of docs/scale.md
    python benchmarks/scale.py --price 0.03 --cores 500

The pages are those of `make_warc.py`. Steps are CPU time of one thread, the median of the rounds. Workers are processes
that each read, extract and score a file of their own, begun at the same moment. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import make_warc
from pages import write

from detector import Document, load
from detector.readers import Page, extract, scan_file

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "scale.md"
PAGES = 3_000_000_000
MEGABYTES = 1
"""Of a compressed file: about 150 pages."""
DETECTOR = load()


def pages_of(path: Path) -> list[Page]:
    return [record for record in scan_file(str(path)) if isinstance(record, Page)]


def work(path: Path) -> int:
    """Read, extract and score one file; the number of pages."""
    records = (extract(page) for page in scan_file(str(path)) if isinstance(page, Page))
    documents = (record if isinstance(record, Document) else Document("") for record in records)
    return sum(1 for _ in DETECTOR.score_batch(documents, evidence=False))


def cpu(step: Callable[[], Any], rounds: int) -> float:
    """Median CPU seconds of a step, after one call to warm up."""
    step()
    seconds = []
    for _ in range(rounds):
        begin = time.process_time()
        step()
        seconds.append(time.process_time() - begin)
    return statistics.median(seconds)


def steps(path: Path, rounds: int) -> dict[str, float]:
    """Milliseconds per page of each step, and what a page is."""
    pages = pages_of(path)
    found = [extract(page) for page in pages]
    documents = [record for record in found if isinstance(record, Document)]
    count = len(pages)
    per_page = 1000 / count
    return {
        "read": per_page * cpu(lambda: pages_of(path), rounds),
        "extract": per_page * cpu(lambda: [extract(page) for page in pages], rounds),
        "score": per_page * cpu(lambda: list(DETECTOR.score_batch(documents, evidence=False)), rounds),
        "pages": count,
        "bytes": sum(len(page.data) for page in pages) / count,
        "characters": sum(len(document.text) for document in documents) / count,
    }


def worker(path: Path, begin: float, rounds: int) -> None:
    """Wait for the moment, then work; prints pages, seconds and CPU seconds."""
    work(path)
    time.sleep(max(0.0, begin - time.time()))
    wall, used = time.time(), time.process_time()
    pages = sum(work(path) for _ in range(rounds))
    print(json.dumps([pages, time.time() - wall, time.process_time() - used]))


def workers(paths: list[Path], rounds: int, warm_seconds: float) -> tuple[float, float]:
    """(pages per second of all, CPU milliseconds per page) of one worker a file, at the same time."""
    begin = time.time() + warm_seconds
    command = [sys.executable, __file__, "--rounds", str(rounds), "--begin", str(begin), "--worker"]
    running = [
        subprocess.Popen([*command, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT) for path in paths
    ]
    found = [json.loads(process.communicate()[0]) for process in running]
    rate = sum(pages / seconds for pages, seconds, _ in found)
    return rate, 1000 * sum(used for _, _, used in found) / sum(pages for pages, _, _ in found)


def money(title: str, milliseconds: float, options: argparse.Namespace) -> str:
    """One line of the table: core-hours, days and price of PAGES."""
    hours = PAGES * milliseconds / 1000 / 3600
    return (
        f"| {title} | {milliseconds:.2f} | {1000 / milliseconds:,.0f} | {hours:,.0f} |"
        f" {hours / options.cores / 24:.1f} days | {hours * options.price:,.0f} USD |"
    )


def report(options: argparse.Namespace) -> str:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i}.warc.gz" for i in range(2)]
        for i, path in enumerate(files):
            make_warc.write(path, MEGABYTES, seed=i + 1)
        load_before = os.getloadavg()[0]
        begin = time.time()
        work(files[0])
        one_pass = time.time() - begin
        step = steps(files[0], options.rounds)
        turns = [[workers(files[:n], 2, 10 + 6 * one_pass) for n in (1, 2)] for _ in range(options.rounds)]
    one, two = (tuple(statistics.median(turn[n][i] for turn in turns) for i in (0, 1)) for n in (0, 1))
    whole = step["read"] + step["extract"] + step["score"]
    inflated = whole * two[1] / one[1]
    hours = PAGES * whole / 1000 / 3600
    size = f"{step['bytes'] / 1000:.0f} kB of markup, {step['characters'] / 1000:.1f} kB of text"
    return "\n".join(
        [
            f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()},"
            f" model `{DETECTOR.model.name}`. {step['pages']:.0f} pages of {size} on average."
            f" Others used the machine at the same time: load {load_before:.1f} at the start.",
            "",
            "| step, one thread | CPU ms per page | pages/s per core |",
            "|---|---|---|",
            *(
                f"| {title} | {step[name]:.2f} | {1000 / step[name]:,.0f} |"
                for title, name in (
                    ("read .warc.gz", "read"),
                    ("extract, `fast`", "extract"),
                    ("score", "score"),
                )
            ),
            f"| **all three** | **{whole:.2f}** | **{1000 / whole:,.0f}** |",
            "",
            "| workers | pages/s | CPU ms per page |",
            "|---|---|---|",
            f"| 1 | {one[0]:,.0f} | {one[1]:.2f} |",
            f"| 2 | {two[0]:,.0f} ({two[0] / one[0]:.2f} times) | {two[1]:.2f} ({two[1] / one[1] - 1:+.0%}) |",
            "",
            f"By CPU time, two workers with a core each do {2 * one[1] / two[1]:.2f} times the work of one. Pages per second are worth"
            " reading only where nothing else runs.",
            "",
            "Three billion pages of this kind:",
            "",
            f"    {whole:.2f} ms = {step['read']:.2f} read + {step['extract']:.2f} extract + {step['score']:.2f} score",
            f"    3,000,000,000 x {whole:.2f} ms / 3,600,000 ms per hour = {hours:,.0f} core-hours",
            f"    {hours:,.0f} core-hours / {options.cores:,} cores / 24 = {hours / options.cores / 24:.1f} days",
            f"    {hours:,.0f} core-hours x {options.price} USD = {hours * options.price:,.0f} USD",
            "",
            f"| what | ms per page | pages/s per core | core-hours | on {options.cores:,} cores | at {options.price} USD an hour |",
            "|---|---|---|---|---|---|",
            money("WARC: read, extract, score", whole, options),
            money("the same, all cores of a machine busy", inflated, options),
            money("text that is extracted already: score", step["score"], options),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--price", type=float, default=0.04, help="USD for an hour of one core")
    parser.add_argument("--cores", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help="into docs/scale.md")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--begin", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.worker, options.begin, options.rounds)
        return
    text = report(options)
    print(text)
    if options.write:
        write(DOCUMENT, "scale", text)


if __name__ == "__main__":
    main()
