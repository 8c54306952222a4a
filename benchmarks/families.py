"""How well `find_families` finds spun versions, and what it costs.

    python benchmarks/families.py                       # 500 articles, 20 versions each, among 50,000 others
    python benchmarks/families.py --articles 50 --clean 5000
    python benchmarks/families.py --written             # only the written pairs of training_data/
    python benchmarks/families.py --articles 15 --clean 1200 --datatrove      # the cluster's way too, on the real engine

Clean articles are read from ../shared/data (docs/data_card.md), never copied. Each version is made by another
tools: kind, dictionaries and tastes drawn, until a share of its words drawn between 10 and 60 % is changed. A pair is right if both come from
the same article; a pair of which one or both are clean is wrong, however alike they are, except in the last
figure, which leaves clean pairs out that share a twentieth or more of their runs of five words: those are copies.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
from datasketch import MinHash, MinHashLSH
from rapidfuzz.distance import LCSseq

from detector.document import Document
from detector.families import find_families
from detector.families.neighbours import BANDS, ROWS, Signatures
from detector.lexicon.tables import load_lexicon
from detector.paths import LEXICON
from detector.spinner.profiles import draw_profile
from detector.spinner.spin import Spinner
from detector.spinner.tables import Thesaurus
from detector.training.corpus import align, read_corpus
from detector.training.examples import read_jsonl_xz

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
EXAMPLE = ROOT / "docs" / "examples" / "families_datatrove.py"
LOW, HIGH = 0.1, 0.6
"""Share of the words that a version changes."""
PASSES, CLOSE = 6, 0.03


@dataclass(frozen=True)
class Origin:
    """Where a document comes from: the article, and of a version its kind of tool, wanted and reached share of changed words."""

    article: int
    kind: str
    wanted: float
    changed: float


def clean_records(folder: str, least: int, most: int) -> list[tuple[str, str]]:
    """(id, text) of all sources with a length in words, in file order."""
    return [
        (record["id"], record["text"])
        for path in sorted((DATA / folder).glob("*.jsonl.xz"))
        for record in read_jsonl_xz(path)
        if least <= len(record["text"].split()) <= most
    ]


def versions(
    articles: list[tuple[str, str]], count: int, rng: random.Random
) -> Iterator[tuple[Document, Origin]]:
    """`count` versions of each article, each by other tools: one, and where that changes too little for the drawn
    share, more of its kind with fuller dictionaries over its output."""
    thesaurus = Thesaurus(load_lexicon(LEXICON))
    for number, (_, text) in enumerate(articles):
        words = text.lower().split()
        for version in range(count):
            wanted = rng.uniform(LOW, HIGH)
            tool = replace(draw_profile(rng), rate=wanted)
            spun, share = text, 0.0
            for _ in range(PASSES):
                spun = Spinner(tool, thesaurus).spin(spun).text
                share = 1 - LCSseq.normalized_similarity(words, spun.lower().split())
                if share >= wanted - CLOSE:
                    break
                tool = replace(tool, rate=min(1.0, 2 * (wanted - share)), thesaurus=1.0, dictionary=0.9,
                               table_share=0.9, salt=rng.getrandbits(32))  # fmt: skip
            yield Document(spun, f"{number}/{version}"), Origin(number, tool.kind, wanted, share)


def runs_of_five(text: str) -> set[str]:
    words = re.findall(r"\w+", text.lower())
    return {" ".join(words[i : i + 5]) for i in range(len(words) - 4)}


def copies(a: str, b: str) -> bool:
    """Whether two clean texts share a twentieth of their runs of five words."""
    first, second = runs_of_five(a), runs_of_five(b)
    return len(first & second) >= 0.05 * max(1, len(first | second))


def simulated(articles: int, count: int, clean: int, seed: int, engine: bool) -> None:
    rng = random.Random(seed)
    pool = clean_records("clean_heldout", 200, 1500)
    chosen = rng.sample(pool, articles)
    taken = {id for id, _ in chosen}
    rest = clean_records("clean", 50, 10**9) + clean_records("clean_heldout", 50, 10**9)
    rest = [record for record in rest if record[0] not in taken]
    rest = rng.sample(rest, min(clean, len(rest)))
    started = time.process_time()
    made = list(versions(chosen, count, rng))
    print(f"{len(made):,} versions of {articles:,} articles spun in {time.process_time() - started:.0f} s")
    origins = {document.id: origin for document, origin in made}
    texts = {f"clean/{id}": text for id, text in rest}
    documents = [document for document, _ in made] + [Document(text, id) for id, text in texts.items()]
    rng.shuffle(documents)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    marks = [time.process_time()]

    def read() -> Iterator[Document]:
        yield from documents
        marks.append(time.process_time())

    found = []
    for family in find_families(read()):
        if not found:
            marks.append(time.process_time())
        found.append(family)
    marks.append(time.process_time())
    reading, pairing, aligning = (after - before for before, after in pairwise(marks))
    words = sum(len(document.text.split()) for document in documents)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{len(documents):,} documents, {words:,} words, {len(rest):,} of them clean")
    print(
        f"processor time: read {reading:.1f} s, find pairs {pairing:.1f} s, slots {aligning:.1f} s; "
        f"{1000 * (reading + pairing + aligning) / len(documents):.2f} ms a document; peak memory +{grown:.0f} MB"
    )
    judge([[member.id for member in family.members] for family in found], origins, texts, count)
    if engine:
        print("\ndatatrove's stages over the reduced text, then find_families on each cluster:")
        judge(by_datatrove(documents), origins, texts, count)


def by_datatrove(documents: list[Document]) -> list[list[str]]:
    """The families that docs/examples/families_datatrove.py finds."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in"), Path(folder, "out")
        source.mkdir()
        for part in (0, 1):
            rows = (json.dumps({"id": d.id, "text": d.text}) + "\n" for d in documents[part::2])
            (source / f"{part}.jsonl").write_text("".join(rows))
        started = time.monotonic()
        command = [sys.executable, str(EXAMPLE), str(source), str(target)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, env=environment, stderr=subprocess.DEVNULL, check=True)
        print(f"{time.monotonic() - started:.0f} s by the clock, one process")
        families = defaultdict(list)
        for line in (target / "families.jsonl").read_text().splitlines():
            record = json.loads(line)
            families[record["family"]].append(record["id"])
    return list(families.values())


def judge(found: list[list[str]], origins: dict[str, Origin], texts: dict[str, str], count: int) -> None:
    """Print recall and precision over pairs, and recall by changed share and kind over versions."""
    right = wrong = excused = 0
    mates: Counter[str] = Counter()
    guilty: Counter[str] = Counter()
    for ids in found:
        for a, b in combinations(ids, 2):
            if a in origins and b in origins and origins[a].article == origins[b].article:
                right += 1
                mates.update((a, b))
                continue
            wrong += 1
            guilty.update(id.split("/")[1] if id in texts else "a version" for id in (a, b))
            excused += a in texts and b in texts and copies(texts[a], texts[b])
    articles = len({origin.article for origin in origins.values()})
    all_pairs = articles * count * (count - 1) // 2
    print(
        f"{len(found):,} families; of {all_pairs:,} pairs of versions {right:,} found, {wrong:,} wrong pairs"
    )
    print(f"recall {right / all_pairs:.4f}  precision {right / max(1, right + wrong):.4f}")
    print(f"precision without {excused:,} pairs of clean texts that share a twentieth of their runs of five words: "
          f"{right / max(1, right + wrong - excused):.4f}")  # fmt: skip
    print("wrong pairs by source:", ", ".join(f"{name} {n:,}" for name, n in guilty.most_common(8)))
    by: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for id, origin in origins.items():
        share = mates[id] / (count - 1)
        by[f"wanted {int(origin.wanted * 10) * 10}-{int(origin.wanted * 10) * 10 + 10} %"].append(
            (share, origin.changed)
        )
        by[f"kind {origin.kind}"].append((share, origin.changed))
    for name, values in sorted(by.items()):
        recall = sum(share for share, _ in values) / len(values)
        changed = sum(part for _, part in values) / len(values)
        print(
            f"  {name:18s} {len(values):6,} versions, {changed:4.0%} of their words changed: recall {recall:.4f}"
        )


def written() -> None:
    """The aligned pairs that were written for the project: an original and one spun version, all together."""
    documents, kinds = [], {}
    for record in read_corpus(ROOT / "training_data", "pairs"):
        pair = align(record.body)
        kinds[record.id] = record.keys["kind"]
        documents += [
            Document(pair.spun, f"{record.id}/spun"),
            Document(pair.original, f"{record.id}/original"),
        ]
    found = list(find_families(documents))
    pairs = [
        (a.rpartition("/")[0], b.rpartition("/")[0])
        for family in found
        for a, b in combinations([member.id for member in family.members], 2)
    ]
    right = Counter(kinds[a] for a, b in pairs if a == b)
    total = Counter(kinds.values())
    print(
        f"written pairs: {len(kinds)}, {sum(right.values())} found, {sum(a != b for a, b in pairs)} wrong pairs"
    )
    for kind, all_of_kind in sorted(total.items()):
        print(f"  kind {kind}: {right[kind]} of {all_of_kind} ({right[kind] / all_of_kind:.0%})")


def library(documents: int = 20_000, shingles: int = 370) -> None:
    """Why signatures are datasketch's and the index is not: time and memory of both on random sets."""
    generator = np.random.default_rng(0)
    sets = [generator.integers(0, 2**32, shingles, dtype=np.uint32) for _ in range(documents)]
    started = time.process_time()
    signatures = Signatures()
    for each in sets:
        signatures.add(each)
    signed = time.process_time()
    signatures.pairs()
    sorted_ = time.process_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    prototype = MinHash(BANDS * ROWS, hashfunc=int)
    for i, row in enumerate(signatures.rows):
        sketch = prototype.copy()
        sketch.hashvalues = row
        index.insert(i, sketch, check_duplication=False)
        index.query(sketch)
    indexed = time.process_time()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / documents
    for name, seconds in (("signature", signed - started), ("bands sorted", sorted_ - signed),
                          ("datasketch's index", indexed - sorted_)):  # fmt: skip
        print(f"{name}: {1e6 * seconds / documents:.0f} microseconds a document")
    print(f"datasketch's index: {grown / 1000:.0f} kB a document")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=500)
    parser.add_argument("--versions", type=int, default=20)
    parser.add_argument("--clean", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--written", action="store_true", help="only the written pairs")
    parser.add_argument("--library", action="store_true", help="only the cost of the library and its index")
    parser.add_argument(
        "--datatrove", action="store_true", help="find the same families by datatrove's stages too"
    )
    chosen = parser.parse_args()
    if chosen.library:
        library()
        return
    if not chosen.datatrove:
        written()
    if not chosen.written:
        simulated(chosen.articles, chosen.versions, chosen.clean, chosen.seed, chosen.datatrove)


if __name__ == "__main__":
    main()
