"""Speed on one core: this project and what others run on the same documents, in one run.

    python benchmarks/speed.py                 # everything (about five minutes)
    python benchmarks/speed.py --only project  # this project and the two floors (about a minute)
    python benchmarks/speed.py --only worst    # linear time on worst-case contents

Prints Markdown. With --write it also goes between the marks of `docs/performance.md`, with the plot in
`docs/images/speed.png`. CPU time of this process on one core (wall time where two threads or a new process
are measured), the median of several rounds in which the contenders take turns. What is not installed is left
out with a note; for the peers:

    pip install fasttext-wheel datatrove spacy ftfy 'textstat==0.7.8' && pip install --no-deps textdescriptives
    (textdescriptives asks for numpy 1 but runs on 2; textstat 0.7.9 and later download a word list when used)
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import peers
from documents import SIZE, as_page, documents, of_length, worst_cases
from pages import write

from detector import Document, load
from detector.readers.base import Page
from detector.readers.html import extract
from detector.scoring import Detector

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "images" / "speed.png"
ROUNDS = 7
ROUND_SECONDS = 0.4
OURS = "detector: "
FAST = f"{OURS}both probabilities, verdict"
TARGETS = {
    "datatrove Gopher quality + repetition, C4": 500.0,
    "fastText, 100 dimensions, 1-2-grams": 3.0,
    "scikit-learn hashing 1-2-grams, linear": 13.0,
    "numba: tokenize, hash, 2^20 table": 1 / 3,
}
"""How many times faster than these the issue wants the fast stage to be."""
SIZES = tuple(10**n for n in range(3, 9))
SHORT = "Clean the gutters twice a year, in late spring and again after the last leaves have come down. Work from a ladder that stands on firm ground, and never lean out to the side: climb down and move it instead. Wear gloves, because the dirt hides screws and broken tiles. Scoop the leaves into a bucket that hangs from a hook, rinse with a hose, and look whether the water runs off."


@dataclass
class Contender:
    """Something that reads documents: `make(documents)` sets it up for these."""

    name: str
    make: Callable[[list[str]], peers.Reader]
    optional: bool = True
    rates: list[float] = field(default_factory=list)
    read: peers.Reader = print
    documents: int = 0
    repeats: int = 1

    def prepare(self, texts: list[str]) -> None:
        """Set up, warm up, and choose how many documents make up a round of ROUND_SECONDS."""
        few = self.make(texts[:8])
        few()
        seconds = _cpu_seconds(few) / 8
        self.documents = int(min(len(texts), max(8, ROUND_SECONDS / seconds)))
        self.read = self.make(texts[: self.documents])
        self.read()
        self.repeats = max(1, round(ROUND_SECONDS / max(_cpu_seconds(self.read), 1e-6)))

    def time_round(self) -> None:
        """One more measurement, in documents a second of CPU time."""
        started = time.process_time()
        for _ in range(self.repeats):
            self.read()
        self.rates.append(self.documents * self.repeats / (time.process_time() - started))

    @property
    def rate(self) -> float:
        """Documents a second, the median of the rounds."""
        return statistics.median(self.rates)


def _cpu_seconds(function: Callable[[], object]) -> float:
    started = time.process_time()
    function()
    return time.process_time() - started


def _exhaust(items: Iterator[object]) -> None:
    for _ in items:
        pass


def project(detector: Detector) -> list[Contender]:
    """This project: from texts to verdicts, through the public interface."""

    def fast(texts: list[str]) -> peers.Reader:
        return lambda: _exhaust(detector.score_batch(texts, evidence=False))

    def explained(texts: list[str]) -> peers.Reader:
        def read() -> None:
            for text, verdict in zip(texts, detector.score_batch(texts, evidence=False)):
                if verdict.flagged:
                    detector.score(text)

        return read

    def pages(texts: list[str]) -> peers.Reader:
        markup = [as_page(text, i) for i, text in enumerate(texts)]

        def parsed() -> Iterator[Document]:
            for data in markup:
                record = extract(Page(data, "-"))
                if not isinstance(record, Document):
                    raise ValueError(record.reason)
                yield record

        return lambda: _exhaust(detector.score_batch(parsed(), evidence=False))

    def cascade(texts: list[str]) -> peers.Reader:
        careful = load(lm=True)
        return lambda: _exhaust(careful.score_batch(texts, evidence=False))

    found = [
        Contender(FAST, fast, optional=False),
        Contender(f"{OURS}with evidence for the 5 % that are flagged", explained, optional=False),
        Contender(f"{OURS}language model where in doubt", cascade),
    ]
    if find_spec("resiliparse"):
        found.append(Contender(f"{OURS}HTML in, both probabilities, verdict", pages))
    return found


def race(contenders: list[Contender], texts: list[str]) -> tuple[list[Contender], list[str]]:
    """Time all of them in turns; returns those that ran, and a note on each that did not."""
    ready, notes = [], []
    for contender in contenders:
        try:
            contender.prepare(texts)
            ready.append(contender)
        except Exception as error:  # peers are not ours: whatever they raise, the others are timed
            if not contender.optional:
                raise
            notes.append(
                f"{contender.name} left out: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
            )
    for _ in range(ROUNDS):
        for contender in ready:
            contender.time_round()
    return sorted(ready, key=lambda c: -c.rate), notes


def race_table(contenders: list[Contender], texts: list[str], notes: list[str]) -> Iterator[str]:
    """Documents a second, and how many times faster the fast stage is."""
    ours = next(c.rate for c in contenders if c.name == FAST)
    size = sum(len(text.encode()) for text in texts) / len(texts)
    yield "| one core | documents/s | MB/s | µs a document | slowest to fastest round | fast stage is so many times as fast | wanted |"
    yield "|---|---|---|---|---|---|---|"
    for c in contenders:
        wanted = f">= {TARGETS[c.name]:.3g}" if c.name in TARGETS else ""
        bold = "**" if c.name.startswith(OURS) else ""
        yield (
            f"| {bold}{c.name}{bold} | {_figure(c.rate)} | {_figure(c.rate * size / 1e6)} | {_figure(1e6 / c.rate)} "
            f"| {_figure(min(c.rates))} to {_figure(max(c.rates))} | {_figure(ours / c.rate)} | {wanted} |"
        )
    yield from (f"\n{note}" for note in notes)


def _figure(value: float) -> str:
    """Three digits that mean something."""
    return f"{float(f'{value:.3g}'):,.10g}"


def two_threads(detector: Detector, texts: list[str]) -> str:
    """Two threads in one process against one, wall time."""
    if (os.cpu_count() or 1) < 2:
        return "Two threads: not measured, this machine has one core."
    _exhaust(detector.score_batch(texts, evidence=False, jobs=2))
    once = _cpu_seconds(lambda: _exhaust(detector.score_batch(texts, evidence=False)))
    many = texts * max(1, round(1.0 / once))
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for jobs, found in seconds.items():
            started = time.perf_counter()
            _exhaust(detector.score_batch(many, evidence=False, jobs=jobs))
            found.append(time.perf_counter() - started)
    ratio = statistics.median(one / two for one, two in zip(seconds[1], seconds[2]))
    best = min(seconds[1]) / min(seconds[2])
    return (
        f"Two threads in one process: {ratio:.2f} times one (median; {best:.2f} by the fastest rounds; wall time, "
        f"{_load()}). Wanted: 1.9."
    )


def _load() -> str:
    if not hasattr(os, "getloadavg"):
        return "load unknown"
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def single_text(detector: Detector, calls: int = 100) -> Iterator[str]:
    """What one call of the Python interface takes."""
    for name, evidence in (("no evidence", False), ("with evidence", True)):
        read = partial(detector.score, SHORT, evidence)
        read()
        times = [_cpu_seconds(partial(_call, read, calls)) / calls for _ in range(ROUNDS * 3)]
        words = len(SHORT.split())
        cost = _figure(1e6 * statistics.median(times))
        yield f"| one text of {words} words through the Python interface, {name} | {cost} µs |"


def _call(function: Callable[[], object], times: int) -> None:
    for _ in range(times):
        function()


def _child(arguments: list[str], **environment: str) -> tuple[float, float, str]:
    """(wall seconds, CPU seconds, standard output) of a new Python process, which finds its byte code compiled as
    after an installation."""
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    run = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - started
    if run.returncode not in (0, 1):
        raise RuntimeError(f"{arguments} failed: {run.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, run.stdout


MEMORY = """
import json
from detector import load
texts = (json.loads(line)["text"] for _ in range({rounds}) for line in open({path!r}, encoding="utf-8"))
for verdict in load().score_batch(texts, evidence=False):
    pass
status = dict(line.split(":") for line in open("/proc/self/status"))
print(json.dumps([int(status[name].split()[0]) / 1024 for name in ("VmHWM", "RssAnon", "RssFile")]))
"""
"""Not `ru_maxrss`: that of a new process begins with what its parent held."""


def starts(texts: list[str]) -> Iterator[str]:
    """New processes: the command line warm, the first compilation, memory."""
    if not find_spec("resource"):
        yield "| start and memory | not measured: this system has no `resource` module |"
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "article.txt"
        file.write_text(texts[1], encoding="utf-8")
        command = ["-m", "detector", "score", str(file)]
        _child(command)
        walls, cpus, _ = zip(*(_child(command) for _ in range(ROUNDS)))
        warm = statistics.median(cpus)
        yield f"| `detector score FILE`, warm | {statistics.median(walls):.2f} s, CPU {warm:.2f} s |"
        bare = [_child(["-c", "import numba"])[1] for _ in range(3)]
        yield f"| of that `import numba` | CPU {statistics.median(bare):.2f} s |"
        _, first, _ = _child(command, DETECTOR_CACHE=str(Path(folder) / "cache"))
        yield f"| first run on a machine: compiling | CPU {first - warm:.1f} s |"
        lines = Path(folder) / "documents.jsonl"
        lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        for rounds in (1, 10) if Path("/proc/self/status").exists() else ():
            code = MEMORY.format(path=str(lines), rounds=rounds)
            peak, own, shared = json.loads(_child(["-c", code])[2])
            yield (
                f"| peak memory, {rounds * len(texts):,} documents | {peak:.0f} MB "
                f"(own {own:.0f} MB, files that processes share {shared:.0f} MB) |"
            )


def worst(detector: Detector, texts: list[str]) -> tuple[list[str], dict[str, list[float]]]:
    """Time over size for contents that might take more than linear time, with evidence asked for."""
    lines = [
        "| content, evidence asked for | " + " | ".join(f"{_size(n)}" for n in SIZES) + " |",
        "|---" * (len(SIZES) + 1) + "|",
    ]
    curves = {}
    for name, piece in {"prose": "\n\n".join(texts), **worst_cases(texts[0])}.items():
        seconds = []
        for size in SIZES:
            text = of_length(piece, size)
            detector.score(text)
            repeats = 30 if size < 10**5 else 3
            seconds.append(
                statistics.median(
                    _cpu_seconds(lambda text=text: detector.score(text)) for _ in range(repeats)
                )
            )
        curves[name] = seconds
        cells = (
            f"{_figure(1e9 * s / size)} ns/B" if size <= 10**6 else f"{_figure(1e3 * s)} ms"
            for s, size in zip(seconds, SIZES)
        )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append("\nFrom 10 MB on in all: of a longer document only the first million characters are scored.")
    return lines, curves


def _size(count: int) -> str:
    return f"{count // 10**6} MB" if count >= 10**6 else f"{count // 1000} kB"


def report(only: str | None, plot: bool) -> Iterator[str]:
    """The Markdown, a block at a time; draws the plot on the way if it is wanted."""
    detector = load()
    texts = documents(detector)
    yield (
        f"Made by `python benchmarks/speed.py` on {_processor()} ({_load()}), Python "
        f"{platform.python_version()}, numpy {np.__version__}, model `{detector.model.name}`: {len(texts)} documents of "
        f"{SIZE:,} characters, pinned to one core, CPU time, the median of {ROUNDS} rounds in turns."
    )
    contenders: list[Contender] = []
    curves: dict[str, list[float]] = {}
    if only != "worst":
        floors = dict(list(peers.PEERS.items())[: None if only is None else 2])
        with pinned():
            contenders, notes = race(
                project(detector) + [Contender(n, make) for n, make in floors.items()], texts
            )
        yield "\n".join(race_table(contenders, texts, notes))
        yield two_threads(detector, texts)
        yield "\n".join(
            ["| start, single texts, memory | |", "|---|---|", *single_text(detector), *starts(texts)]
        )
    if only != "project":
        with pinned():
            lines, curves = worst(detector, texts)
        yield "\n".join(lines)
    if plot and contenders and curves:
        draw(contenders, curves)


class pinned:  # noqa: N801
    """Context: this thread stays on one core, where the system can do that."""

    def __enter__(self) -> None:
        self._before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        if self._before:
            os.sched_setaffinity(0, {max(self._before)})

    def __exit__(self, *_: object) -> None:
        if self._before:
            os.sched_setaffinity(0, self._before)


def _processor() -> str:
    try:
        names = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def draw(contenders: list[Contender], curves: dict[str, list[float]]) -> None:
    """Documents a second as bars, time over size as curves. Needs the extra `plots`."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        print('no plot: pip install "spun-text-detector[plots]"', file=sys.stderr)
        return
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (bars, lines) = pyplot.subplots(
        1, 2, figsize=(13, 4.6), width_ratios=[3, 2], layout="constrained"
    )
    shown = contenders[::-1]
    colours = ["#c2410c" if c.name.startswith(OURS) else "#94a3b8" for c in shown]
    drawn = bars.barh([c.name for c in shown], [c.rate for c in shown], color=colours)
    bars.bar_label(drawn, [_figure(c.rate) for c in shown], padding=3, fontsize=9)
    bars.set(xscale="log", title=f"Documents of {SIZE // 1000} kB a second on one core")
    bars.margins(x=0.12)
    for name, seconds in curves.items():
        lines.plot(SIZES, seconds, marker=".", label=name)
    lines.set(
        xscale="log",
        yscale="log",
        xlabel="characters",
        ylabel="seconds",
        title="Time of one document, evidence asked for",
    )
    lines.legend(fontsize=7, frameon=False)
    for axes in (bars, lines):
        axes.spines[["top", "right"]].set_visible(False)
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["project", "worst"], help="a part of it, for while you work")
    parser.add_argument("--write", action="store_true", help="also put it into docs/performance.md")
    arguments = parser.parse_args()
    blocks = []
    for block in report(arguments.only, arguments.write):
        print(f"{block}\n", flush=True)
        blocks.append(block)
    if arguments.write:
        write(PAGE, "speed", "\n\n".join([*blocks, f"![Speed](images/{PLOT.name})"]))
