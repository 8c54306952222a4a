"""Load on a real `detector serve`: many clients, mixed pages, faults if asked for; or the time of one client.

    python benchmarks/service.py --minutes 10                       # 200 clients
    python benchmarks/service.py --minutes 10 --faults              # and everything that can go wrong
    python benchmarks/service.py --minutes 10 --faults --workers 2  # and killed worker processes
    python benchmarks/service.py --single                           # p50 of one client on an idle server

Every answer is checked: as many records as documents, with their ids, in order. A request is lost if its
connection broke, or its answer is not whole, although nobody killed that very connection or worker. The
texts are those in training_data/ and their spun versions, plain, as pages, alone, in batches and streams; a
third is sent as gzip. The server's log goes to a full disk (/dev/full) under --faults.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from detector.lexicon.tables import load_lexicon
from detector.paths import LEXICON, SHIPPED
from detector.spinner.profiles import KINDS, profile
from detector.spinner.spin import Spinner
from detector.spinner.tables import Thesaurus
from detector.training.corpus import align, read_corpus

ROOT = Path(__file__).parent.parent
JSON, NDJSON, PLAIN, HTML = "application/json", "application/x-ndjson", "text/plain", "text/html"
SAMPLE_SECONDS = 5.0
LATE = "some documents were not scored before the deadline"


@dataclass(frozen=True)
class Call:
    """A request and the ids that its answer must hold."""

    kind: str
    head: bytes
    body: bytes
    ids: list[str]


@dataclass
class Figures:
    """What the clients saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    documents: int = 0
    lost: list[str] = field(default_factory=list)
    broken_by_kill: int = 0
    incomplete: int = 0
    kills: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    rss: list[float] = field(default_factory=list)


def texts() -> list[str]:
    """Written honest, stuffed and spun texts, and honest ones spun by simulated tools."""
    folders = ("honest", "stuffed", "pairs")
    records = [record for folder in folders for record in read_corpus(ROOT / "training_data", folder)]
    found = [align(record.body).spun if record.folder == "pairs" else record.body for record in records]
    honest = [record.body for record in records if record.folder == "honest"]
    thesaurus = Thesaurus(load_lexicon(LEXICON))
    for i, body in enumerate(honest[:80]):
        found.append(Spinner(profile(KINDS[i % len(KINDS)]), thesaurus, i).spin(body).text)
    return [text for text in found if len(text) > 400]


def make_calls(count: int, seed: int = 1) -> list[Call]:
    """Requests of all kinds in the proportions of a crawl that is impatient: most are single documents."""
    rng = random.Random(seed)
    pool = texts()
    return [_call(rng, pool, number) for number in range(count)]


def _call(rng: random.Random, pool: list[str], number: int) -> Call:
    def text() -> str:
        return "\n\n".join(rng.choices(pool, k=rng.choice((1, 1, 2, 3))))

    def record(id: str) -> dict[str, str]:
        if rng.random() < 0.4:
            return {"id": id, "html": _html(text()), "url": f"https://example.org/{id}"}
        return {"id": id, "text": text()}

    kind = rng.choices(("one", "page", "plain", "batch", "stream"), (50, 15, 15, 15, 5))[0]
    evidence = "true" if rng.random() < 0.5 else "false"
    ids = [f"{number}-{i}" for i in range({"batch": 10, "stream": 25}.get(kind, 1))]
    query = f"?evidence={evidence}"
    if kind in ("plain", "page"):
        query += f"&id={ids[0]}"
        body, media = (text(), PLAIN) if kind == "plain" else (_html(text()), HTML)
    elif kind == "stream":
        body, media = "\n".join(json.dumps(record(id)) for id in ids), NDJSON
    elif kind == "batch":
        body, media = json.dumps({"documents": [record(id) for id in ids]}), JSON
    else:
        body, media = json.dumps(record(ids[0])), JSON
    data = body.encode()
    packed = rng.random() < 1 / 3
    if packed:
        data = gzip.compress(data, 1)
    head = f"POST /v1/score{query} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media}\r\n" + (
        "Content-Encoding: gzip\r\n" if packed else ""
    )
    return Call(kind, f"{head}Content-Length: {len(data)}\r\n\r\n".encode(), data, ids)


def _html(text: str) -> str:
    title, _, rest = text.partition(". ")
    parts = "".join(f"<p>{part}</p>" for part in rest.split("\n\n"))
    links = "".join(f'<li><a href="/{i}">Section {i}</a></li>' for i in range(20))
    return f"<html><head><title>{title}</title></head><body><nav><ul>{links}</ul></nav><h1>{title}</h1>{parts}</body></html>"


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Status, headers, body. Raises what asyncio raises for a connection that breaks."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    if headers.get("transfer-encoding") != "chunked":
        return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return int(head[0].split()[1]), headers, body


def check(call: Call, body: bytes) -> str | None:
    """What is wrong with an answer of status 200; None if nothing."""
    if call.kind == "stream":
        records = [json.loads(line) for line in body.splitlines()]
    else:
        value = json.loads(body)
        records = value["verdicts"] if call.kind == "batch" else [value]
    if records and records[-1].get("incomplete"):
        return "incomplete"
    if [record["id"] for record in records] != call.ids:
        return "other ids than sent"
    wrong = [record["error"] for record in records if record["status"] == "failed"]
    if wrong and all(error.startswith("not scored within") for error in wrong):
        return LATE
    return f"failed: {wrong[0]}" if wrong else None


async def client(port: int, calls: list[Call], seed: int, end: float, figures: Figures) -> None:
    """One after the other on a connection that is kept; after 429 it waits as long as it is told."""
    rng = random.Random(seed)
    wire: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    used = 0.0  # when the connection was last seen alive: it may have died while this client waited
    while time.monotonic() < end:
        call = rng.choice(calls)
        sent = time.monotonic()
        try:
            if wire is None:
                used = time.monotonic()
                wire = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
            wire[1].write(call.head + call.body)
            await wire[1].drain()
            status, headers, body = await read_answer(wire[0])
        except (OSError, EOFError, asyncio.IncompleteReadError, ValueError) as error:
            now = time.monotonic()
            if any(used - 1 < kill < now + 1 for kill in figures.kills):
                figures.broken_by_kill += 1
            else:
                figures.lost.append(f"{call.kind}: {type(error).__name__}: {error}")
            if wire is not None:
                wire[1].close()
            wire = None
            await asyncio.sleep(0.05)
            continue
        used = time.monotonic()
        figures.statuses[str(status)] += 1
        if status == 200:
            figures.seconds.setdefault(call.kind, []).append(time.monotonic() - sent)
            figures.documents += len(call.ids)
            trouble = check(call, body)
            if trouble == LATE:
                figures.incomplete += 1
            elif trouble:
                figures.lost.append(f"{call.kind}: {trouble}")
        elif status in (429, 503):
            await asyncio.sleep(float(headers["retry-after"]))
        else:
            figures.lost.append(f"{call.kind}: {status}: {body[:200]!r}")
    if wire is not None:
        wire[1].close()


async def sample(process: psutil.Process, end: float, figures: Figures) -> None:
    """Resident memory of the server with all its processes, in MB, every few seconds."""
    while time.monotonic() < end:
        family = [process, *process.children(recursive=True)]
        total = 0
        for member in family:
            try:
                total += member.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        figures.rss.append(total / 1e6)
        await asyncio.sleep(SAMPLE_SECONDS)


async def break_model(model: Path, process: psutil.Process, end: float, figures: Figures) -> None:
    """Rubbish, cut-off files, no files, a good model again; and a signal to look at it."""
    good = {path.name: path.read_bytes() for path in SHIPPED.iterdir()}
    version = 0
    while time.monotonic() < end:
        await asyncio.sleep(7)
        version += 1
        kind = ("rubbish", "cut off", "gone", "not JSON")[version % 4]
        if kind == "rubbish":
            (model / "trees.npy").write_bytes(os.urandom(1 << 16))
        elif kind == "cut off":
            (model / "trees.npy").write_bytes(good["trees.npy"][:1000])
        elif kind == "gone":
            (model / "curves.npy").unlink()
        else:
            (model / "manifest.json").write_bytes(b"<html>502 Bad Gateway</html>")
        figures.faults[f"model {kind}"] += 1
        await asyncio.sleep(5)
        process.send_signal(signal.SIGHUP)
        figures.faults["SIGHUP"] += 1
        await asyncio.sleep(5)
        for name, data in good.items():
            if name != "manifest.json":
                (model / name).write_bytes(data)
        manifest = json.loads(good["manifest.json"]) | {"version": f"0.0.{version}"}
        (model / "manifest.json").write_text(json.dumps(manifest))
        figures.faults["model replaced by a good one"] += 1


async def break_connections(port: int, calls: list[Call], end: float, figures: Figures) -> None:
    """Clients that leave in the middle, half-close, dawdle, or send no HTTP."""
    rng = random.Random(5)
    held: list[asyncio.StreamWriter] = []
    while time.monotonic() < end:
        call = rng.choice(calls)
        kind = rng.choice(("reset", "half sent", "half closed", "slow", "not HTTP", "not read"))
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            whole = call.head + call.body
            if kind == "reset":
                linger = b"\x01\0\0\0\0\0\0\0"
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.write(whole)
            elif kind == "half closed":
                writer.write(whole)
                writer.write_eof()
                await read_answer(reader)
            elif kind == "not HTTP":
                writer.write(os.urandom(2000))
                await reader.read(1000)
            else:
                writer.write(whole[: len(whole) // 2] if kind != "not read" else whole)
            if kind in ("slow", "not read"):
                held.append(writer)
            else:
                writer.close()
            if len(held) > 50:
                held.pop(0).close()
        except (OSError, EOFError, ValueError):
            pass  # its worker may have been killed
        figures.faults[f"connection {kind}"] += 1
        await asyncio.sleep(0.2)
    for writer in held:
        writer.close()


async def kill_workers(process: psutil.Process, end: float, figures: Figures) -> None:
    """SIGKILL to one worker every half minute."""
    while time.monotonic() + 20 < end:
        await asyncio.sleep(30)
        workers = [child for child in process.children() if _is_worker(child)]
        if workers:
            figures.kills.append(time.monotonic())
            random.choice(workers).kill()
            figures.faults["worker killed"] += 1


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return False


def start_server(options: argparse.Namespace, model: Path, log: Path) -> tuple[subprocess.Popen[bytes], int]:
    """`detector serve` on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "detector", "serve", "--port", str(port), "--model", str(model)]
    command += ["--jobs", str(options.jobs), "--workers", str(options.workers)]
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stderr=stderr, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return process, port


async def wait_ready(port: int) -> None:
    """Until `/readyz` says so."""
    for _ in range(6000):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            status, _, _ = await read_answer(reader)
            writer.close()
            if status == 200:
                return
        except (OSError, EOFError):
            pass
        await asyncio.sleep(0.1)
    raise SystemExit("the server did not become ready")


async def load(options: argparse.Namespace, port: int, process: psutil.Process, model: Path) -> Figures:
    """All clients, and what disturbs them."""
    calls = make_calls(options.calls)
    figures = Figures()
    end = time.monotonic() + 60 * options.minutes
    tasks = [client(port, calls, i, end, figures) for i in range(options.clients)]
    tasks.append(sample(process, end, figures))
    if options.faults:
        tasks += [break_model(model, process, end, figures), break_connections(port, calls, end, figures)]
        if options.workers > 1:
            tasks.append(kill_workers(process, end, figures))
    await asyncio.gather(*tasks)
    return figures


async def single(port: int, process: psutil.Process, rounds: int) -> dict[str, Any]:
    """Milliseconds of one client that asks one after the other, texts of 3,000 characters; also the time that
    the server's processor took, which other work on the machine does not lengthen as much."""
    pool = [text for text in texts() if len(text) >= 600]
    shown: dict[str, Any] = {}
    for evidence in ("true", "false"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
        times = []
        worked = _processor_seconds(process)
        for i in range(rounds):
            text = "\n\n".join(pool[(7 * i + j) % len(pool)] for j in range(5))[:3000]
            body = json.dumps({"text": text}).encode()
            head = (
                f"POST /v1/score?evidence={evidence} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"
            )
            started = time.perf_counter()
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            status, _, _ = await read_answer(reader)
            times.append(1000 * (time.perf_counter() - started))
            assert status == 200
        writer.close()
        quantiles = {f"p{q}": round(float(np.percentile(times, q)), 2) for q in (50, 95, 99)}
        processor = 1000 * (_processor_seconds(process) - worked) / rounds
        shown[f"evidence={evidence}"] = quantiles | {"processor_mean": round(processor, 2)}
    return shown | {"load_average": os.getloadavg()}


def _processor_seconds(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    return float(sum(sum(member.cpu_times()[:2]) for member in family))


def report(options: argparse.Namespace, figures: Figures) -> dict[str, Any]:
    """JSON-ready figures."""
    every = [value for values in figures.seconds.values() for value in values]
    quantiles = {
        kind: {f"p{q}": round(1000 * float(np.percentile(values, q))) for q in (50, 95, 99)}
        for kind, values in {"all": every, **figures.seconds}.items()
    }
    tenth = max(1, len(figures.rss) // 10)
    return {
        "clients": options.clients,
        "minutes": options.minutes,
        "jobs": options.jobs,
        "workers": options.workers,
        "requests": sum(figures.statuses.values()),
        "documents_per_second": round(figures.documents / (60 * options.minutes), 1),
        "statuses": dict(figures.statuses),
        "milliseconds_of_200": quantiles,
        "incomplete_at_the_deadline": figures.incomplete,
        "lost": len(figures.lost),
        "lost_examples": figures.lost[:5],
        "broken_by_a_killed_worker": figures.broken_by_kill,
        "faults": dict(figures.faults),
        "rss_mb": [round(value) for value in figures.rss[::tenth]],
        "load_average": os.getloadavg(),
    }


async def run(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        shutil.copytree(SHIPPED, model)
        log = Path("/dev/full") if options.faults else Path(folder) / "log"
        process, port = start_server(options, model, log)
        try:
            await wait_ready(port)
            if options.single:
                shown: dict[str, Any] = await single(port, psutil.Process(process.pid), options.rounds)
            else:
                shown = report(options, await load(options, port, psutil.Process(process.pid), model))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(120)
        print(json.dumps(shown | {"exit_status": process.returncode}, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--calls", type=int, default=2000, help="different requests")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--single", action="store_true")
    parser.add_argument("--rounds", type=int, default=1000, help="of --single")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
