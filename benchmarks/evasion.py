"""What attacks cost: the share of spun and stuffed pages found before and after each (see `attacks.py`).

    python benchmarks/evasion.py            # all attacks, some 20 minutes; writes the tables in docs/reliability.md
    python benchmarks/evasion.py 'spaced|digits'   # those whose name matches, printed only, beside what the page says

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
PER_SET = 12
"""Passages of each held-out set that are spun and stuffed; the others set the threshold at 1 % of honest texts."""
SPUN_KINDS = ("A", "B", "C", "D", "thesaurus")
"""The kinds that are mostly found: of one that is missed anyway no attack can cost much."""
MIN_CHANGED = 0.15
"""Share of words that a spun page must have replaced."""
TABLE, CHANGES = "evasion", "evasion-changes"
"""Names of the places for the tables: they stand between `<!-- NAME -->` and `<!-- /NAME -->`."""
MIN_CHANGE = 0.04
"""A share found at 1 % that moved by this much since the last run is worth a row."""
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

    def found(self, pages: Pages, kind: Kind | None, strength: float = 1.0) -> Found:
        """What is found of these pages under an attack."""
        rng = random.Random(f"{kind and kind.name}:{strength}")
        texts = pages.texts if kind is None else [kind.apply(text, strength, rng) for text in pages.texts]
        documents = [read_page(t, "-") for t in texts] if kind is not None and kind.markup else texts
        rows = np.array(self.scores(documents, kind is not None and kind.characters))
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


def cell(before: Found, after: Found, head: str) -> str:
    lost = getattr(before, head) - getattr(after, head)
    return f"{getattr(after, head):.2f} ({-lost:+.2f})"


def table(bench: Bench, chosen: list[Kind]) -> Iterator[str]:
    """The rows of the report."""
    honest = Pages("honest", bench.honest, 0)
    plain = {p.name: bench.found(p, None) for p in (bench.spun, bench.stuffed, honest)}
    as_page = Kind("plain page", plain_page, (1.0,), markup=True)
    pages = {p.name: bench.found(p, as_page) for p in (bench.spun, bench.stuffed, honest)}
    yield "| attack | strength | spun: `balanced` | at 1 % | stuffed: `balanced` | at 1 % | honest flagged | abstains | shown |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, before in (("none, as text", plain), ("none, as a page", pages)):
        cells = [f"{before[n].balanced:.2f} | {before[n].at_one:.2f}" for n in ("spun", "stuffed")]
        yield f"| {name} | | {' | '.join(cells)} | {before['honest'].balanced:.3f} | {before['spun'].abstained:.2f} | |"
    for kind in chosen:
        before = pages if kind.markup else plain
        for strength in kind.strengths:
            after = {p.name: bench.found(p, kind, strength) for p in (bench.spun, bench.stuffed, honest)}
            worst = max(before[n].at_one - after[n].at_one for n in ("spun", "stuffed"))
            mark = "**" if kind.characters and worst > MAX_LOSS else ""
            shown = f"{after['spun'].evidence:.2f}" if kind.characters and not kind.markup else ""
            cells = [
                f"{cell(before[n], after[n], 'balanced')} | {cell(before[n], after[n], 'at_one')}"
                for n in ("spun", "stuffed")
            ]
            yield (
                f"| {mark}{kind.name}{mark} | {strength:g} | {' | '.join(cells)} "
                f"| {after['honest'].balanced:.3f} | {after['spun'].abstained:.2f} | {shown} |"
            )


def others(bench: Bench) -> Iterator[str]:
    """Rows for spinners that spin otherwise, against the pages of one spinner."""
    before = bench.found(bench.spun, None)
    yield "| spun otherwise | found under `balanced` | at 1 % |"
    yield "|---|---|---|"
    yield f"| by one tool | {before.balanced:.2f} | {before.at_one:.2f} |"
    ways = {
        "by two tools in turn": (True, False),
        "only where the words are outside the lexicon": (False, True),
    }
    for name, (twice, unknown) in ways.items():
        pages = Pages(name, list(bench.spin(random.Random(21), twice, unknown)), 0)
        after = bench.found(pages, None)
        yield f"| {name} | {cell(before, after, 'balanced')} | {cell(before, after, 'at_one')} |"


def shares_at_one(rows: list[str]) -> dict[tuple[str, str], tuple[float, float]]:
    """{(attack, strength): (spun, stuffed) found at 1 %} of a table that `table` made."""
    found = {}
    for row in rows:
        cells = [cell.strip().strip("*") for cell in row.strip().strip("|").split("|")]
        if len(cells) == 9 and re.match(r"\d", cells[3]):
            found[cells[0], cells[1]] = (float(cells[3].split()[0]), float(cells[5].split()[0]))
    return found


def changes(old: list[str], new: list[str]) -> Iterator[str]:
    """Rows for the attacks of which now more or fewer pages are found than in the table of the last run."""
    before, after = shares_at_one(old), shares_at_one(new)
    yield "| attack | strength | spun at 1 %, before | now | stuffed, before | now |"
    yield "|---|---|---|---|---|---|"
    for key in after:
        was, now = before.get(key, after[key]), after[key]
        if max(abs(a - b) for a, b in zip(was, now, strict=True)) >= MIN_CHANGE - 1e-9:
            yield f"| {key[0]} | {key[1]} | {was[0]:.2f} | {now[0]:.2f} | {was[1]:.2f} | {now[1]:.2f} |"


def split(page: str, name: str) -> tuple[str, str, str]:
    """(what stands before the place of that name, what is in it, what stands after it)."""
    before, mark, rest = page.partition(f"<!-- {name} -->\n")
    inside, end, after = rest.partition(f"<!-- /{name} -->")
    if not mark or not end:
        raise SystemExit(f"{PAGE}: there is no place <!-- {name} --> ... <!-- /{name} --> for a table")
    return before + mark, inside, end + after


def write(tables: dict[str, list[str]], path: Path = PAGE) -> None:
    """Put each table into its place in the page."""
    text = path.read_text(encoding="utf-8")
    for name, rows in tables.items():
        before, _, after = split(text, name)
        text = before + "\n".join(rows) + "\n" + after
    path.write_text(text, encoding="utf-8")


def main(wanted: str) -> None:
    bench = Bench()
    rows = [
        f"Model `{bench.detector.model.name}`; {len(bench.honest)} honest texts, each also spun and stuffed. Thresholds at 1 % of "
        f"honest texts: spun {bench.at_one[0]:.3f}, stuffed {bench.at_one[1]:.3f}.",
        "",
    ]
    chosen = [kind for kind in attacks(bench.pool, bench.vocabulary) if re.search(wanted, kind.name, re.I)]
    parts = [table(bench, chosen)] if wanted else [table(bench, chosen), iter([""]), others(bench)]
    for part in parts:
        for row in part:
            rows.append(row)
            print(row, flush=True)
    last = split(PAGE.read_text(encoding="utf-8"), TABLE)[1].splitlines()
    changed = list(changes(last, rows))
    print("\nAgainst the last run that was written down:", *changed, sep="\n")
    if not wanted:
        write({TABLE: rows, CHANGES: changed})


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
