"""What `/openapi.json` promises, asked of the real server by schemathesis."""

from __future__ import annotations

import json
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis.errors import Unsatisfiable

from detector.server.schemas import VerdictOut
from tests.server.live import Live
from tests.server.test_score import SCHEMA

schemathesis = pytest.importorskip("schemathesis", reason="needs pip install schemathesis")


@schemathesis.serializer("application/x-ndjson")
def one_line(context: Any, value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


@pytest.mark.parametrize("method", list(schemathesis.GenerationMode))
@pytest.mark.parametrize("path", ["/v1/score", "/v1/model", "/healthz", "/readyz", "/metrics"])
def test_the_server_keeps_what_it_describes(live: Live, path: str, method: Any) -> None:
    description = schemathesis.openapi.from_url(f"{live.url}/openapi.json")
    for operation in description[path].values():
        cases = operation.as_strategy(generation_mode=method)

        @given(case=cases)
        @settings(max_examples=40)
        def check(case: Any) -> None:
            case.call_and_validate()

        try:
            check()
        except Unsatisfiable:
            assert not operation.body


def test_the_examples_are_answered_as_shown(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    post = document["paths"]["/v1/score"]["post"]
    examples = post["requestBody"]["content"]["application/json"]["examples"]
    assert set(examples) == {"text", "page", "batch"}
    for example in examples.values():
        assert client.post("/v1/score", json=example["value"]).status_code == 200
    shown = post["responses"]["200"]["content"]["application/json"]["examples"]
    for record in (shown["one"]["value"], *shown["batch"]["value"]["verdicts"]):
        jsonschema.validate(record, SCHEMA)
    found = client.post("/v1/score", json={**examples["text"]["value"], "id": "x"}).json()
    assert found.keys() == shown["one"]["value"].keys()


def test_the_described_verdict_is_the_published_one() -> None:
    described = VerdictOut.model_json_schema(mode="serialization")
    for ours, published in (
        (described, SCHEMA),
        (described["$defs"]["EvidenceOut"], SCHEMA["$defs"]["evidence"]),
    ):
        assert ours["properties"].keys() == published["properties"].keys()
        assert set(ours["required"]) == set(published["required"])
