"""What OpenAPI says beyond what FastAPI finds out: the bodies that `/v1/score` takes, examples, problems."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from detector.server.problems import MEDIA_TYPE as PROBLEM
from detector.server.sample import SAMPLE
from detector.server.schemas import BatchIn, BatchOut, DocumentIn, EvidenceOut, ProblemOut, VerdictOut

_REF = "#/components/schemas/{model}"
_MEANINGS = {
    400: "Broken JSON or gzip.",
    401: "No token, or a wrong one.",
    403: "From a web page of another site.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "Another content type or encoding.",
    421: "Called by another name than localhost.",
    422: "Not what is described here, or too many documents.",
    429: "The queue is full: again after `Retry-After` seconds.",
    503: "The model is loading, or the deadline came first: again after `Retry-After` seconds.",
}
_VERDICT = {
    "schema": 1,
    "id": "a-17",
    "url": "https://example.org/a",
    "status": "scored",
    "spun": 0.981234,
    "stuffed": 0.012345,
    "verdict": "spam",
    "reasons": ["spun"],
    "words": 59,
    "model": "base@0.1.0#0f077a53",
    "evidence": [
        {
            "kind": "swap",
            "start": 19,
            "end": 29,
            "text": "sufficient",
            "suggestion": "enough",
            "alternatives": ["adequate"],
            "weight": 0.21,
            "zone": "body",
        }
    ],
}


def ref(model: type[Any]) -> dict[str, str]:
    """A reference to a model of `components()`."""
    return {"$ref": _REF.format(model=model.__name__)}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of these statuses."""
    content = {PROBLEM: {"schema": ref(ProblemOut)}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


def components() -> dict[str, Any]:
    """The JSON Schemas that the hand-written parts refer to."""
    models = [
        (DocumentIn, "validation"), (BatchIn, "validation"), (BatchOut, "serialization"),
        (VerdictOut, "serialization"), (EvidenceOut, "serialization"), (ProblemOut, "serialization"),
    ]  # fmt: skip
    _, schema = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]
    found: dict[str, Any] = schema["$defs"]
    return found


SCORE_REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"anyOf": [{**ref(DocumentIn), "not": {"required": ["documents"]}}, ref(BatchIn)]},
                "examples": {
                    "text": {"summary": "One text", "value": {"id": "a-17", "text": SAMPLE}},
                    "page": {
                        "summary": "One page",
                        "value": {
                            "url": "https://example.org/a",
                            "html": f"<title>Sailing</title><p>{SAMPLE}</p>",
                        },
                    },
                    "batch": {
                        "summary": "Several",
                        "value": {
                            "documents": [{"id": "1", "text": SAMPLE}, {"id": "2", "text": "Too short."}]
                        },
                    },
                },
            },
            "application/x-ndjson": {
                "schema": {"description": "One document a line; a line that is none gets a failed record."},
                "example": '{"id": "1", "text": "..."}\n{"id": "2", "html": "<p>..."}\n',
            },
            "text/plain": {"schema": {}, "example": SAMPLE},
            "text/html": {"schema": {}, "example": f"<p>{SAMPLE}</p>"},
        },
    }
}
SCORE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The verdict, the list of verdicts, or one verdict a line.",
        "content": {
            "application/json": {
                "schema": {"anyOf": [ref(VerdictOut), ref(BatchOut)]},
                "examples": {
                    "one": {"summary": "One document", "value": _VERDICT},
                    "batch": {"summary": "Several", "value": {"incomplete": False, "verdicts": [_VERDICT]}},
                },
            },
            "application/x-ndjson": {"schema": {"type": "string", "description": "One verdict a line."}},
        },
    },
    **problems(400, 401, 403, 408, 413, 415, 421, 422, 429, 503),
}
