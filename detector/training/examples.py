"""Training examples: where the texts come from and which of them belong together.

Every example carries `group` (a text and its own spun versions, or one site), on which all splits are made,
and `source`, which evaluation holds out. Clean prose comes from outside the n-gram counts, and each clean
text is spun *itself*, so that topic and format teach nothing.
"""

from __future__ import annotations

import json
import lzma
import random
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detector.spinner.profiles import KINDS, draw_profile
from detector.spinner.spin import SENTENCE, Spinner
from detector.spinner.stuff import stuff
from detector.spinner.tables import Thesaurus
from detector.training.corpus import align, read_corpus

PADDED = "padded"
MADE_FROM = ("padded:", "laid:", "lowered:", "spun:", "stuffed:", "whole:")
"""What the name of a source begins with where its texts were made from another's, the last step first."""


@dataclass(frozen=True)
class Example:
    """A labelled text. `spun`, `stuffed`: 1, 0 or None (unknown); `spans`: what a spinner put there, all of
    it unless `partial`. `kinds`: all kinds of tool whose tables the tool had, and the kind of the written pair
    whose original it spun."""

    text: str
    source: str
    group: str
    spun: int | None
    stuffed: int | None
    weight: float = 1.0
    kind: str = ""
    spans: tuple[tuple[int, int], ...] | None = field(default=None, repr=False)
    partial: bool = False
    kinds: tuple[str, ...] = ()

    @property
    def block(self) -> str:
        """What is held out together: a whole source of honest prose with all that was made of it, else the
        group. So out-of-fold scores tell how the model does on sources that it never saw."""
        if self.group.startswith(("clean:", "abstract:", "labelled:", "esl:", "honest:")):
            source = self.source
            for prefix in MADE_FROM:
                source = source.removeprefix(prefix)
            return source
        return self.group


def read_jsonl_xz(path: Path) -> Iterator[dict[str, Any]]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def stable_hash(text: str) -> int:
    """A 32-bit hash that is the same on every machine and run."""
    return zlib.crc32(text.encode())


def passage(text: str, rng: random.Random, low: int = 70, high: int = 450) -> str:
    """A run of whole sentences of a random length in words, from a random place in the text."""
    sentences = [s for s in SENTENCE.split(text) if s]
    wanted = int(low * (high / low) ** rng.random())
    start = rng.randrange(len(sentences)) if sentences else 0
    for begin in (start, 0):
        taken, words = [], 0
        for sentence in sentences[begin:]:
            taken.append(sentence)
            words += len(sentence.split())
            if words >= wanted:
                break
        if words >= low:
            break
    joined = " ".join(taken) if sentences else ""
    return joined[: 12 * high]


def clean_prose(folder: Path, per_source: int, seed: int) -> list[Example]:
    """Passages of human prose outside the counts, at most `per_source` documents of each source."""
    examples = []
    for path in sorted(folder.glob("*.jsonl.xz")):
        rng = random.Random(seed ^ stable_hash(path.name))
        records = list(read_jsonl_xz(path))
        rng.shuffle(records)
        for record in records[:per_source]:
            text = passage(record["text"], rng)
            if len(text.split()) >= 60:
                examples.append(Example(text, record["source"], f"clean:{record['id']}", 0, 0))
    return examples


def whole_documents(folder: Path, per_source: int, seed: int) -> list[Example]:
    """Long clean documents for the `stuffed` head alone: an article of a thousand words repeats the name of
    its subject more often than any passage does."""
    examples = []
    for path in sorted(folder.glob("*.jsonl.xz")):
        rng = random.Random(~seed ^ stable_hash(path.name))
        records = [r for r in read_jsonl_xz(path) if len(r["text"].split()) >= 200]
        for record in rng.sample(records, min(per_source, len(records))):
            text = passage(record["text"], rng, 200, 1800)
            examples.append(Example(text, f"whole:{record['source']}", f"clean:{record['id']}", None, 0))
    return examples


def clean_abstracts(folder: Path) -> list[Example]:
    """Human science abstracts, of which the clean prose outside the counts has too few."""
    records = read_jsonl_xz(folder / "human_and_gpt35.jsonl.xz")
    return [
        Example(r["text"], "human_abstract", f"abstract:{r['id']}", 0, 0)
        for r in records
        if r["method"] == "human_abstract" and len(r["text"].split()) >= 60
    ]


def honest_labelled(folder: Path, seed: int) -> list[Example]:
    """Honest text that is not spun for training: machine-written prose, news, learners' sentences in runs."""
    examples = [
        Example(r["text"], r["method"], f"labelled:{r['id']}", 0, 0)
        for r in read_jsonl_xz(folder / "human_and_gpt35.jsonl.xz")
        if r["method"] != "human_abstract" and len(r["text"].split()) >= 60
    ]
    sentences = [r["text"].strip() for r in read_jsonl_xz(folder / "clean_esl_sentences.jsonl.xz")]
    rng = random.Random(seed)
    while sentences:
        n = rng.randint(5, 14)
        examples.append(Example(" ".join(sentences[:n]), "esl_sentences", f"esl:{len(sentences)}", 0, 0))
        sentences = sentences[n:]
    return examples


def spun_versions(
    examples: list[Example],
    thesaurus: Thesaurus,
    seed: int,
    kinds: tuple[str, ...] = KINDS,
    versions: int = 1,
) -> list[Example]:
    """Each clean example spun by a freshly drawn tool; those that hardly changed are left out."""
    out = []
    for example in examples:
        for version in range(versions):
            rng = random.Random(f"{seed}:{version}:{example.group}")
            profile = draw_profile(rng, kinds)
            spun = Spinner(profile, thesaurus, rng.getrandbits(31)).spin(example.text)
            changed = sum(slot.end > slot.start for slot in spun.slots)
            if changed >= max(3, 0.02 * len(example.text.split())):
                out.append(
                    Example(
                        spun.text, f"spun:{example.source}", example.group, 1, 0, 1.0, profile.kind,
                        tuple((slot.start, slot.end) for slot in spun.slots),
                        kinds=(*profile.kinds, *example.kind),
                    )
                )  # fmt: skip
    return out


def padded_versions(clean: list[Example], spun: list[Example], seed: int) -> list[Example]:
    """Spun passages between clean ones of the same source, half to three times as long, and as the counterpart
    the same with the passage unspun: what a page is whose author pads it, and that length alone is no sign. They
    are for the `spun` head; the words of PADDED examples are in the token stage's data already."""
    original = {example.group: example for example in clean}
    of_source: dict[str, list[Example]] = {}
    for example in clean:
        of_source.setdefault(example.source, []).append(example)
    out = []
    for example in spun:
        rng = random.Random(f"{seed}:padded:{example.group}")
        before = original[example.group]
        pool = [other for other in of_source[before.source] if other.group != example.group]
        wanted = 0.5 * 6.0 ** rng.random() * len(example.text.split())
        filler: list[str] = []
        while len(pool) >= 10 and wanted > 0:
            filler.append(rng.choice(pool).text)
            wanted -= len(filler[-1].split())
        at = rng.randint(0, len(filler))
        for inside, label in ((example, 1), (before, 0)) if filler else ():
            text = "\n\n".join([*filler[:at], inside.text, *filler[at:]])
            out.append(
                Example(
                    text,
                    f"padded:{inside.source}",
                    inside.group,
                    label,
                    None,
                    0.5,
                    PADDED,
                    kinds=inside.kinds,
                )
            )
    return out


def stuffed_versions(examples: list[Example], seed: int) -> list[Example]:
    """Each clean example stuffed with a keyphrase; whether it counts as spun is left open."""
    return [
        Example(stuff(e.text, seed ^ stable_hash(e.group))[0], f"stuffed:{e.source}", e.group, None, 1)
        for e in examples
    ]


def lowered_versions(examples: list[Example]) -> list[Example]:
    """The same in small letters, for the `stuffed` head: a keyphrase capitalised in mid-sentence says much, but that
    nothing is says nothing."""
    return [
        Example(e.text.lower(), f"lowered:{e.source}", e.group, None, e.stuffed, 0.5 * e.weight)
        for e in examples
    ]


def laid_out_versions(examples: list[Example], seed: int) -> list[Example]:
    """The same in paragraphs, half of them under a headline that the text begins with too, for the `stuffed` head:
    passages have lost their paragraphs, and a phrase in each of many is a sign only where honest pages have many."""
    out = []
    for example in examples:
        rng = random.Random(f"{seed}:laid:{example.source}:{example.group}")
        sentences = [s for s in SENTENCE.split(example.text) if s]
        paragraphs = []
        if rng.random() < 0.5:
            paragraphs.append(" ".join(sentences[0].split()[: rng.randint(3, 8)]).title())
        while sentences:
            length = rng.randint(1, 6)
            paragraphs.append(" ".join(sentences[:length]))
            sentences = sentences[length:]
        text = "\n\n".join(paragraphs)
        source = f"laid:{example.source}"
        out.append(Example(text, source, example.group, None, example.stuffed, example.weight))
    return out


def plain_text(body: str) -> str:
    """Light Markdown to text: heading marks, link targets and image marks go, their words stay."""
    body = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", body)
    return re.sub(r"^#+ *", "", body, flags=re.MULTILINE)


def written_examples(root: Path) -> list[Example]:
    """The written corpus: both sides of the pairs, stuffed pages, honest hard negatives."""
    examples = []
    for record in read_corpus(root, "pairs"):
        pair = align(record.body)
        kind = record.keys["kind"]
        group = f"pair:{record.id}"
        examples.append(Example(pair.original, "written:original", group, 0, 0, 1.0, kind))
        spans = tuple(pair.spans)
        examples.append(Example(pair.spun, f"written:{kind}", group, 1, 0, 2.0, kind, spans, kinds=(kind,)))
    for record in read_corpus(root, "stuffed"):
        text = plain_text(f"{record.keys['title']}\n\n{record.body}")
        examples.append(
            Example(text, "written:stuffed", f"stuffed:{record.id}", None, 1, 2.0, record.keys["technique"])
        )
    for record in read_corpus(root, "honest"):
        text = plain_text(record.body)
        examples.append(Example(text, f"written:{record.keys['style']}", f"honest:{record.id}", 0, 0, 2.0))
    return examples


def real_passages(path: Path, weight: float = 4.0) -> list[Example]:
    """Real spun, stuffed and human passages; `group` is the site they come from.

    `spans` are the artefacts that a reader noted; `partial` says that other words may be replaced too.
    """
    labels = {"spun": (1, 0), "stuffed": (None, 1), "human": (0, 0)}
    examples = []
    for record in read_jsonl_xz(path):
        text, label = record["text"], record["label"]
        found = [(text.find(artefact), len(artefact)) for artefact in record["evidence"]]
        spans = tuple((at, at + length) for at, length in found if at >= 0) if label == "spun" else None
        group = f"real:{record['group']}"
        examples.append(
            Example(
                text, f"real:{label}", group, *labels[label], weight, record["style"], spans, partial=True
            )
        )
    return examples


def in_training(identifier: str) -> bool:
    """Which half of a labelled set is for training; the other half is for `benchmarks/` alone."""
    return stable_hash(identifier) % 2 == 0


def stuffed_listings(folder: Path) -> list[Example]:
    """Marketplace listings with human votes, the training half."""
    return [
        Example(r["text"], f"listing:{r['label']}", f"listing:{r['id']}", None, int(r["label"]), 0.5)
        for r in read_jsonl_xz(folder / "keyword_stuffed_listings.jsonl.xz")
        if in_training(r["id"]) and len(r["text"].split()) >= 30
    ]
