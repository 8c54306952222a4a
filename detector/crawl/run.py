"""One bulk run: its plan, its folder, and going on where it stopped.

The folder holds `_run.json` (inputs with their sizes, settings, model: written once), the parts, and `_parts.jsonl`,
which gets a line when a part is on the disk: its name, records, SHA-256 and the place in the inputs where the next
begins. A part holds the verdicts of `part_size` records, so which record lies in which part depends on nothing but
the plan. (Readers of folders pass over names with an underscore.) What a kill leaves behind is a temporary file, or a part without its line: both are written anew, with the
same bytes.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any

from detector import __version__
from detector.crawl.folders import Folder, folder_at
from detector.crawl.parts import PartFormat, missing_extra, open_part
from detector.crawl.workers import WARM_UP, StartError, Work, Workers, batches
from detector.readers import Extraction, Failure, RawRecord, expand, format_named, scan_file
from detector.readers.remote import identity, is_url
from detector.readers.sources import STDIN
from detector.report.places import badge
from detector.scoring import Detector

SCHEMA = 1
RUN, PARTS = "_run.json", "_parts.jsonl"
PART_SIZE = 10_000


class CrawlError(Exception):
    """A run that can't begin or go on; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does. Two runs with the same plan, inputs and model write the same bytes. `folder`: where, a path,
    or the URL of a folder in an object store."""

    inputs: list[str]
    folder: Path | str
    format: PartFormat = "jsonl"
    input_format: str | None = None
    evidence: bool = True
    with_text: bool = False
    extraction: Extraction = "fast"
    part_size: int = PART_SIZE
    model: Path | None = None
    policy: str = "balanced"
    fpr: float | None = None


@dataclass(slots=True)
class Standing:
    """How far a run has come: verdicts by badge (`detector.report.places.badge`), how many of them are of
    earlier starts, records a second since this start, seconds left (None where that can't be told)."""

    counts: Counter[str] = field(default_factory=Counter)
    resumed: int = 0
    rate: float = 0.0
    seconds_left: float | None = None


def run(
    plan: Plan, detector: Detector, jobs: int = 1, report: Callable[[Standing], None] = lambda _: None
) -> Standing:
    """Score all inputs into the plan's folder, or what is left of them; `report` is called after each batch.

    `detector` is the plan's; it gives the run its name, the work is done in `jobs` processes with detectors of
    their own. Raises CrawlError if an input can't be opened, the folder belongs to another run, or the format needs
    an extra that is not installed.
    """
    if extra := missing_extra(plan.format):
        raise CrawlError(f'writing {plan.format} needs an extra: pip install "{extra}"')
    inputs = expanded(plan.inputs)
    try:
        folder = folder_at(plan.folder)
        with folder.locked():
            written = folder.sizes()
            _claim(folder, written, str(plan.folder), _identity(plan, inputs, detector))
            log = _Log(folder, written, str(plan.folder))
            detector.score(WARM_UP, plan.evidence)
            return _Run(plan, inputs, folder, log, detector.model.name, jobs, report).finish()
    except StartError as error:
        raise CrawlError(str(error)) from None
    except BlockingIOError:
        raise CrawlError(
            f"another run is writing to {plan.folder}: let it finish, or name another folder"
        ) from None
    except OSError as error:
        raise CrawlError(f"{plan.folder} can't be written: {error.strerror or error}") from None


class _Run:
    """A run under way."""

    def __init__(
        self, plan: Plan, inputs: list[Input], folder: Folder, log: _Log, model: str, jobs: int,
        report: Callable[[Standing], None],
    ) -> None:  # fmt: skip
        self._plan, self._folder, self._log = plan, folder, log
        self._model, self._jobs, self._report = model, jobs, report
        self._reading = _Reading(inputs, self._log.place, plan.input_format)
        self._standing = Standing(self._log.counts, self._log.counts.total())
        self._started = time.monotonic()
        self._begin = self._reading.bytes_read()

    def finish(self) -> Standing:
        """Write the parts that are not there yet."""
        plan = self._plan
        work = Work(plan.model, plan.policy, plan.fpr, plan.evidence, plan.with_text, plan.extraction)
        if not self._log.complete:
            with Workers(work, self._jobs, self._model) as workers:
                while self._write_part(workers):
                    pass
            self._log.close()
        return self._standing

    def _write_part(self, workers: Workers) -> bool:
        """Write the next part; False if it is the last."""
        plan = self._plan
        name = f"part-{self._log.parts:05}.{plan.format}"
        before = self._standing.counts.copy()
        with open_part(self._folder, name, plan.format, plan.evidence) as part:
            records = islice(self._reading.records, plan.part_size)
            for scored in workers.map(batches(records)):
                for verdict, text in scored:
                    part.add(verdict, text)
                    self._standing.counts[badge(verdict)] += 1
                self._tick()
        if part.records:
            counts = self._standing.counts - before
            self._log.add(name, part.records, part.size, part.digest, counts, self._reading.place)
        return part.records == plan.part_size

    def _tick(self) -> None:
        """Tell how it stands."""
        seconds = max(time.monotonic() - self._started, 1e-3)
        standing, reading = self._standing, self._reading
        standing.rate = (standing.counts.total() - standing.resumed) / seconds
        done = reading.bytes_read() - self._begin
        if reading.total is not None and done > 0:
            standing.seconds_left = seconds * max(reading.total - reading.bytes_read(), 0) / done
        self._report(standing)


@dataclass(frozen=True, slots=True)
class Input:
    """A file of the run: its size in bytes if known, and whatever else tells one version of it from another."""

    name: str
    size: int | None
    mark: str


def expanded(arguments: list[str]) -> list[Input]:
    """The files that these paths, folders, patterns and URLs stand for. Raises CrawlError for one that isn't
    there: a run that takes days should not begin without it."""
    found = []
    for argument in arguments:
        if argument == STDIN:
            raise CrawlError("standard input can't be read again after a stop: name files")
        for name in expand(argument):
            if isinstance(name, Failure):
                raise CrawlError(f"{name.id}: {name.reason}")
            found.append(_input(name))
    if not found:
        raise CrawlError(f"no files with a known suffix in {', '.join(arguments)}: name others one by one")
    return found


def _input(name: str) -> Input:
    try:
        if is_url(name):
            return Input(name, *identity(name))
        status = os.stat(name)
    except (OSError, ValueError) as error:
        raise CrawlError(f"{name}: {getattr(error, 'strerror', None) or error}") from None
    return Input(name, status.st_size, str(status.st_mtime_ns))


def _identity(plan: Plan, inputs: list[Input], detector: Detector) -> dict[str, Any]:
    """All that the run's output depends on."""
    settings = {
        "format": plan.format,
        "from": plan.input_format,
        "explain": plan.evidence,
        "with_text": plan.with_text,
        "extraction": plan.extraction,
        "part_size": plan.part_size,
        "policy": detector.policy,
        "model": detector.model.name,
        "lexicon": detector.lexicon.digest,
        "software": _software(plan.extraction),
    }
    return {"schema": SCHEMA, "settings": settings, "inputs": [[i.name, i.size, i.mark] for i in inputs]}


def _software(extraction: Extraction) -> dict[str, str]:
    """Versions of what the text of pages depends on."""
    versions = {"detector": __version__}
    for package in ("resiliparse", *(["trafilatura"] if extraction == "precise" else [])):
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions


def _claim(folder: Folder, written: dict[str, int], place: str, identity: dict[str, Any]) -> None:
    """Make the folder this run's, or find that it is. Raises CrawlError that says what differs."""
    if RUN not in written:
        if written:
            raise CrawlError(f"{place} is not empty and holds no run: name another folder")
        with folder.draft(RUN) as file:
            file.write(json.dumps(identity, indent=1).encode())
            folder.publish(RUN, file)
        return
    try:
        known = json.loads(folder.read(RUN))
        faults = _differences(known["settings"], identity["settings"], known["inputs"], identity["inputs"])
    except (ValueError, KeyError, TypeError):
        raise CrawlError(f"{place} holds a damaged {RUN}: begin anew in another folder") from None
    if known["schema"] != SCHEMA:
        faults = ["the release that began it was another"]
    if faults:
        raise CrawlError(
            f"{place} holds a run that differs: {'; '.join(faults)}. Undo the change to go on, or name another folder"
        )


def _differences(
    settings: dict[str, Any], now: dict[str, Any], inputs: list[list[Any]], inputs_now: list[list[Any]]
) -> list[str]:
    faults = [
        f"{name} was {settings.get(name)}, now is {now[name]}"
        for name in now
        if settings.get(name) != now[name]
    ]
    for old, new in zip(inputs, inputs_now, strict=False):
        if old != new:
            what = "has changed" if old[0] == new[0] else f"stands where {old[0]} was"
            return [*faults, f"input {new[0]} {what}"]
    if len(inputs) != len(inputs_now):
        faults.append(f"there were {len(inputs):,} inputs, now there are {len(inputs_now):,}")
    return faults


class _Log:
    """`_parts.jsonl`: what is finished. `place` is (input, records of it) where the next part begins."""

    def __init__(self, folder: Folder, written: dict[str, int], place: str) -> None:
        """`written`: the files that are there. Raises CrawlError if a finished part is not there as it was."""
        self._folder = folder
        self.parts = 0
        self.complete = False
        self.place = (0, 0)
        self.counts: Counter[str] = Counter()
        data = folder.read(PARTS) if PARTS in written else b""
        self._data = data[: data.rfind(b"\n") + 1]  # a kill may have come in the middle of a line
        for line in self._data.splitlines():
            entry = json.loads(line)
            self._take(entry)
            if not self.complete and written.get(entry["part"]) != entry["bytes"]:
                raise CrawlError(
                    f"{entry['part']} in {place} is missing or was changed since it was finished: "
                    "put it back, or begin anew"
                )

    def _take(self, entry: dict[str, Any]) -> None:
        self.complete = "part" not in entry
        if not self.complete:
            self.parts += 1
            self.place = (entry["next"][0], entry["next"][1])
            self.counts.update(entry["counts"])

    def add(
        self, part: str, records: int, size: int, digest: str, counts: Counter[str], place: tuple[int, int]
    ) -> None:
        """Enter a finished part."""
        self._append(
            {"part": part, "records": records, "bytes": size, "sha256": digest, "counts": dict(sorted(counts.items())),
             "next": place}
        )  # fmt: skip
        self.parts += 1

    def close(self) -> None:
        """Enter that all is done."""
        self._append({"complete": True, "parts": self.parts})
        self.complete = True

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry).encode() + b"\n"
        self._folder.append(PARTS, self._data, line)
        self._data += line


class _Reading:
    """The records of all inputs from a place on; `place` is where the next one is."""

    def __init__(self, inputs: list[Input], place: tuple[int, int], input_format: str | None) -> None:
        self._inputs = inputs
        self._forced = None if input_format is None else format_named(input_format)
        self._file: BufferedReader | None = None
        sizes = [item.size for item in inputs]
        self.total = None if None in sizes else sum(size or 0 for size in sizes)
        self.place = place
        self.records = self._read()

    def _read(self) -> Iterator[RawRecord]:
        first, skipped = self.place
        for i in range(first, len(self._inputs)):
            records = scan_file(self._inputs[i].name, self._forced, self._opened)
            begin = skipped if i == first else 0
            for n, record in enumerate(islice(records, begin, None), begin):
                self.place = (i, n + 1)
                yield record
            self._file = None

    def _opened(self, file: BufferedReader) -> None:
        self._file = file

    def bytes_read(self) -> int:
        """Bytes of the inputs behind the present place."""
        before = sum(item.size or 0 for item in self._inputs[: self.place[0]])
        return before + (self._file.raw.tell() if self._file is not None and not self._file.closed else 0)
