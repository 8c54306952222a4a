"""Whatever a client sends or fails to send: an answer or a closed connection, and the next client is served."""

from __future__ import annotations

import gzip
import json
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.server import Limits, Settings
from tests.server.live import Live, serve_here, wait_until
from tests.server.test_limits import JSON, problem
from tests.texts import STUFFED

HEAD = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BODY = json.dumps({"text": STUFFED}).encode()
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


@pytest.fixture(scope="module")
def hasty(bundle: Path) -> Iterator[Live]:
    limits = Limits(header_seconds=0.5, seconds=2)
    with serve_here(Settings(model=bundle, port=0, jobs=2, limits=limits)) as server:
        yield server


@pytest.fixture
def victim(hasty: Live) -> Iterator[Live]:
    """The server; afterwards it must hold nothing and answer."""
    yield hasty
    assert hasty.service is not None
    wait_until(lambda: hasty.service.batcher.queued == 0 and hasty.service.memory.used == 0)
    with hasty.client() as client:
        assert client.post("/v1/score", json={"text": STUFFED}).json()["verdict"] == "spam"


def read_all(wire: socket.socket) -> bytes:
    got = b""
    try:
        while data := wire.recv(1 << 16):
            got += data
    except ConnectionResetError:
        pass
    return got


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 50,
        b"GET /%zz\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        HEAD + b"Content-Length: -5\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"X: " + b"a" * 10_000_000 + b"\r\n\r\n",
        HEAD + b"X: a\r\n" * 1_700_000 + b"\r\n",
        b"A" * 1_000_000,
    ],
    ids=[
        "tls",
        "path",
        "negative",
        "two lengths",
        "chunk",
        "10 MB header",
        "10 MB headers",
        "line",
    ],
)
def test_broken_http_is_a_400_and_the_end_of_the_connection(victim: Live, bytes_sent: bytes) -> None:
    with victim.connect() as wire:
        try:
            wire.sendall(bytes_sent)
        except (ConnectionResetError, BrokenPipeError):
            return  # it was closed before the ten megabytes were through
        answer = read_all(wire)
        assert answer.startswith(b"HTTP/1.1 400 ") or not answer
        assert b"application/problem+json" in answer or not answer


def read_answer(wire: socket.socket) -> bytes:
    """One whole answer with a Content-Length; it may come in several pieces."""
    answer = b""
    while True:
        head, end, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if end and length and len(body) >= int(length[1]):
            return answer
        piece = wire.recv(1 << 16)
        assert piece, answer
        answer += piece


def test_headers_that_do_not_come_end_the_connection(victim: Live) -> None:
    with victim.connect() as silent, victim.connect() as slow, victim.connect() as second:
        slow.sendall(HEAD[:30])
        second.sendall(WHOLE)
        assert read_answer(second).startswith(b"HTTP/1.1 200 ")
        second.sendall(HEAD[:30])
        for wire in (silent, slow, second):
            assert read_all(wire) == b""


def test_a_half_closed_client_gets_its_answer(victim: Live) -> None:
    with victim.connect() as wire:
        wire.sendall(WHOLE)
        wire.shutdown(socket.SHUT_WR)
        answer = read_all(wire)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["verdict"] == "spam"


def test_clients_that_leave_in_the_middle(victim: Live) -> None:
    stream = HEAD.replace(b"json", b"x-ndjson") + b"Transfer-Encoding: chunked\r\n\r\n"
    for sent in (WHOLE[:-10], WHOLE, stream, stream + b"%x\r\n%s\n\r\n" % (len(BODY) + 1, BODY)):
        for abrupt in (False, True):
            wire = victim.connect()
            if abrupt:
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            wire.sendall(sent)
            wire.close()


def test_a_client_that_does_not_take_its_answer_is_dropped(victim: Live) -> None:
    with victim.connect() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.settimeout(1)
        stream = HEAD.replace(b"json", b"x-ndjson") + b"Transfer-Encoding: chunked\r\n\r\n"
        lines = b"x\n" * 5000
        wire.sendall(stream)
        dropped = False
        while not dropped:
            try:
                wire.sendall(b"%x\r\n%s\r\n" % (len(lines), lines))
            except TimeoutError:
                wire.settimeout(30)  # both directions are full now
            except OSError:
                dropped = True


def test_a_thousand_connections(bundle: Path) -> None:
    wires = []
    with serve_here(Settings(model=bundle, port=0, limits=Limits(connections=1100))) as server:
        try:
            wires = [server.connect() for _ in range(1000)]
            with server.client() as client:
                assert client.get("/healthz").status_code == 200
            for wire in wires[::10]:
                wire.sendall(WHOLE)
            for wire in wires[::10]:
                assert wire.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
            wires += [server.connect() for _ in range(150)]
            refused = wires[-1].recv(1 << 16)
            assert refused.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: 1" in refused
        finally:
            for wire in wires:
                wire.close()
        with server.client() as client:
            assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        (b"[" * 500_000, 400, "broken-json"),
        (b'{"text":' * 100_000, 400, "broken-json"),
        (b'{"text": NaN}', 400, "broken-json"),
        (b'{"id": 1' + b"0" * 5000 + b"}", 400, "broken-json"),
        (b'{"text": "caf\xe9"}', 400, "broken-json"),
        ('{"text": "x"}'.encode("utf-16"), 400, "broken-json"),
        (b"", 400, "broken-json"),
        (b"null", 422, "invalid-request"),
        (b'"text"', 422, "invalid-request"),
        (b"{}", 422, "invalid-request"),
        (b'{"text": null, "html": null}', 422, "invalid-request"),
        (b'{"text": "a", "html": "b"}', 422, "invalid-request"),
        (b'{"text": ["a"]}', 422, "invalid-request"),
        (b'{"text": "a", "id": {}}', 422, "invalid-request"),
        (b'{"documents": "abc"}', 422, "invalid-request"),
        (b'{"documents": [{"text": 1}, null]}', 422, "invalid-request"),
    ],
)
def test_bodies_that_are_no_documents(victim: Live, body: bytes, status: int, name: str) -> None:
    with victim.client() as client:
        found = problem(client.post("/v1/score", content=body, headers=JSON), status, name)
    assert len(json.dumps(found)) < 2000


def test_a_secret_that_is_sent_is_not_sent_back(victim: Live) -> None:
    with victim.client() as client:
        answer = client.post("/v1/score", json={"text": 1, "html": ["hunter2"], "id": {"key": "hunter2"}})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


def test_types_and_encodings_that_are_not_served(victim: Live) -> None:
    with victim.client() as client:

        def post(**headers: str) -> httpx.Response:
            named = {key.replace("_", "-"): value for key, value in headers.items()}
            return client.post("/v1/score", content=BODY, headers=named)

        problem(post(content_type="application/xml"), 415, "unsupported-type")
        problem(post(), 415, "unsupported-type")
        problem(post(content_type="application/json", content_encoding="br"), 415, "unsupported-encoding")
        for charset in ("hex", "rot13", "idna", "punycode", "nonsense", "x" * 3000):
            answer = post(content_type=f"text/plain; charset={charset}")
            assert answer.status_code in (200, 415)


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/v1/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/v1/score/..%2f..%2fx",
    ],
)
def test_paths_that_lead_out_find_nothing(victim: Live, path: str) -> None:
    with victim.connect() as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = read_all(wire)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"root:" not in answer


def test_nothing_is_fetched(victim: Live) -> None:
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/"
        html = f'<base href="{url}"><img src="{url}"><iframe src="{url}"></iframe><link rel=stylesheet href="{url}">'
        with victim.client() as client:
            answer = client.post("/v1/score", json={"html": f"{html}<p>{STUFFED}", "url": url})
            assert answer.json()["status"] == "scored"
        trap.settimeout(0.2)
        with pytest.raises(TimeoutError):
            trap.accept()


@given(
    body=st.binary(max_size=3000)
    | st.text(max_size=500).map(lambda text: json.dumps({"html": text}).encode()),
    media=st.sampled_from(["application/json", "application/x-ndjson", "text/plain", "text/html"]),
    packed=st.booleans(),
    lie=st.booleans(),
)
@settings(max_examples=60)
def test_any_bytes_get_a_proper_answer(hasty: Live, body: bytes, media: str, packed: bool, lie: bool) -> None:
    data = gzip.compress(body) if packed else body
    headers = {"content-type": media} | ({"content-encoding": "gzip"} if packed is not lie else {})
    with hasty.client() as client:
        answer = client.post("/v1/score", content=data, headers=headers)
    assert answer.status_code in (200, 400, 422)
    for line in answer.text.splitlines():
        json.loads(line)
    assert hasty.service is not None
    assert hasty.service.memory.used == 0
