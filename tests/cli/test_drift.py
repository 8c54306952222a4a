"""`detector drift`: what it prints, its exit status, its JSON."""

import json
import random
from pathlib import Path

from tests.cli.conftest import Detect
from tests.drift.test_sample import verdict, write
from tests.texts import HONEST


def crawl(path: Path, spam: float, seed: int, phrase: str = "fast cash") -> str:
    rng = random.Random(seed)
    records = []
    for _ in range(400):
        flagged = rng.random() < spam
        place = {"text": phrase, "suggestion": None}
        label = {"verdict": "spam", "evidence": [place]} if flagged else {"verdict": "clean"}
        score = rng.betavariate(8, 2) if flagged else rng.betavariate(1, 9)
        records.append(verdict(spun=score, stuffed=rng.random(), **label))
    return write(path, records)


def test_two_crawls_alike(detect: Detect, here: Path) -> None:
    old, new = crawl(here / "old.jsonl", 0.05, 1), crawl(here / "new.jsonl", 0.05, 2)
    answer = detect("drift", old, new)
    assert answer.status == 0
    assert "Normal variation" in answer.out
    assert "Features not compared" in answer.out


def test_more_spam_than_before(detect: Detect, here: Path) -> None:
    old, new = crawl(here / "old.jsonl", 0.05, 1), crawl(here / "new.jsonl", 0.25, 2, "quick money")
    answer = detect("drift", old, new)
    assert answer.status == 1
    assert "Scores or flags moved" in answer.out
    assert "quick money" in answer.out
    assert detect("drift", old, new, "--exit-zero").status == 0
    found = json.loads(detect("drift", old, new, "--format", "json").out)
    assert found["drift"] is True
    assert {share["name"] for share in found["shares"] if share["reading"] != "normal"} == {"spam"}
    assert found["phrases"][0]["phrase"] == "quick money"
    assert found["phrases"][0]["old"] == 0.0


def test_too_little_and_broken_input(detect: Detect, here: Path) -> None:
    write(here / "few.jsonl", [{"text": HONEST}, "{"])
    answer = detect("drift", "few.jsonl", "gone.jsonl")
    assert answer.status == 2
    assert "few.jsonl: 1 scored documents of 2; at least 50" in answer.err
    assert "gone.jsonl: no such file" in answer.err


def test_texts_of_another_kind(detect: Detect, here: Path) -> None:
    sentences = HONEST.split(". ")
    rng = random.Random(4)

    def texts(joiner: str) -> list[dict[str, str]]:
        return [{"text": joiner.join(rng.choices(sentences, k=12))} for _ in range(60)]

    write(here / "old.jsonl", texts(". "))
    write(here / "new.jsonl", texts(" and then "))
    answer = detect("drift", "old.jsonl", "new.jsonl", "--format", "json")
    moved = {s["name"] for s in json.loads(answer.out)["features"] if s["reading"] != "normal"}
    assert answer.status == 1
    assert "style_sentence_words" in moved
