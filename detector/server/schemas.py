"""What goes over the wire, as pydantic models: they check requests, and describe answers in OpenAPI.

Answers are not built from them: `Verdict.to_dict()` is, as on the command line. A test holds both together.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)

from detector.server.pages import Page
from detector.server.sample import SAMPLE


def _string(value: Any) -> str:
    """Any text: a page may hold half a surrogate pair, which pydantic's own strings refuse."""
    if not isinstance(value, str):
        raise ValueError("expected a string")
    return value


Text = Annotated[str, PlainValidator(_string), WithJsonSchema({"type": "string"})]
Id = Annotated[Text | bool | int | float, Field(description="Comes back as a string.", examples=["a-17"])]


def _only(given: str, other: str) -> dict[str, Any]:
    return {"required": [given], "properties": {given: {"type": "string"}, other: {"type": "null"}}}


class DocumentIn(BaseModel):
    """One document: either `text` or `html`. Other members are ignored."""

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={
            "oneOf": [_only("text", "html"), _only("html", "text")],
            "examples": [{"text": SAMPLE}],
        },
    )
    text: Annotated[Text | None, Field(description="Plain text.")] = None
    html: Annotated[
        Text | None,
        Field(description="A page's markup; offsets of evidence count in the text extracted from it."),
    ] = None
    id: Id | None = None
    url: Annotated[Text | None, Field(description="Comes back as it is. Nothing is fetched.")] = None
    title: Annotated[Text | None, Field(description="Of a text; scored as a zone after it.")] = None

    @model_validator(mode="after")
    def _one_content(self) -> DocumentIn:
        if (self.text is None) == (self.html is None):
            raise ValueError("give either `text` or `html`")
        return self

    def page(self, default_id: str, evidence: bool) -> Page:
        """As the scorer takes it."""
        own = default_id if self.id is None else self.id if isinstance(self.id, str) else json.dumps(self.id)
        content = self.html if self.text is None else self.text
        return Page(content or "", self.text is None, own, self.url, self.title or "", evidence)


class BatchIn(BaseModel):
    """Many documents. One that can't be read fails alone."""

    model_config = ConfigDict(strict=True)
    documents: list[DocumentIn]


class EvidenceOut(BaseModel):
    """One marked place. Weights of `stuffing` add up to `stuffed`, those of the others to `spun`."""

    kind: Literal["swap", "phrase", "stuffing", "disguise", "spintax"]
    start: Annotated[int, Field(ge=0, description="In Unicode code points of the text.")]
    end: Annotated[int, Field(ge=0)]
    text: str
    suggestion: Annotated[str | None, Field(description="What most likely stood there before.")]
    alternatives: Annotated[
        list[str], Field(max_length=2, description="What also may have stood there, the likeliest first.")
    ]
    weight: Annotated[float, Field(ge=0, le=1)]
    zone: Literal["body", "heading", "title", "meta", "anchor", "alt", "hidden"]


Probability = Annotated[float | None, Field(ge=0, le=1, description="Calibrated; null unless `scored`.")]


class VerdictOut(BaseModel):
    """What the detector says of one document: the record of `detector score --format jsonl`."""

    schema_: Annotated[Literal[1], Field(alias="schema", description="Version of this contract.")]
    id: str
    url: str | None
    status: Annotated[
        Literal["scored", "too_short", "not_english", "failed"],
        Field(description="Only `scored` carries a judgement."),
    ]
    spun: Probability
    stuffed: Probability
    verdict: Annotated[
        Literal["spam", "suspect", "clean"] | None,
        Field(
            description="spam: a probability reaches the policy's threshold; suspect: the next looser one."
        ),
    ]
    reasons: list[Literal["spun", "stuffed"]]
    words: Annotated[int, Field(ge=0)]
    model: Annotated[str, Field(description="name@version#hash")]
    evidence: list[EvidenceOut]
    truncated: Annotated[
        Literal[True], Field(description="Only the first 1,000,000 characters were scored.")
    ] = True
    error: Annotated[str, Field(description="Why the document failed.")] = ""
    text: Annotated[str, Field(description="The text as it was scored, with `with_text=true`.")] = ""


class BatchOut(BaseModel):
    """The verdicts in the order of the documents."""

    verdicts: list[VerdictOut]
    incomplete: Annotated[
        bool, Field(description="The deadline came first: documents not scored by then have status `failed`.")
    ]


class ProblemOut(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Field(description="What was wrong and what to do.")]
    request_id: str = ""


class HealthOut(BaseModel):
    status: Literal["ok", "loading"]


class PolicyOut(BaseModel):
    """A share of honest documents that may be flagged, and the thresholds that follow."""

    fpr: float
    spun: float
    stuffed: float


class LimitsOut(BaseModel):
    """See the settings of the service."""

    body_bytes: int
    batch_documents: int
    queue_documents: int
    seconds: float


class ModelOut(BaseModel):
    """What is loaded: `detector model info --format json`, and the limits in force."""

    model_config = ConfigDict(extra="allow")
    model: str
    version: str
    hash: str
    policy: str
    spun: Annotated[float, Field(description="Threshold in force.")]
    stuffed: Annotated[float, Field(description="Threshold in force.")]
    policies: dict[str, PolicyOut]
    limits: LimitsOut


DOCUMENT = TypeAdapter(DocumentIn)
BATCH = TypeAdapter(BatchIn)
