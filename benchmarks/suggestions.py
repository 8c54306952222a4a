"""Are the swaps of a spun page shown, and does the suggestion name what stood there?

    python benchmarks/suggestions.py --wordnet DIR --moby FILE   # some five minutes; writes the table in docs/originals.md

Pages whose originals are known: the written pairs, held-out honest texts spun by newly drawn tools, reviews under
synonym attacks, and honest science in which terms were replaced by tortured phrases. For this a lexicon is built
without these phrases and without the pairs that are asked. Data: `../shared/data` (see docs/data_card.md).
`--split dev` reads the half of the pairs, texts and terms on which the engine was tuned; the page reports the other.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
from evasion import HELD_OUT
from pages import write
from quality import plain, unseen_in_training

from detector import Detector, Document, Evidence, Verdict
from detector.lexicon.build import Builder, Sources, read_tortured
from detector.lexicon.tables import load_lexicon
from detector.model import POLICIES, load_model
from detector.packing import pack
from detector.paths import SPIN_TABLES
from detector.spinner.profiles import KINDS, draw_profile
from detector.spinner.spin import Spinner
from detector.spinner.tables import Thesaurus
from detector.suggestions import offers, phrase_offers
from detector.tokens import new_tokens, tokenize
from detector.training.corpus import SLOT, align, read_corpus
from detector.training.examples import passage, read_jsonl_xz, stable_hash

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
LABELLED = DATA / "labelled"
PLACE = "suggestions"
TOP = 3
LONGEST = 4
"""Words on either side of a swap. Longer ones are sentences written anew, for which no suggestion is meant."""
WORD = re.compile(r"[A-Za-z]+(?:['\u2019][A-Za-z]+)?|\d[\d.,]*")
MIN_CHANGED = 0.1
"""Share of changed words from which on a spun or attacked text counts."""
PER_KIND, PER_TERM = 60, 4
"""Texts spun of each kind; places of each term in which tortured phrases are put."""
MADE_UP = "xqzv"
SCIENCE = ("labelled/pubmed_human", "labelled/clean_scielo_human_and_mt", "clean_heldout/wikipedia_en", "clean_heldout/medquad", "clean_heldout/openstax_textbooks")  # fmt: skip


@dataclass(frozen=True)
class Swap:
    """A place where a spinner struck: [start, end) in the spun text, the words there (`put`) and those that stood
    there before, less the words in which both begin or end."""

    start: int
    end: int
    put: tuple[str, ...]
    original: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """A text with the swaps that are asked for; `others` are spans where more was changed."""

    text: str
    swaps: tuple[Swap, ...]
    others: tuple[tuple[int, int], ...] = ()


def words_of(text: str) -> tuple[str, ...]:
    return tuple(word.lower().replace("\u2019", "'") for word in WORD.findall(text))


def differing(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[int, int]:
    """How many words at the beginning and at the end two phrases share."""
    head = 0
    while head < min(len(a), len(b)) and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < min(len(a), len(b)) - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    return head, tail


def swap_at(text: str, start: int, end: int, original: str) -> Iterator[Swap]:
    """The swap of a slot, cut down to what differs; none where words were only added, dropped or written anew."""
    found = list(WORD.finditer(text, start, end))
    put, before = words_of(text[start:end]), words_of(original)
    head, tail = differing(put, before)
    put, before = put[head : len(put) - tail], before[head : len(before) - tail]
    if 1 <= len(put) <= LONGEST and 1 <= len(before) <= LONGEST:
        yield Swap(found[head].start(), found[-1 - tail].end(), put, before)


def page_of(text: str, slots: Iterable[tuple[int, int, str]]) -> Page:
    slots = list(slots)
    swaps = (swap for slot in slots for swap in swap_at(text, *slot))
    return Page(text, tuple(swaps), tuple((start, end) for start, end, _ in slots))


def in_split(name: str, split: str) -> bool:
    return (stable_hash(f"suggestions:{name}") % 2 == 0) == (split == "dev")


def written(split: str) -> Iterator[tuple[str, Page]]:
    """(kind, page) of the written pairs."""
    for record in read_corpus(ROOT / "training_data", "pairs"):
        if in_split(record.id, split):
            pair = align(record.body)
            slots = [(*span, before) for span, before in zip(pair.spans, pair.originals, strict=True)]
            yield f"written pairs, {record.keys['kind']}", page_of(pair.spun, slots)


def spun(split: str, thesaurus: Thesaurus) -> Iterator[tuple[str, Page]]:
    """(kind, page) of texts that training does not read, each spun by a tool drawn for it."""
    rng = random.Random(31)
    texts = [
        passage(record["text"], rng, 120, 350)
        for name in HELD_OUT
        for record in read_jsonl_xz(LABELLED / f"{name}.jsonl.xz")
        if len(record["text"].split()) >= 120 and in_split(record["id"], split)
    ]
    for kind in KINDS:
        for text in rng.sample(texts, PER_KIND):
            result = Spinner(draw_profile(rng, (kind,)), thesaurus, rng.getrandbits(31)).spin(text)
            page = page_of(result.text, ((s.start, s.end, s.original) for s in result.slots))
            if len(page.swaps) >= MIN_CHANGED * len(text.split()):
                yield f"own spinner, {kind}", page


def attacked(split: str) -> Iterator[tuple[str, Page]]:
    """Reviews of which an attack swapped at least a tenth of the words, aligned with the originals."""
    records = list(read_jsonl_xz(LABELLED / "synonym_attack_pairs.jsonl.xz"))
    clean = {r["pair_id"]: r["text"] for r in records if int(r["label"]) == 0}
    usable = unseen_in_training({pair: text for pair, text in clean.items() if len(text.split()) >= 50})
    for record in records:
        pair = record["pair_id"]
        heavy = float(record.get("frac_changed") or 0) >= MIN_CHANGED
        if heavy and pair in usable and in_split(pair, split):
            slots = aligned(clean[pair], record["text"])
            yield "synonym attacks", page_of(record["text"], slots)


def aligned(before: str, after: str) -> Iterator[tuple[int, int, str]]:
    """Slots by the shortest edit of the words; runs of equal length are taken word by word."""
    a, b = list(WORD.finditer(before)), list(WORD.finditer(after))
    matcher = SequenceMatcher(None, [m.group().lower() for m in a], [m.group().lower() for m in b], False)
    for operation, a1, a2, b1, b2 in matcher.get_opcodes():
        if operation != "replace":
            continue
        if a2 - a1 == b2 - b1:
            for x, y in zip(a[a1:a2], b[b1:b2], strict=True):
                yield y.start(), y.end(), x.group()
        else:
            yield b[b1].start(), b[b2 - 1].end(), before[a[a1].start() : a[a2 - 1].end()]


def tortured(split: str, left_out: dict[str, list[str]], thesaurus: Thesaurus) -> Iterator[dict[str, Page]]:
    """Honest science with a term of `left_out` {term: tortured phrases}: the page as it is, with the phrases, and
    with the phrases in a text that is spun as well."""
    rng = random.Random(7)
    terms = {words_of(term): phrases for term, phrases in left_out.items() if in_split(term, split)}
    places: dict[tuple[str, ...], int] = defaultdict(int)
    for name in SCIENCE:
        for record in read_jsonl_xz(DATA / f"{name}.jsonl.xz"):
            text = plain(passage(plain(record["text"]), rng, 100, 300))
            if len(text.split()) >= 60 and record.get("method", "human").startswith("human"):
                template, put = put_in(text, terms, places, rng)
                if put:
                    spun = Spinner(draw_profile(rng, ("A",)), thesaurus, rng.getrandbits(31)).spin(template)
                    slots = [(slot.start, slot.end) for slot in spun.slots]
                    yield {
                        "honest": Page(text, ()),
                        "alone": fill(template, put),
                        "within": fill(spun.text, put, slots),
                    }


def put_in(
    text: str, terms: dict[tuple[str, ...], list[str]], places: dict[tuple[str, ...], int], rng: random.Random
) -> tuple[str, dict[str, tuple[str, str]]]:
    """(the text with a made-up word for each term in it, {that word: (tortured phrase, what stood there)}). A
    term gets PER_TERM places at most."""
    found = list(WORD.finditer(text))
    lower = tuple(m.group().lower() for m in found)
    parts: list[str] = []
    put: dict[str, tuple[str, str]] = {}
    at = i = 0
    while i < len(found):
        n = next((n for n in (4, 3, 2, 1) if i + n <= len(found) and lower[i : i + n] in terms), 0)
        if n and places[lower[i : i + n]] < PER_TERM:
            places[lower[i : i + n]] += 1
            start, end = found[i].start(), found[i + n - 1].end()
            made_up = f"{MADE_UP}{chr(97 + len(put))}"
            put[made_up] = (rng.choice(terms[lower[i : i + n]]), text[start:end])
            parts += [text[at:start], made_up]
            at = end
        i += max(n, 1)
    return "".join([*parts, text[at:]]), put


def _with_others(page: Page, places: list[tuple[int, int]]) -> Page:
    return Page(page.text, page.swaps, (*page.others, *places))


def fill(template: str, put: dict[str, tuple[str, str]], slots: Iterable[tuple[int, int]] = ()) -> Page:
    """Put the tortured phrases in; `slots` are what else was spun."""
    pieces = re.split(f"({MADE_UP}[a-z])", template)
    found, places, length, old = [], [], 0, 0
    for i, piece in enumerate(pieces):
        phrase, before = put.get(piece, (piece, ""))
        if i % 2:
            found.append((length, length + len(phrase), before))
        places += [
            (s - old + length, e - old + length)
            for s, e in slots
            if old <= s and e <= old + len(piece) and not i % 2
        ]
        pieces[i] = phrase
        old, length = old + len(piece), length + len(phrase)
    return _with_others(page_of("".join(pieces), found), places)


SOURCES = ("phrase", "candidate", "neither")
"""What the lexicon holds of a swap: a phrase with this original, the word with this candidate, or neither."""


class Bench:
    """A detector, and for each set of pages what it finds there."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self._scratch = new_tokens(1 << 16)

    def tokens(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """(word ids, where each token starts) of a text."""
        buffer = pack([Document(text)]).arrays[0]
        tables = self.detector.lexicon.tables
        count, _, _ = tokenize(
            buffer, 0, len(buffer), tables.fold, tables.word_keys, tables.word_ids, self._scratch
        )
        return self._scratch.ids[:count].copy(), self._scratch.starts[:count].copy()

    def source(self, ids: np.ndarray, first: int, last: int, swap: Swap) -> str:
        if swap.original in map(words_of, phrase_offers(self.detector.lexicon, ids, first, last)):
            return "phrase"
        before = self.detector.lexicon.id_of.get(swap.original[0], 0)
        tables = self.detector.lexicon.tables
        begin, end = tables.candidate_offsets[ids[first] : ids[first] + 2]
        listed = len(swap.original) == 1 and first == last and before in tables.candidate_ids[begin:end]
        return "candidate" if listed else "neither"


class Counted:
    """What is found on pages of one kind. Swaps and marks are counted on flagged pages, or on all (`everywhere`);
    what is offered at a true place on all."""

    def __init__(self, bench: Bench, everywhere: bool = False) -> None:
        self.bench = bench
        self.everywhere = everywhere
        self.pages = self.flagged = self.words = 0
        self.swaps = self.shown = self.explained = self.marks = self.false = 0
        self.offered: dict[str, list[int]] = {source: [] for source in SOURCES}

    def add(self, page: Page) -> None:
        verdict = self.bench.detector.score(page.text)
        self.pages += 1
        self.flagged += verdict.flagged
        ids, starts = self.bench.tokens(page.text)
        for swap in page.swaps:
            first = int(np.searchsorted(starts, swap.start, "right")) - 1
            last = int(np.searchsorted(starts, swap.end, "left")) - 1
            found = [words_of(text) for text in offers(self.bench.detector.lexicon, ids, first, last)]
            rank = found.index(swap.original) if swap.original in found else TOP
            self.offered[self.bench.source(ids, first, last, swap)].append(rank)
        if verdict.flagged or self.everywhere:
            self._count_marks(page, verdict)

    def _count_marks(self, page: Page, verdict: Verdict) -> None:
        marks = [e for e in verdict.evidence if e.kind in ("swap", "phrase")]
        for swap in page.swaps:
            on = [e for e in marks if e.start < swap.end and swap.start < e.end]
            self.swaps += 1
            self.shown += bool(on)
            self.explained += any(names(e, swap) for e in on)
        self.words += verdict.words
        self.marks += len(marks)
        self.false += sum(all(e.end <= start or end <= e.start for start, end in page.others) for e in marks)

    def row(self, name: str) -> str:
        every = [rank for ranks in self.offered.values() for rank in ranks]
        cells = [
            f"{self.flagged} of {self.pages}",
            share(self.shown, self.swaps),
            share(self.explained, self.shown),
        ]
        cells += [share(self.false, self.marks), f"{1000 * self.false / max(self.words, 1):.1f}"]
        cells += [f"{len(every)}", within(every, 1), f"**{within(every, TOP)}**"]
        cells += [f"{within(ranks, TOP)} ({len(ranks)})" for ranks in self.offered.values()]
        return f"| {name} | {' | '.join(cells)} |"


def names(evidence: Evidence, swap: Swap) -> bool:
    """Whether one of the suggestions of a mark on a swap is what stood there."""
    put = words_of(evidence.text)
    for text in (evidence.suggestion or "", *evidence.alternatives):
        better = words_of(text)
        head, tail = differing(put, better)
        if swap.original in (better, better[head : len(better) - tail]):
            return True
    return False


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def within(ranks: list[int], top: int) -> str:
    return share(sum(rank < top for rank in ranks), len(ranks))


HEAD = """| pages | flagged | swaps shown | of these named | false marks | per 1,000 words | swaps | first | among the first three | listed as a phrase | as a candidate | not listed |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


def counted(bench: Bench, pages: Iterable[tuple[str, Page]], everywhere: bool = False) -> dict[str, Counted]:
    found: dict[str, Counted] = {}
    for name, page in pages:
        found.setdefault(name, Counted(bench, everywhere)).add(page)
    return found


def left_out_terms(source: Path) -> dict[str, list[str]]:
    """{term: tortured phrases} of a random half of the terms, less the phrases that spin tables or written pairs
    hold as well: the lexicon, or training, would know those all the same."""
    known = "\n".join(
        " ".join(words_of(p.read_text(encoding="utf-8")))
        for p in [*SPIN_TABLES.glob("*.tsv"), *(ROOT / "training_data" / "pairs").glob("*.txt")]
    )
    terms: dict[str, list[str]] = defaultdict(list)
    for phrase, term in read_tortured(source):
        if stable_hash(f"left out:{term}") % 2 == 0 and " ".join(words_of(phrase)) not in known:
            terms[term].append(phrase)
    return terms


def without(terms: dict[str, list[str]], split: str, wordnet: Path, moby: Path) -> Detector:
    """The shipped model with a lexicon that was built without the tortured phrases of these terms and without the
    written pairs of this half; word ids stay."""
    written = tuple(
        (slot.group(1), slot.group(2))
        for record in read_corpus(ROOT / "training_data", "pairs")
        if not in_split(record.id, split)
        for slot in SLOT.finditer(record.body)
    )
    builder = Builder(Sources(DATA / "lexicons", wordnet, moby, SPIN_TABLES, written), print)
    builder.vocabulary()
    builder.pairs = [(spun, before) for spun, before in builder.pairs if before not in terms]
    with tempfile.TemporaryDirectory() as folder:
        builder.write(Path(folder))
        return Detector(load_model(), load_lexicon(Path(folder)), "balanced", POLICIES["balanced"])


def report(split: str, wordnet: Path, moby: Path) -> Iterator[str]:
    terms = left_out_terms(DATA / "lexicons" / "tortured_phrases.jsonl.xz")
    bench = Bench(without(terms, split, wordnet, moby))
    thesaurus = Thesaurus(bench.detector.lexicon)
    yield f"Model `{bench.detector.model.name}`, the {split} half."
    yield ""
    yield HEAD
    for pages in (written(split), spun(split, thesaurus), attacked(split)):
        for name, found in counted(bench, pages).items():
            yield found.row(name)
    made = tortured(split, terms, thesaurus)
    pages = ((f"tortured phrases, {how}", page) for texts in made for how, page in texts.items())
    for name, found in counted(bench, pages, everywhere=True).items():
        yield found.row(name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--wordnet", type=Path, required=True, help="WordNet's folder, as for `detector lexicon build`"
    )
    parser.add_argument("--moby", type=Path, required=True, help="Moby's words.txt")
    parser.add_argument("--split", choices=("dev", "reported"), default="reported")
    arguments = parser.parse_args()
    lines = []
    for line in report(arguments.split, arguments.wordnet, arguments.moby):
        print(line, flush=True)
        lines.append(line)
    if arguments.split == "reported":
        write(ROOT / "docs" / "originals.md", PLACE, "\n".join(lines))
