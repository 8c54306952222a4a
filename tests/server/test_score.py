"""`POST /v1/score`: the same records as the command line, in every way of asking."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jsonschema
import pytest

from detector.document import Document
from detector.readers.html import page
from detector.scoring import Detector
from tests.server.live import ROOT, Live
from tests.texts import GERMAN, HONEST, SPUN, STUFFED

SCHEMA = json.loads((ROOT / "docs" / "verdict.schema.json").read_text())
PAGE = f"<title>Plumbers</title><h1>Cheap plumber Leeds</h1><p>{STUFFED}</p>"
NDJSON = {"content-type": "application/x-ndjson"}


def score(client: httpx.Client, json: Any, **query: Any) -> Any:
    answer = client.post("/v1/score", json=json, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    "text", [HONEST, SPUN, STUFFED, GERMAN, "too short", "", "a\x00b \ud83d \U0001f600" * 60]
)
def test_a_text_gets_the_record_of_the_detector(client: httpx.Client, reference: Detector, text: str) -> None:
    body = json.dumps({"text": text, "id": "x", "url": "https://example.org/"})
    found = client.post("/v1/score", content=body, headers={"content-type": "application/json"}).json()
    expected = reference.score(Document(text, "x", "https://example.org/")).to_dict()
    assert found == json.loads(json.dumps(expected))
    jsonschema.validate(found, SCHEMA)


def test_stuffing_is_flagged_with_its_places(client: httpx.Client) -> None:
    found = score(client, {"text": STUFFED})
    assert (found["verdict"], found["reasons"], found["id"]) == ("spam", ["stuffed"], "-")
    assert all(STUFFED[place["start"] : place["end"]] == place["text"] for place in found["evidence"])
    assert score(client, {"text": STUFFED}, evidence=False) == found | {"evidence": []}


def test_a_page_is_read_as_the_command_line_reads_it(client: httpx.Client, reference: Detector) -> None:
    found = score(client, {"html": PAGE, "id": 7}, with_text=True)
    document = page(PAGE, "7")
    assert found == reference.score(document).to_dict() | {"text": document.text}
    jsonschema.validate(found, SCHEMA)


def test_a_batch_keeps_order_and_one_bad_page_fails_alone(client: httpx.Client, reference: Detector) -> None:
    trap = "<b>" * 5000
    documents = [{"text": STUFFED}, {"html": trap, "id": "trap"}, {"text": HONEST, "title": "A shop"}]
    found = score(client, {"documents": documents})
    assert found["incomplete"] is False
    assert [record["id"] for record in found["verdicts"]] == ["1", "trap", "3"]
    assert [record["status"] for record in found["verdicts"]] == ["scored", "failed", "scored"]
    assert "nested" in found["verdicts"][1]["error"]
    for record in found["verdicts"]:
        jsonschema.validate(record, SCHEMA)
    assert score(client, {"documents": []})["verdicts"] == []


def test_raw_bodies_in_any_encoding(client: httpx.Client) -> None:
    def post(content: bytes, kind: str, **query: str) -> Any:
        answer = client.post("/v1/score", content=content, headers={"content-type": kind}, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    text = STUFFED.replace("Leeds", "Orléans")
    plain = post(text.encode(), "text/plain", id="a", with_text="true")
    assert (plain["id"], plain["text"], plain["verdict"]) == ("a", text, "spam")
    for body, kind in (
        (text.encode("utf-16"), "text/plain"),
        (text.encode("latin-1"), "text/plain"),
        (text.encode("latin-1"), "text/plain; charset=ISO-8859-1"),
        (text.encode("utf-16-le"), 'text/plain; charset="utf-16-le"'),
    ):
        assert post(body, kind, id="a", with_text="true") == plain
    marked = f'<meta charset="iso-8859-1"><p>{text}</p>'.encode("latin-1")
    assert "Orléans" in post(marked, "text/html", with_text="true")["text"]
    binary = post(b"\x89PNG\r\n\x1a\n\x00\x00" * 40, "text/plain")
    assert (binary["status"], binary["verdict"]) == ("failed", None)


def test_gzip_bodies(client: httpx.Client) -> None:
    plain = json.dumps({"text": STUFFED}).encode()
    for body in (gzip.compress(plain), gzip.compress(plain[:50]) + gzip.compress(plain[50:])):
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        assert client.post("/v1/score", content=body, headers=headers).json()["verdict"] == "spam"


def test_a_stream_answers_line_by_line(client: httpx.Client) -> None:
    lines = [json.dumps({"id": f"d{i}", "text": STUFFED if i % 2 else HONEST}) for i in range(150)]
    lines[3:3] = ["{broken", "", json.dumps({"id": "none"}), json.dumps({"text": 3})]
    answer = client.post("/v1/score", content="\n".join(lines), headers=NDJSON, params={"evidence": False})
    records = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [record["id"] for record in records[:7]] == ["d0", "d1", "d2", "4", "none", "7", "d3"]
    assert [record["verdict"] for record in records[6::2]] == ["spam"] * 74
    assert len(records) == 153
    assert all("line " in record["error"] for record in records[3:6])
    for record in records:
        jsonschema.validate(record, SCHEMA)


def test_a_stream_answers_while_it_is_being_sent(live: Live) -> None:
    line = json.dumps({"text": STUFFED, "id": "first"}).encode() + b"\n"
    with live.connect() as wire:
        wire.sendall(
            b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(line), line)
        )
        got = b""
        while b'"first"' not in got:
            got += wire.recv(65536)
        wire.sendall(b"0\r\n\r\n")
        while not got.endswith(b"0\r\n\r\n"):
            got += wire.recv(65536)


def test_results_do_not_depend_on_who_else_asks(
    client: httpx.Client, live: Live, reference: Detector
) -> None:
    texts = [f"{text} Number {i}." for i in range(12) for text in (HONEST, SPUN, STUFFED)]

    def ask(text: str) -> Any:
        return score(client, {"text": text})

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(ask, texts)) == [reference.score(text).to_dict() for text in texts]


def test_what_is_loaded_and_what_was_done(client: httpx.Client, reference: Detector) -> None:
    model = client.get("/v1/model").json()
    assert model["model"] == reference.model.name
    assert (model["spun"], model["stuffed"]) == reference.thresholds
    assert model["limits"]["batch_documents"] == 1000
    assert client.get("/healthz").json() == {"status": "ok"}
    score(client, {"text": STUFFED})
    figures = client.get("/metrics").text
    assert 'detector_flags_total{reason="stuffed"}' in figures
    assert f'detector_model_info{{model="{reference.model.name}"}} 1.0' in figures
    assert "process_resident_memory_bytes" in figures
