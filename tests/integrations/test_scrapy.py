"""Real crawls of a real site: what a user of Scrapy sees in the feed, the statistics and the log."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from detector import Detector
from detector.integrations.rows import COLUMNS
from tests.integrations.site import PAGES, serve

pytest.importorskip("scrapy")
ROOT = Path(__file__).parents[2]
ADDON = {"detector.integrations.scrapy.SpunAddon": 500}
SCRIPT = """
import dataclasses, json, sys, threading
import detector.scoring, scrapy
from scrapy.crawler import Crawler, {process}
from scrapy.utils.reactor import install_reactor

if "TWISTED_REACTOR" in {settings}:
    install_reactor({settings}["TWISTED_REACTOR"])

batches = []
score_batch = detector.scoring.Detector.score_batch

def spying(self, documents, *args, **options):
    documents = list(documents)
    batches.append((len(documents), threading.current_thread() is threading.main_thread()))
    return score_batch(self, documents, *args, **options)

detector.scoring.Detector.score_batch = spying

@dataclasses.dataclass
class Strict:
    text: str

class Spider(scrapy.Spider):
    name = "spider"

    async def start(self):
        yield scrapy.Request(self.site + "/spun")

    def parse(self, response):
        for i in range(self.times):
            yield {{"text": response.text, "number": i}}
        yield {{"text": response.body, "number": "bytes"}}
        yield {{"text": 17, "number": "int"}}
        yield {{"body": response.text, "number": "other"}}
        yield Strict(response.text)

site, runs = sys.argv[1], json.loads(sys.argv[2])
process = {process}({settings})
crawlers = {{}}
for name, settings in runs.items():
    feeds = {{name + ".jsonl": {{"format": "jsonlines", "fields": ["number", "detector"]}}}}
    crawlers[name] = Crawler(Spider, {{"FEEDS": feeds, **{settings}, **settings}})
    process.crawl(crawlers[name], site=site, times=400 if name == "many" else 1)
process.start()
stats = {{name: crawler.stats.get_stats() for name, crawler in crawlers.items() if crawler.stats}}
with open("stats.json", "w") as file:
    json.dump([stats, batches], file, default=str)
"""
PIPELINE = "detector.integrations.scrapy.SpunPipeline"
RUNS: dict[str, dict[str, Any]] = {
    "plain": {"ADDONS": ADDON},
    "many": {"ADDONS": ADDON},
    "off": {"ADDONS": ADDON, "SPUN_ENABLED": False},
    "place": {"ITEM_PIPELINES": {PIPELINE: 9}, "SPUN_FIELD": "body", "SPUN_POLICY": "precise"},
    "typo": {"ADDONS": ADDON, "SPUN_FIELD": "txet"},
    "action": {"ADDONS": ADDON, "SPUN_ACTION": "delete"},
    "policy": {"ADDONS": ADDON, "SPUN_POLICY": "lenient"},
    "model": {"ADDONS": ADDON, "SPUN_MODEL": "nowhere"},
}


@dataclass
class Crawls:
    """What a run of several crawls left behind, by their names."""

    items: dict[str, list[dict[str, Any]]]
    stats: dict[str, dict[str, Any]]
    batches: list[tuple[int, bool]]
    log: str

    def tags(self, name: str) -> dict[Any, Any]:
        return {item.get("number"): item.get("detector") for item in self.items[name]}


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serve() as address:
        yield address


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


def crawl(folder: Path, site: str, runs: dict[str, Any], process: str, settings: dict[str, Any]) -> Crawls:
    script = SCRIPT.format(process=process, settings={"LOG_LEVEL": "INFO", **settings})
    done = run(folder, "-c", script, site, json.dumps(runs))
    assert done.returncode == 0, done.stderr
    stats, batches = json.loads(read(folder / "stats.json"))
    items = {name: [*map(json.loads, read(folder / f"{name}.jsonl").splitlines())] for name in runs}
    return Crawls(items, stats, [tuple(batch) for batch in batches], done.stderr)


@pytest.fixture(scope="module")
def crawls(tmp_path_factory: pytest.TempPathFactory, site: str) -> Crawls:
    """Crawls under all these settings, in one process."""
    return crawl(tmp_path_factory.mktemp("crawls"), site, RUNS, "AsyncCrawlerProcess", {})


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def documented() -> list[str]:
    """The code blocks of the documentation's section on Scrapy."""
    section = read(ROOT / "docs/integrations.md").split("## Scrapy")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, site: str) -> Path:
    """A project made as the documentation says."""
    folder = tmp_path_factory.mktemp("scrapy")
    assert run(folder, "-m", "scrapy", "startproject", "shop").returncode == 0
    settings, spider = documented()
    with (folder / "shop/shop/settings.py").open("a") as file:
        file.write(f"{settings}\nDOWNLOAD_DELAY = 0\nCONCURRENT_REQUESTS_PER_DOMAIN = 8\n")
    (folder / "shop/shop/spiders/pages.py").write_text(spider.replace("https://example.org/", site))
    return folder / "shop"


@pytest.fixture(scope="module")
def tagged(project: Path) -> dict[str, dict[str, Any]]:
    """{path on the site: tag} of a crawl by the documentation's spider."""
    done = run(project, "-m", "scrapy", "crawl", "pages", "-O", "pages.jsonl")
    assert done.returncode == 0, done.stderr
    return by_path(project / "pages.jsonl")


def by_path(feed: Path) -> dict[str, dict[str, Any]]:
    items = [json.loads(line) for line in read(feed).splitlines()]
    return {"/" + item["url"].partition("//")[2].partition("/")[2]: item["detector"] for item in items}


def test_the_documented_project_tags_every_page_that_arrived(tagged: dict[str, dict[str, Any]]) -> None:
    assert set(tagged) == {"/", *PAGES} - {"/cut"}
    assert {path: tag["verdict"] for path, tag in tagged.items() if path in ("/spun", "/stuffed")} == {
        "/spun": "spam",
        "/stuffed": "spam",
    }
    assert tagged["/spun"]["reasons"] == ["spun"]
    assert "stuffed" in tagged["/stuffed"]["reasons"]
    assert all(tagged[path]["verdict"] in ("clean", "suspect") for path in ("/clean", "/slow", "/latin"))
    assert all(tuple(tag) == COLUMNS for tag in tagged.values())


def test_pages_without_judgement_say_why(tagged: dict[str, dict[str, Any]]) -> None:
    assert tagged["/short"]["status"] == "too_short"
    assert tagged["/german"]["status"] == "not_english"
    assert tagged["/huge"]["truncated"] is True
    assert tagged["/broken"]["status"] == "failed"
    assert "nested" in tagged["/broken"]["error"]


def test_the_scores_are_those_of_the_command_line(tagged: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    names = ("/clean", "/spun", "/stuffed", "/german", "/latin")
    for name in names:
        (tmp_path / f"{name[1:]}.html").write_text(PAGES[name])
    command = [sys.executable, "-m", "detector", "score", "--no-explain", "--exit-zero", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    for record in map(json.loads, done.stdout.splitlines()):
        tag = tagged["/" + Path(record["id"]).stem]
        assert {name: tag[name] for name in COLUMNS[:6]} == {name: record[name] for name in COLUMNS[:6]}


def test_the_documented_project_drops_what_is_flagged(
    project: Path, tagged: dict[str, dict[str, Any]]
) -> None:
    done = run(project, "-m", "scrapy", "crawl", "pages", "-O", "kept.jsonl", "-s", "SPUN_ACTION=drop")
    flagged = {path for path, tag in tagged.items() if tag["verdict"] == "spam"}
    assert set(by_path(project / "kept.jsonl")) == set(tagged) - flagged
    assert f"'spun/flagged': {len(flagged)}" in done.stderr
    assert "'spun/reason/spun': 1" in done.stderr
    assert "Dropped: spun: " in done.stderr


def test_work_is_batched_and_off_the_main_thread(crawls: Crawls) -> None:
    assert len(crawls.items["many"]) == 404
    assert crawls.stats["many"]["spun/scored"] == 402
    assert crawls.stats["many"]["spun/batches"] < 100
    assert sum(size for size, _ in crawls.batches) == 403 + 4 + 1  # each item with a text, once
    assert not any(main for _, main in crawls.batches)


def check_items(done: Crawls, model: str) -> None:
    tags = done.tags("plain")
    assert tags[0] == tags["bytes"]
    assert tags[0]["model"] == model
    assert tags["int"]["status"] == "failed"
    assert "int" in tags["int"]["error"]
    assert tags["other"] is None
    counts = {
        name: done.stats["plain"][f"spun/{name}"] for name in ("scored", "flagged", "failed", "no_field")
    }
    assert counts == {"scored": 3, "flagged": 3, "failed": 1, "no_field": 1}


def test_every_kind_of_item_passes(crawls: Crawls, shipped: Detector) -> None:
    check_items(crawls, shipped.model.name)
    assert "Strict has no field 'detector'" in crawls.log  # and it came through all the same:
    assert len(crawls.items["plain"]) == 5


@pytest.mark.parametrize(
    ("process", "settings"),
    [
        ("AsyncCrawlerProcess", {"TWISTED_REACTOR_ENABLED": False}),
        ("CrawlerProcess", {"TWISTED_REACTOR": "twisted.internet.selectreactor.SelectReactor"}),
    ],
)
def test_it_works_without_a_reactor_and_without_asyncio(
    tmp_path: Path, site: str, shipped: Detector, process: str, settings: dict[str, Any]
) -> None:
    check_items(crawl(tmp_path, site, {"plain": {"ADDONS": ADDON}}, process, settings), shipped.model.name)


def test_switched_off_it_leaves_items_alone(crawls: Crawls) -> None:
    assert len(crawls.items["off"]) == 5
    assert set(crawls.tags("off").values()) == {None}
    assert not [name for name in crawls.stats["off"] if name.startswith("spun/")]


def test_other_field_policy_and_place(crawls: Crawls) -> None:
    assert crawls.tags("place")["other"]["verdict"] == "spam"
    assert crawls.stats["place"]["spun/scored"] == 1


def test_a_field_that_no_item_has_is_said(crawls: Crawls) -> None:
    assert "no item had a field 'txet'; set SPUN_FIELD" in crawls.log


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("action", "SPUN_ACTION is 'delete'; it must be one of tag, drop"),
        ("policy", "no policy 'lenient'; there are precise, balanced, sensitive"),
        ("model", "nowhere"),
    ],
)
def test_unusable_settings_end_it_before_the_crawl(crawls: Crawls, name: str, message: str) -> None:
    assert message in crawls.log
    assert not crawls.items[name]


def test_the_compiler_stays_out_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scrapy's log begins at DEBUG: 34 MB of numba's messages in the first crawl on a machine."""
    from scrapy.settings import Settings

    from detector.integrations.scrapy import SpunPipeline

    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    compiler = logging.getLogger("numba")
    monkeypatch.setattr(compiler, "level", logging.NOTSET)
    SpunPipeline(SimpleNamespace(settings=Settings(), stats=object()))  # type: ignore[arg-type]
    assert not logging.getLogger("numba.core.ssa").isEnabledFor(logging.DEBUG)
    assert compiler.isEnabledFor(logging.WARNING)
