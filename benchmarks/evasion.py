"""What attacks cost: the share of spun and stuffed pages found before and after each (see `attacks.py`).

    python benchmarks/evasion.py                   # all attacks; writes the tables in docs/reliability.md
    python benchmarks/evasion.py 'spaced|digits'   # those whose name matches, printed only

Pages are made fresh: written texts and, where `../shared/data` lies beside the repository, held-out honest
texts that training does not read, spun by newly drawn tools or stuffed.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from attacks import Kind, attacks, plain_page
from pages import write

from detector import Detector, Document, load
from detector.readers.html import page as read_page
from detector.spinner.profiles import draw_profile
from detector.spinner.spin import Slot, Spinner
from detector.spinner.stuff import stuff
from detector.spinner.tables import Thesaurus
from detector.training.examples import passage, read_jsonl_xz

ROOT = Path(__file__).parent.parent
TEXTS = ROOT / "benchmarks" / "evasion_texts.txt"
PAGE = ROOT / "docs" / "reliability.md"
LABELLED = ROOT.parent / "shared" / "data" / "labelled"
HELD_OUT = (
    "clean_gum",
    "clean_ewt",
    "clean_esl_and_native_essays",
    "clean_books_19c",
    "clean_scielo_human_and_mt",
)
PER_SET = 24
"""Passages of each held-out set that are spun and stuffed; the others set the threshold at 1 % of honest texts."""
SPUN_KINDS = ("A", "B", "C", "D", "thesaurus")
"""The kinds that are mostly found: of one that is missed anyway no attack can cost much."""
MIN_CHANGED = 0.15
"""Share of words that a spun page must have replaced."""
PLACE = "evasion"
MAX_LOSS = 0.05
"""What an attack that leaves the words as a reader sees them may cost."""


@dataclass(frozen=True)
class Pages:
    """Texts of one kind: `head` is the probability that speaks for it (0 spun, 1 stuffed)."""

    name: str
    texts: list[str]
    head: int


@dataclass(frozen=True)
class Found:
    """Shares: found under `balanced`, found above the threshold at 1 % of honest texts, abstained."""

    balanced: float
    at_one: float
    abstained: float
    evidence: float


class Bench:
    """The shipped detector, the pages, the thresholds at 1 % of honest texts."""

    def __init__(self) -> None:
        self.detector: Detector = load()
        rng = random.Random(20)
        written = written_texts()
        held, honest = held_out(rng)
        self.honest = written + held
        self.pool = honest or written
        self.thesaurus = Thesaurus(self.detector.lexicon)
        self.spun = Pages("spun", list(self.spin(rng)), 0)
        self.stuffed = Pages("stuffed", [stuff(t, rng.getrandbits(31))[0] for t in self.honest], 1)
        scores = np.array([v[:2] for v in self.scores(honest or self.honest) if v[0] >= 0.0])
        self.at_one = np.quantile(scores, 0.99, axis=0)
        self.vocabulary = [word for word in self.detector.lexicon.id_of if len(word) > 3][::7]

    def spin(self, rng: random.Random, twice: bool = False, unknown: bool = False) -> Iterator[str]:
        """Each honest text spun by a newly drawn tool; `twice`: by two in turn; `unknown`: only where what is
        put there is outside the lexicon."""
        for text in self.honest:
            for _ in range(40):
                spun = self._spinner(rng).spin(text)
                changed = sum(slot.end > slot.start for slot in spun.slots)
                if changed >= MIN_CHANGED * len(text.split()):
                    break
            if twice:
                yield self._spinner(rng).spin(spun.text).text
            elif unknown:
                yield self._only_unknown(spun.text, spun.slots)
            else:
                yield spun.text

    def _spinner(self, rng: random.Random) -> Spinner:
        return Spinner(draw_profile(rng, SPUN_KINDS), self.thesaurus, rng.getrandbits(31))

    def _only_unknown(self, text: str, slots: tuple[Slot, ...]) -> str:
        known = self.detector.lexicon.id_of
        parts, at = [], 0
        for slot in slots:
            put = text[slot.start : slot.end]
            keep = any(word not in known for word in re.findall("[a-z']+", f"{put} {slot.original}".lower()))
            parts += [text[at : slot.start], put if keep else slot.original]
            at = slot.end
        return "".join([*parts, text[at:]])

    def scores(
        self, documents: list[str] | list[Document], evidence: bool = False
    ) -> list[tuple[float, float, bool, bool]]:
        """(spun, stuffed, flagged, a disguise shown) of each; -1 where it abstains."""
        return [
            (
                -1.0 if v.spun is None else v.spun,
                -1.0 if v.stuffed is None else v.stuffed,
                v.flagged,
                any(e.kind == "disguise" for e in v.evidence),
            )
            for v in self.detector.score_batch(documents, evidence=evidence, jobs=1)
        ]

    def found(self, pages: Pages, kind: Kind | None, strength: float = 1.0, evidence: bool = False) -> Found:
        """What is found of these pages under an attack; with `evidence`, which takes most of the time, on how many it
        is shown."""
        rng = random.Random(f"{kind and kind.name}:{strength}")
        texts = pages.texts if kind is None else [kind.apply(text, strength, rng) for text in pages.texts]
        documents = [read_page(t, "-") for t in texts] if kind is not None and kind.markup else texts
        rows = np.array(self.scores(documents, evidence))
        return Found(
            rows[:, 2].mean(), (rows[:, pages.head] > self.at_one[pages.head]).mean(),
            (rows[:, 0] < 0).mean(), rows[:, 3].mean(),
        )  # fmt: skip


def written_texts() -> list[str]:
    """The honest texts written for this benchmark."""
    if not TEXTS.exists():
        return []
    return [part.split("\n\n", 1)[1].strip() for part in TEXTS.read_text(encoding="utf-8").split("=== ")[1:]]


def held_out(rng: random.Random) -> tuple[list[str], list[str]]:
    """(passages to spin and stuff, other honest passages) of the sets that training does not read."""
    taken: list[str] = []
    others: list[str] = []
    for name in HELD_OUT if LABELLED.is_dir() else ():
        records = [r for r in read_jsonl_xz(LABELLED / f"{name}.jsonl.xz") if len(r["text"].split()) >= 120]
        texts = [passage(r["text"], rng, 120, 350) for r in rng.sample(records, len(records))]
        taken += texts[:PER_SET]
        others += texts[PER_SET:]
    return taken, others


def table(bench: Bench, chosen: list[Kind]) -> Iterator[str]:
    """The rows of the report, one for each attack; what depends on the strength stands in a cell in their order."""
    honest = Pages("honest", bench.honest, 0)
    every = (bench.spun, bench.stuffed, honest)
    plain = {p.name: bench.found(p, None) for p in every}
    as_page = Kind("plain page", plain_page, (1.0,), markup=True)
    pages = {p.name: bench.found(p, as_page) for p in every}
    yield "| attack | strength | spun pages found at 1 % | stuffed pages found at 1 % | most lost | honest flagged | shown |"
    yield "|---|---|---|---|---|---|---|"
    for name, before in (("none, as text", plain), ("none, as a page", pages)):
        shares = f"{before['spun'].at_one:.2f} | {before['stuffed'].at_one:.2f}"
        yield f"| {name} | | {shares} | | {before['honest'].balanced:.3f} | |"
    for kind in chosen:
        before = pages if kind.markup else plain
        show = kind.characters and not kind.markup
        after = [
            {p.name: bench.found(p, kind, strength, show and p is bench.spun) for p in every}
            for strength in kind.strengths
        ]
        lost = max(before[n].at_one - found[n].at_one for found in after for n in ("spun", "stuffed"))
        mark = "**" if kind.characters and lost > MAX_LOSS else ""
        cells = (
            ", ".join(f"{strength:g}" for strength in kind.strengths),
            *(", ".join(f"{found[n].at_one:.2f}" for found in after) for n in ("spun", "stuffed")),
            f"{mark}{max(lost, 0.0):.2f}{mark}",
            f"{max(found['honest'].balanced for found in after):.3f}",
            ", ".join(f"{found['spun'].evidence:.2f}" for found in after) if show else "",
        )
        yield f"| {mark}{kind.name}{mark} | {' | '.join(cells)} |"


def others(bench: Bench) -> Iterator[str]:
    """Rows for spinners that spin otherwise, against the pages of one spinner."""
    yield "| spun otherwise | found under `balanced` | at 1 % |"
    yield "|---|---|---|"
    ways = {
        "by one tool": bench.spun.texts,
        "by two tools in turn": list(bench.spin(random.Random(21), twice=True)),
        "only where the words are outside the lexicon": list(bench.spin(random.Random(21), unknown=True)),
    }
    for name, texts in ways.items():
        found = bench.found(Pages(name, texts, 0), None)
        yield f"| {name} | {found.balanced:.2f} | {found.at_one:.2f} |"


def main(wanted: str) -> None:
    bench = Bench()
    rows = [
        f"Model `{bench.detector.model.name}`; {len(bench.honest)} honest texts, each also spun and stuffed. Thresholds at 1 % of "
        f"honest texts: spun {bench.at_one[0]:.3f}, stuffed {bench.at_one[1]:.3f}. Without an attack `balanced` finds "
        f"{bench.found(bench.spun, None).balanced:.2f} of the spun and {bench.found(bench.stuffed, None).balanced:.2f} of the "
        "stuffed pages.",
        "",
    ]
    chosen = [kind for kind in attacks(bench.pool, bench.vocabulary) if re.search(wanted, kind.name, re.I)]
    parts = [table(bench, chosen)] if wanted else [table(bench, chosen), iter([""]), others(bench)]
    for part in parts:
        for row in part:
            rows.append(row)
            print(row, flush=True)
    if not wanted:
        write(PAGE, PLACE, "\n".join(rows))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
