"""The detector: documents -> verdicts. The same path serves the command line, crawlers and servers.

Documents are encoded into one byte buffer per batch and scored by one kernel that releases the GIL; Python
touches a document again only to make its verdict, and its evidence where that is asked for.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from detector import features
from detector.bidi import as_displayed, as_stored
from detector.document import Document, Zone
from detector.evidence import collect_evidence
from detector.kernels import kernel
from detector.language import is_english
from detector.lexicon.tables import Lexicon, LexiconFiles, load_lexicon
from detector.model import HEADS, POLICIES, Model, ModelError, load_model
from detector.packing import Batch, pack
from detector.paths import LEXICON
from detector.promotion import in_use
from detector.signals.replaced import TokenWeights
from detector.verdict import Evidence, Label, Verdict

if TYPE_CHECKING:
    from detector.lm.stage import LastStage

MIN_WORDS = 50
"""Words of prose below which the detector abstains."""
MAX_CHARACTERS = 1_000_000
"""Longer documents are scored on this much of their beginning, and say so (`truncated`)."""
BATCH_DOCUMENTS, BATCH_CHARACTERS = 128, 1_000_000


@kernel
def _weigh(heads, matrix, walk, odds):
    """Fill `odds` float64[2, D], calibrated log-odds of spun and of stuffed, from `matrix` float32[D, WIDTH]."""
    features.head_odds(heads.spun, matrix, walk, odds[0])
    features.head_odds(heads.stuffed, matrix, walk, odds[1])


def _score(
    lexicon: Lexicon,
    heads: features.Heads,
    batch: Batch,
    scratch: features.Scratch,
    matrix: np.ndarray,
    words: np.ndarray,
    odds: np.ndarray,
) -> None:
    """Score D documents: fill `matrix` float32[D, WIDTH], `words` int64[D, 2] (all and prose words) and `odds`
    float64[2, D] (calibrated log-odds of spun and of stuffed)."""
    features.batch_features(lexicon, heads.token_weights, *batch.arrays, scratch, matrix, words)
    _weigh(heads, matrix, features.new_walk(), odds)


def _measure(
    lexicon: Lexicon, token_weights: TokenWeights, batch: Batch, scratch: features.Scratch
) -> tuple[int, int]:
    """All per-token signals of one document into `scratch`, for evidence; returns (tokens, spintax groups)."""
    found = np.empty((1, 2), np.int64)
    features.batch_features(
        lexicon, token_weights, *batch.arrays, scratch, np.empty((1, 0), np.float32), found
    )
    return int(found[0, 0]), int(found[0, 1])


class Detector:
    """Scores documents with one model under one policy. Thread-safe; make one and keep it."""

    def __init__(
        self,
        model: Model,
        lexicon: LexiconFiles,
        policy: str,
        fpr: float,
        last_stage: LastStage | None = None,
    ) -> None:
        self.model = model if last_stage is None else last_stage.thresholds_of(model)
        self.last_stage = last_stage
        self.lexicon = lexicon
        self.policy = policy
        self.thresholds = self.model.thresholds(fpr)
        looser = min((rate for rate in POLICIES.values() if rate > fpr), default=fpr)
        self._suspect = self.model.thresholds(looser)
        self._local = threading.local()

    def score(self, document: str | Document, evidence: bool = True) -> Verdict:
        """The verdict on one document. Never raises for any string; TypeError for anything but a text or
        Document."""
        return self._score_list([_as_document(document)], evidence)[0]

    def score_batch(
        self, documents: Iterable[str | Document], evidence: bool = True, jobs: int = 1
    ) -> Iterator[Verdict]:
        """Verdicts in input order, streaming: only a few batches are in memory at a time.

        `jobs` threads score at once; results do not depend on it. Evidence costs time per document.
        """
        if isinstance(documents, str | bytes):
            raise TypeError("expected an iterable of texts, got one text: use score()")
        batches = _batches(map(_as_document, documents))
        if jobs <= 1:
            for batch in batches:
                yield from self._score_list(batch, evidence)
            return
        pending: deque[Future[list[Verdict]]] = deque()
        with ThreadPoolExecutor(jobs) as pool:
            try:
                for batch in batches:
                    pending.append(pool.submit(self._score_list, batch, evidence))
                    if len(pending) > 2 * jobs:
                        yield from pending.popleft().result()
                while pending:
                    yield from pending.popleft().result()
            finally:
                for future in pending:
                    future.cancel()

    def info(self) -> dict[str, Any]:
        """What is loaded: model, lexicon, thresholds per policy, the training record."""
        manifest = self.model.manifest
        return {
            "model": self.model.name,
            "version": manifest["version"],
            "hash": self.model.digest,
            "lexicon": self.lexicon.digest,
            "policy": self.policy,
            "policies": {
                name: dict(zip(("fpr", "spun", "stuffed"), (rate, *self.model.thresholds(rate)), strict=True))
                for name, rate in POLICIES.items()
            },
            "features": len(features.NAMES),
            "training": manifest.get("training", {}),
            "metrics": manifest.get("metrics", {}),
        }

    def _scratch(self, size: int) -> features.Scratch:
        """This thread's scratch memory, grown to the largest document seen."""
        if getattr(self._local, "size", -1) < size:
            self._local.size = max(size, 1 << 16)
            self._local.scratch = features.new_scratch(self._local.size)
        scratch: features.Scratch = self._local.scratch
        return scratch

    def _score_list(self, documents: list[Document], evidence: bool) -> list[Verdict]:
        cut = [_cut(document) for document in documents]
        batch = pack([as_displayed(document) for document in cut])
        matrix = np.empty((len(cut), features.WIDTH), np.float32)
        words = np.empty((len(cut), 2), np.int64)
        odds = np.empty((2, len(cut)), np.float64)
        scratch = self._scratch(batch.longest)
        _score(self.lexicon.tables, self.model.heads, batch, scratch, matrix, words, odds)
        shares = matrix[:, features.STYLE : features.STYLE + 2].tolist()
        columns = zip(documents, cut, words.tolist(), shares, odds.T.tolist(), strict=True)
        return [self._verdict(*column, evidence) for column in columns]

    def _verdict(
        self,
        document: Document,
        short: Document,
        words: list[int],
        shares: list[float],
        odds: list[float],
        evidence: bool,
    ) -> Verdict:
        """`short` is what was read of `document`, `words` all and prose words, `shares` those of function and of
        unknown words, `odds` the log-odds of spun and stuffed."""
        common = (words[0], self.model.name, document.url)
        truncated = short is not document
        if words[1] < MIN_WORDS:
            return Verdict(document.id, "too_short", *common, truncated=truncated)
        if not is_english(as_displayed(short).text, *shares):
            return Verdict(document.id, "not_english", *common, truncated=truncated)
        spun_odds, stuffed_odds = odds
        if self.last_stage is not None:
            spun_odds, read = self.last_stage.read(short, spun_odds)
            name = f"{self.model.name}+{self.last_stage.name}" if read else self.model.name
            common = (words[0], name, document.url)
        spun, stuffed = _probability(spun_odds), _probability(stuffed_odds)
        label, reasons = self._judge(spun, stuffed)
        found = self._evidence(short, spun, stuffed) if evidence else ()
        return Verdict(
            document.id, "scored", *common, spun, stuffed, label, reasons, found, truncated=truncated
        )

    def _judge(self, *scores: float) -> tuple[Label, tuple[str, ...]]:
        over = tuple(n for n, s, t in zip(HEADS, scores, self.thresholds, strict=True) if s >= t)
        if over:
            return "spam", over
        near = tuple(n for n, s, t in zip(HEADS, scores, self._suspect, strict=True) if s >= t)
        return ("suspect", near) if near else ("clean", ())

    def _evidence(self, document: Document, spun: float, stuffed: float) -> tuple[Evidence, ...]:
        shown = as_displayed(document)
        batch = pack([shown])
        scratch = self._scratch(batch.longest)
        tables, weights = self.lexicon.tables, self.model.heads.token_weights
        count, spintax = _measure(tables, weights, batch, scratch)
        found = collect_evidence(self.lexicon, shown, scratch, count, spintax, spun, stuffed)
        return found if shown is document else as_stored(document, found)


def _as_document(document: str | Document) -> Document:
    if isinstance(document, Document):
        return document
    if not isinstance(document, str):
        hint = ": decode it first" if isinstance(document, bytes) else ""
        raise TypeError(f"expected a text or a Document, got {type(document).__name__}{hint}")
    return Document(document)


def _cut(document: Document) -> Document:
    if len(document.text) <= MAX_CHARACTERS:
        return document
    zones = tuple(
        Zone(zone.kind, zone.start, min(zone.end, MAX_CHARACTERS))
        for zone in document.zones
        if zone.start < MAX_CHARACTERS
    )
    return Document(document.text[:MAX_CHARACTERS], document.id, document.url, zones)


def _probability(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(odds, -700.0)))


def _batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    """Groups of documents, small enough that memory stays flat."""
    while batch := list(islice(documents, 1)):
        characters = len(batch[0].text)
        while characters < BATCH_CHARACTERS and len(batch) < BATCH_DOCUMENTS:
            following = next(documents, None)
            if following is None:
                break
            batch.append(following)
            characters += len(following.text)
        yield batch


def load(
    model: str | Path | None = None,
    policy: str = "balanced",
    fpr: float | None = None,
    public_key: str | Path | None = None,
    lm: bool | Literal["always"] = False,
) -> Detector:
    """Open a model (default: the promoted one, else the shipped one) and the lexicon, ready to score.

    `policy` is "precise", "balanced" or "sensitive": at most 0.1 %, 1 % or 5 % of clean documents flagged on
    calibration data; `fpr` sets another rate in (0, 0.5] instead. With `public_key`, a PEM file, `model` must
    be signed with its private key (`detector model sign`). With `lm` a language model (extra `lm`, and
    `detector lm build` once) re-reads the pages that are in doubt, with "always" every page. Raises ModelError,
    LexiconError or LanguageModelError (all ValueError) for unusable files, ValueError for an unknown policy or
    rate.
    """
    if fpr is None and policy not in POLICIES:
        raise ValueError(f"no policy {policy!r}; there are {', '.join(POLICIES)}")
    rate = POLICIES[policy] if fpr is None else fpr
    name = policy if fpr is None else f"fpr={fpr:g}"
    if public_key is not None and model is None:
        raise ValueError("public_key checks a model that comes from elsewhere: name it as `model`")
    opened = _open_promoted() if model is None else load_model(model, public_key)
    lexicon = load_lexicon(LEXICON)
    if opened.manifest["lexicon"] != lexicon.digest:
        raise ModelError(
            f"model {opened.name} was trained with another lexicon than this release ships: retrain it"
        )
    last_stage = None
    if lm:
        from detector.lm.stage import open_stage

        last_stage = open_stage(every=lm == "always")
    return Detector(opened, lexicon, name, rate, last_stage)


def _open_promoted() -> Model:
    used = in_use()
    try:
        model = load_model(used.path)
        if used.hash not in ("", model.digest):
            raise ModelError(f"{used.path} was changed since it was promoted")
    except ModelError as error:
        if not used.hash:
            raise
        raise ModelError(f"{error}; `detector model rollback` puts back the model before it") from None
    return model
