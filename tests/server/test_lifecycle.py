"""`detector serve` as it is run: started, stopped, given new models, its workers killed; what it logs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from detector.lexicon.tables import LexiconFiles
from detector.model import previous_of, save_model
from detector.promotion import pointer
from detector.registry import Registry
from detector.server import Settings
from tests.bundles import make_manifest
from tests.server.gates import gated
from tests.server.live import ROOT, Live, serve_command, serve_here, wait_until
from tests.server.test_hostile import read_all
from tests.texts import HONEST, STUFFED

NDJSON = (
    b"POST /v1/score?evidence=false HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
)


@pytest.fixture
def model(bundle: Path, tmp_path: Path) -> Path:
    """A bundle that may be changed."""
    return Path(shutil.copytree(bundle, tmp_path / "model"))


@pytest.fixture
def replace_model(bundle: Path, lexicon: LexiconFiles) -> Callable[[Path, str], None]:
    """Put a bundle with another version in the place of one, as `detector train` does."""

    def replace(model: Path, version: str) -> None:
        arrays = {path.name: np.load(path) for path in bundle.glob("*.npy")}
        save_model(model, make_manifest(lexicon=lexicon.digest, version=version), arrays)

    return replace


def version(client: httpx.Client) -> str:
    return str(client.get("/v1/model").json()["version"])


def test_sigterm_answers_what_was_accepted(bundle: Path) -> None:
    batch = json.dumps({"documents": [{"text": f"{STUFFED} {i}"} for i in range(80)]}).encode()
    head = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    line = json.dumps({"text": STUFFED}).encode() + b"\n"
    with serve_command("--model", str(bundle), "--jobs", "1") as server:
        wires = [server.connect() for _ in range(4)]
        for wire in wires[1:]:
            wire.sendall(head + b"Content-Length: %d\r\n\r\n" % len(batch) + batch)
        wires[0].sendall(NDJSON + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(line), line))
        assert wires[0].recv(1 << 16).startswith(b"HTTP/1.1 200 ")  # and the stream goes on
        for _ in range(5):
            server.client().get("/metrics")  # by now all were accepted
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        answers = [read_all(wire) for wire in wires]
        assert server.wait_stopped() == 0
        with pytest.raises(OSError, match="refused"):
            server.connect()
    for answer in answers[1:]:
        records = json.loads(answer.partition(b"\r\n\r\n")[2])["verdicts"]
        assert [record["verdict"] for record in records] == ["spam"] * 80
    assert b'"verdict":"spam"' in answers[0]
    assert b'{"incomplete": true, "problem": {"type": "urn:spun-text-detector:problem:stopping"' in answers[0]
    assert "stopped" in [line["event"] for line in server.log()[-3:]]


def test_a_new_model_is_taken_up_and_a_bad_one_refused(
    model: Path, replace_model: Callable[[Path, str], None]
) -> None:
    with serve_here(Settings(model=model, port=0, reload_seconds=0.05)) as server, server.client() as client:
        assert server.service is not None
        refused = server.service.metrics.reloads.labels("refused")._value
        assert version(client) == "1.2.3"
        replace_model(model, "2.0.0")
        wait_until(lambda: version(client) == "2.0.0")
        for bad in (b"<html>rubbish</html>", b"", b"{}"):
            before = refused.get()
            (model / "manifest.json").write_bytes(bad)
            wait_until(lambda before=before: refused.get() > before)
            assert client.post("/v1/score", json={"text": STUFFED}).json()["verdict"] == "spam"
            assert version(client) == "2.0.0"
        shutil.rmtree(previous_of(model))
        shutil.rmtree(model)
        wait_until(lambda: refused.get() > before + 1)
        assert client.get("/readyz").status_code == 200
        replace_model(model, "3.0.0")
        wait_until(lambda: version(client) == "3.0.0")


def test_a_promoted_model_is_taken_up(
    bundle: Path, lexicon: LexiconFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTOR_HOME", str(tmp_path))
    with serve_here(Settings(port=0, reload_seconds=0.05)) as server, server.client() as client:
        shipped = version(client)
        arrays = {path.name: np.load(path) for path in bundle.glob("*.npy")}
        registry = Registry()
        made = registry.add(lambda name: make_manifest(lexicon=lexicon.digest, version=name), arrays)
        registry.promote(made.name)
        wait_until(lambda: version(client).endswith("+1"))
        pointer(registry.folder).write_text("rubbish")
        assert server.service is not None
        wait_until(lambda: server.service.metrics.reloads.labels("refused")._value.get())
        assert version(client).endswith("+1")
        pointer(registry.folder).unlink()
        wait_until(lambda: version(client) == shipped)


def test_no_request_is_lost_while_models_change(
    model: Path, replace_model: Callable[[Path, str], None]
) -> None:
    with serve_here(Settings(model=model, port=0, jobs=2, reload_seconds=0.02)) as server:
        stop = False

        def ask(_: int) -> list[Any]:
            found = []
            with server.client() as client:
                while not stop:
                    found.append(client.post("/v1/score", json={"documents": [{"text": STUFFED}] * 5}))
            return found

        with ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(ask, i) for i in range(4)]
            for i in range(5):
                replace_model(model, f"{i}.0.0")
                with server.client() as client:
                    wait_until(lambda i=i, client=client: version(client) == f"{i}.0.0")
            stop = True
            found = [answer for future in answers for answer in future.result()]
    assert {answer.status_code for answer in found} == {200}
    records = [record for answer in found for record in answer.json()["verdicts"]]
    assert {record["verdict"] for record in records} == {"spam"}
    assert len({record["model"] for record in records}) >= 5


def test_a_batch_that_is_being_scored_keeps_its_model(live: Live) -> None:
    with gated(live) as gate, ThreadPoolExecutor() as pool:
        assert live.service is not None
        answer = pool.submit(httpx.post, f"{live.url}/v1/score", json={"text": STUFFED})
        assert gate.entered.wait(30)
        live.service.live.detector = gate._detector
        gate.open.set()
        assert answer.result().json()["verdict"] == "spam"


def is_worker(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return False


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no SIGHUP on this system")
def test_workers_share_the_work_and_one_that_is_killed_is_replaced(
    model: Path, replace_model: Callable[[Path, str], None]
) -> None:
    with serve_command("--model", str(model), "--jobs", "1", "--workers", "2") as server:
        assert server.process is not None

        def workers() -> set[int]:
            return {child.pid for child in psutil.Process(server.process.pid).children() if is_worker(child)}

        def loads() -> int:
            return sum(line["event"] == "model loaded" for line in server.log())

        wait_until(lambda: len(workers()) == 2 and loads() == 2)
        (model / "manifest.json").write_bytes(b"rubbish")
        victim = min(workers())
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(workers() - {victim}) == 2)
        wait_until(lambda: loads() == 3)
        for _ in range(12):  # both answer, the new one with the copy of the last good model
            assert httpx.post(f"{server.url}/v1/score", json={"text": STUFFED}).json()["verdict"] == "spam"
        total = 'detector_documents_total{outcome="spam"} 12.0'
        assert total in server.client().get("/metrics").text
        survivors, before = workers(), loads()
        replace_model(model, "2.0.0")
        for _ in range(20):
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.01)
        wait_until(lambda: loads() >= before + 2)
        assert workers() == survivors
        for _ in range(12):
            assert httpx.get(f"{server.url}/v1/model").json()["version"] == "2.0.0"
        server.process.send_signal(signal.SIGHUP)
        server.process.send_signal(signal.SIGTERM)
        assert server.wait_stopped() == 0


def test_logs_hold_neither_texts_nor_secrets(bundle: Path) -> None:
    token, secret = "a-token-that-nobody-knows", "Xanthippe-of-the-page"
    with serve_command("--model", str(bundle), DETECTOR_TOKENS=token) as server:
        headers = {"authorization": f"Bearer {token}", "x-request-id": "from-the-client"}
        with server.client(headers=headers) as client:
            url = f"https://example.org/{secret}"
            client.post(
                "/v1/score", json={"text": secret + HONEST, "url": url, "title": secret, "id": secret}
            )
            client.post("/v1/score", content=f"{{{secret}", headers={"content-type": "application/json"})
            client.post(
                "/v1/score", content=secret, headers={"content-type": "text/plain"}, params={"url": url}
            )
            client.get(f"/{secret}?q={secret}")
            client.request(secret, "/v1/score")
        wait_until(lambda: sum(line["event"] == "request" for line in server.log()) >= 5)
    text = "".join(server.lines)
    assert secret not in text
    assert token not in text
    first = next(line for line in server.log() if line["event"] == "request")
    assert first["id"] == "from-the-client"
    assert (first["route"], first["status"], first["documents"]) == ("/v1/score", 200, 1)


def test_a_full_disk_under_the_log_stops_nothing(bundle: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "detector", "serve", "--port", str(port), "--model", str(bundle)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        Path("/dev/full").open("wb") as full,
        subprocess.Popen(command, stderr=full, env=environment) as process,
    ):
        server = Live(port, process=process)
        server.wait_ready()
        for _ in range(20):
            assert server.client().post("/v1/score", json={"text": STUFFED}).json()["verdict"] == "spam"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
