"""What is too much is refused with the reason, and costs nothing afterwards."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from detector.server import Limits, Settings
from tests.server.gates import gated
from tests.server.live import Live, serve_here, wait_until
from tests.server.test_score import SCHEMA
from tests.texts import STUFFED

TIGHT = Limits(body_bytes=100_000, batch_documents=5, queue_documents=6, queue_bytes=150_000, seconds=1.0)
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def tight(bundle: Path) -> Iterator[Live]:
    with serve_here(Settings(model=bundle, port=0, jobs=1, limits=TIGHT)) as server:
        yield server


@pytest.fixture
def tight_client(tight: Live) -> Iterator[httpx.Client]:
    assert tight.service is not None
    with tight.client() as connected:
        yield connected
    wait_until(lambda: tight.service.batcher.queued == 0 and tight.service.memory.used == 0)


def problem(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["type"]) == (status, f"urn:spun-text-detector:problem:{name}")
    assert body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]
    return dict(body)


def batch(count: int, text: str = STUFFED) -> dict[str, Any]:
    return {"documents": [{"text": text}] * count}


def test_a_large_body(tight_client: httpx.Client) -> None:
    large = json.dumps({"text": "x" * 100_000}).encode()
    assert (
        "100,000 bytes"
        in problem(tight_client.post("/v1/score", content=large, headers=JSON), 413, "too-large")["detail"]
    )
    chunks = (large[i : i + 1000] for i in range(0, len(large), 1000))  # no Content-Length
    problem(tight_client.post("/v1/score", content=chunks, headers=JSON), 413, "too-large")
    assert tight_client.post("/v1/score", json={"text": STUFFED}).status_code == 200


def test_a_gzip_bomb_is_not_unpacked(tight_client: httpx.Client) -> None:
    headers = JSON | {"content-encoding": "gzip"}
    bomb = gzip.compress(bytes(80_000_000))
    assert len(bomb) < 100_000
    problem(tight_client.post("/v1/score", content=bomb, headers=headers), 413, "too-large")
    stream = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
    for content in (bomb, gzip.compress(b"\n" * 80_000_000)):
        answer = tight_client.post("/v1/score", content=content, headers=stream)
        last = json.loads(answer.text.splitlines()[-1])
        assert (last["incomplete"], last["problem"]["status"]) == (True, 413)


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"{}")[:-4], b"", gzip.compress(b"{}") + b"rest"])
def test_broken_gzip(tight_client: httpx.Client, body: bytes) -> None:
    headers = JSON | {"content-encoding": "gzip"}
    problem(tight_client.post("/v1/score", content=body, headers=headers), 400, "broken-gzip")


def test_too_many_documents(tight_client: httpx.Client) -> None:
    assert problem(tight_client.post("/v1/score", json=batch(6)), 422, "too-many-documents")["limit"] == 5
    assert len(tight_client.post("/v1/score", json=batch(5)).json()["verdicts"]) == 5


def test_a_full_queue_says_when_to_come_back(tight: Live, tight_client: httpx.Client) -> None:
    with gated(tight) as gate, ThreadPoolExecutor() as pool:
        first = pool.submit(httpx.post, f"{tight.url}/v1/score", json=batch(5))
        assert gate.entered.wait(10)
        answer = tight_client.post("/v1/score", json=batch(5))
        problem(answer, 429, "busy")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        ndjson = {"content-type": "application/x-ndjson"}
        assert tight_client.get("/healthz").status_code == 200
        gate.open.set()
        assert [v["verdict"] for v in first.result().json()["verdicts"]] == ["spam"] * 5
        assert tight_client.post("/v1/score", content="{}", headers=ndjson).status_code == 200


def test_bodies_together_have_a_limit(tight: Live, tight_client: httpx.Client) -> None:
    with gated(tight) as gate, ThreadPoolExecutor() as pool:
        first = pool.submit(httpx.post, f"{tight.url}/v1/score", json=batch(1, (STUFFED * 200)[:90_000]))
        assert gate.entered.wait(10)
        answer = tight_client.post("/v1/score", json=batch(1, (STUFFED * 200)[:90_000]))
        problem(answer, 429, "busy")
        gate.open.set()
        assert first.result().status_code == 200


def test_the_deadline_gives_what_is_done(tight: Live, tight_client: httpx.Client) -> None:
    assert tight.service is not None
    with gated(tight) as gate:
        gate.open.set()
        texts = [STUFFED, "slow", STUFFED]
        slow = threading.Event()
        real = gate._detector.score_batch

        def score_batch(documents: Any, evidence: bool) -> Any:
            documents = list(documents)
            if any(document.text == "slow" for document in documents):
                assert slow.wait(60)
            return real(documents, evidence)

        gate.score_batch = score_batch  # type: ignore[method-assign]
        first = tight_client.post(
            "/v1/score", json={"documents": [{"text": texts[0] * 30}, {"text": "slow"}]}
        )
        late = tight_client.post("/v1/score", json=batch(2))
        assert first.json()["incomplete"] is True
        assert late.json()["incomplete"] is True
        for record in first.json()["verdicts"] + late.json()["verdicts"]:
            jsonschema.validate(record, SCHEMA)
        assert [record["status"] for record in late.json()["verdicts"]] == ["failed"] * 2
        assert "not scored within 1 s" in late.json()["verdicts"][0]["error"]
        one = tight_client.post("/v1/score", json={"text": STUFFED})
        assert problem(one, 503, "deadline")["incomplete"] is True
        assert "retry-after" in one.headers
        slow.set()
    assert tight_client.post("/v1/score", json=batch(2)).json()["incomplete"] is False


def test_a_failing_detector_loses_only_what_it_fails_on(tight: Live, tight_client: httpx.Client) -> None:
    with gated(tight) as gate:
        real = gate._detector

        def check(documents: Any) -> Any:
            if any("poison" in document.text for document in documents):
                raise MemoryError
            return documents

        gate.score_batch = lambda documents, evidence: real.score_batch(check(list(documents)), evidence)  # type: ignore[method-assign]
        gate.score = lambda document, evidence: real.score(*check([document]), evidence)  # type: ignore[attr-defined]
        documents = [{"text": STUFFED}, {"text": "poison"}, {"text": STUFFED}]
        records = tight_client.post("/v1/score", json={"documents": documents}).json()["verdicts"]
    assert [record["status"] for record in records] == ["scored", "failed", "scored"]
    assert "MemoryError" in records[1]["error"]


def test_a_stream_waits_for_room_instead_of_failing(tight_client: httpx.Client) -> None:
    lines = "\n".join(json.dumps({"text": STUFFED}) for _ in range(40))
    headers = {"content-type": "application/x-ndjson"}
    answer = tight_client.post("/v1/score", content=lines, headers=headers)
    assert [json.loads(line)["verdict"] for line in answer.text.splitlines()] == ["spam"] * 40


def test_a_slow_body_is_given_up(tight: Live, tight_client: httpx.Client) -> None:
    with tight.connect() as wire:
        wire.sendall(b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        wire.sendall(b"Content-Length: 1000\r\n\r\n{")
        assert wire.recv(65536).startswith(b"HTTP/1.1 408 ")
