"""What the detector says of a document: the stable, versioned contract of every interface.

`Verdict.to_dict()` is one line of JSON output; its JSON Schema is `docs/verdict.schema.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

SCHEMA = 1
Status = Literal["scored", "too_short", "not_english", "failed"]
Label = Literal["spam", "suspect", "clean"]
Kind = Literal["swap", "phrase", "stuffing", "disguise", "spintax"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One marked place. `start`, `end` count code points in the document's text; `weight` is this place's
    share of the probability it speaks for: the weights of stuffing and of hidden text ("disguise" in the zone
    "hidden") add up to `stuffed`, the others' to `spun`. `suggestion` is what most likely stood there before,
    `alternatives` are the next likely, at most two."""

    kind: Kind
    start: int
    end: int
    text: str
    suggestion: str | None
    weight: float
    zone: str = "body"
    alternatives: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "suggestion": self.suggestion,
            "alternatives": list(self.alternatives),
            "weight": round(self.weight, 6),
            "zone": self.zone,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Two calibrated probabilities in [0, 1] and what follows from them under the policy in force.

    `verdict` is "spam" above the policy's threshold, "suspect" above the next more sensitive one, else
    "clean"; None unless `status` is "scored". `reasons` names what crossed the threshold: "spun",
    "stuffed". `error` says why a document failed. `truncated` is set when only the beginning was read.
    """

    id: str
    status: Status
    words: int
    model: str
    url: str | None = None
    spun: float | None = None
    stuffed: float | None = None
    verdict: Label | None = None
    reasons: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    truncated: bool = False
    error: str | None = None

    @property
    def read_again(self) -> bool:
        """Whether the language model of the last stage took part."""
        return "+lm#" in self.model

    @property
    def flagged(self) -> bool:
        return self.verdict == "spam"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping in the documented key order; `error`, `truncated` only where they apply."""
        out: dict[str, Any] = {
            "schema": SCHEMA,
            "id": self.id,
            "url": self.url,
            "status": self.status,
            "spun": None if self.spun is None else round(self.spun, 6),
            "stuffed": None if self.stuffed is None else round(self.stuffed, 6),
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "words": self.words,
            "model": self.model,
            "evidence": [item.to_dict() for item in self.evidence],
        }
        if self.truncated:
            out["truncated"] = True
        if self.error is not None:
            out["error"] = self.error
        return out
