"""Scrapy (extra `scrapy`): an item pipeline that tags or drops items, and an add-on that switches it on.

    ADDONS = {"detector.integrations.scrapy.SpunAddon": 500}

| setting | default | |
|---|---|---|
| `SPUN_ENABLED` | True | |
| `SPUN_FIELD` | "text" | the item field that holds text or a page's markup, `str` or `bytes` |
| `SPUN_ACTION` | "tag" | "drop" drops flagged items; the others are tagged |
| `SPUN_POLICY` | "balanced" | as for `detector.load` |
| `SPUN_MODEL` | None | a bundle; the shipped one if None |

A tag is the field `detector` of the item: `rows.COLUMNS`. Items without the text field pass by. Scoring and the
extraction of pages run in a thread, in batches of what arrives within 50 ms.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from detector.integrations import needs_extra
from detector.integrations.rows import BATCH_ROWS, columns, score_values
from detector.kernels import is_warm
from detector.scoring import load

with needs_extra("scrapy"):
    from itemadapter import ItemAdapter
    from scrapy.exceptions import DropItem, NotConfigured
    from scrapy.utils.asyncio import call_later, run_in_thread
    from scrapy.utils.defer import deferred_from_coro, maybe_deferred_to_future
    from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from detector.verdict import Verdict

TAG = "detector"
"""The item field that tells the verdict."""
ACTIONS = ("tag", "drop")
FEW = 16
GATHER_SECONDS = 0.05
"""Fewer items wait this long for others: handing work to the thread and back costs as much as scoring a page."""
PRIORITY = 500
"""Among ITEM_PIPELINES: after those that clean items, before those that store them."""

logger = logging.getLogger(__name__)


def _hush_compiler() -> None:
    """Scrapy shows the debug messages of all libraries, and numba has 300,000 of them."""
    numba = logging.getLogger("numba")
    if numba.level == logging.NOTSET:
        numba.setLevel(logging.INFO)


class SpunAddon:
    """Enters the pipeline into ITEM_PIPELINES, unless it is there already."""

    def update_settings(self, settings: BaseSettings) -> None:
        settings.setdefault_in_component_priority_dict("ITEM_PIPELINES", SpunPipeline, PRIORITY)


class SpunPipeline:
    """Scores items in batches off the event loop. Raises ValueError for unusable settings, before the crawl."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        if not settings.getbool("SPUN_ENABLED", True):
            raise NotConfigured
        self._field: str = settings.get("SPUN_FIELD", "text")
        self._action: str = settings.get("SPUN_ACTION", "tag")
        if self._action not in ACTIONS:
            raise ValueError(f"SPUN_ACTION is {self._action!r}; it must be one of {', '.join(ACTIONS)}")
        _hush_compiler()
        if not is_warm():
            logger.info("compiling for this machine, about a quarter of a minute, this once")
        self._detector = load(settings.get("SPUN_MODEL"), settings.get("SPUN_POLICY", "balanced"))
        assert crawler.stats is not None
        self._stats = crawler.stats
        self._waiting: deque[tuple[Any, Deferred[Verdict]]] = deque()
        self._scoring: Deferred[None] | None = None
        self._untaggable: set[type] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> SpunPipeline:
        return cls(crawler)

    async def process_item(self, item: Any) -> Any:
        """The item with its tag. Raises DropItem for a flagged one if SPUN_ACTION is "drop"."""
        fields = ItemAdapter(item)
        if fields.get(self._field) is None:
            self._stats.inc_value("spun/no_field")
            return item
        verdict = await self._score(fields[self._field])
        self._count(verdict)
        if verdict.flagged and self._action == "drop":
            raise DropItem(
                f"{' and '.join(verdict.reasons)}: {verdict.spun:.3f} spun, {verdict.stuffed:.3f} stuffed"
            )
        self._tag(fields, verdict)
        return item

    def close_spider(self) -> None:
        """Say so if SPUN_FIELD named a field that no item had."""
        if self._stats.get_value("spun/no_field") and not self._stats.get_value("spun/batches"):
            logger.warning("nothing was scored: no item had a field %r; set SPUN_FIELD", self._field)

    async def _score(self, value: Any) -> Verdict:
        promise: Deferred[Verdict] = Deferred()
        self._waiting.append((value, promise))
        if self._scoring is None:
            self._scoring = deferred_from_coro(self._score_waiting())
        return await maybe_deferred_to_future(promise)

    async def _score_waiting(self) -> None:
        """Score all that waits, batch by batch, until nothing does."""
        while self._waiting:
            if len(self._waiting) < FEW:
                gathered: Deferred[None] = Deferred()
                call_later(GATHER_SECONDS, gathered.callback, None)
                await maybe_deferred_to_future(gathered)
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_ROWS))]
            self._stats.inc_value("spun/batches")
            try:
                verdicts = await run_in_thread(self._score_batch, [value for value, _ in batch])
            except Exception as error:
                for _, promise in batch:
                    promise.errback(error)
            else:
                for (_, promise), verdict in zip(batch, verdicts, strict=True):
                    promise.callback(verdict)
        self._scoring = None

    def _score_batch(self, values: list[Any]) -> list[Verdict]:
        return list(score_values(self._detector, values))

    def _count(self, verdict: Verdict) -> None:
        self._stats.inc_value(f"spun/{verdict.status}")
        if verdict.flagged:
            self._stats.inc_value("spun/flagged")
        for reason in verdict.reasons if verdict.flagged else ():
            self._stats.inc_value(f"spun/reason/{reason}")

    def _tag(self, fields: ItemAdapter, verdict: Verdict) -> None:
        try:
            fields[TAG] = columns(verdict)
        except KeyError:
            kind = type(fields.item)
            if kind not in self._untaggable:
                self._untaggable.add(kind)
                logger.error("%s has no field %r, so its items stay untagged: declare it", kind.__name__, TAG)
