"""What the Scrapy pipeline costs: the same local site crawled with it on and off, in turn.

    python benchmarks/scrapy_crawl.py
    python benchmarks/scrapy_crawl.py --latency 0.05      # a site that answers after 50 ms

Each crawl is a process of its own; the site is served by another. `text` extracts the text in the spider in both
crawls, so that the difference is the scoring; `page` hands the whole page to the pipeline, which extracts it too.
Seconds are Scrapy's `elapsed_time_seconds`, which begins when the spider opens; the model is warm by then (`--cold`:
it is not). CPU time says what the crawl needs where others use the machine at the same time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from documents import as_page, documents

from detector import load
from detector.integrations.rows import score_values, to_record

ROOT = Path(__file__).parent.parent
MODES = ("off", "text", "page")


def serve(count: int, latency: float, ready: Any) -> None:
    """Answer GET /0 ... /count-1, each after `latency` seconds."""
    texts = documents(load())
    bodies = [as_page(texts[i % len(texts)], i) for i in range(count)]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await read_head(reader):
            path = head.split(b" ", 2)[1][1:]
            status, body = (b"200 OK", bodies[int(path)]) if path.isdigit() else (b"404 Not Found", b"")
            await asyncio.sleep(latency)
            writer.write(
                b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s"
                % (status, len(body), body)
            )
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        ready.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


async def read_head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def crawl(mode: str, port: int, count: int, cold: bool) -> None:
    """One crawl in this process; prints its seconds, CPU seconds and those of the event loop's thread."""
    import scrapy
    from scrapy.crawler import CrawlerProcess

    if not cold:
        list(
            score_values(load(), [as_page("Nothing much happened here. " * 40, 0), "Kein Wort davon. " * 40])
        )

    class Spider(scrapy.Spider):
        name = "spider"

        async def start(self) -> Any:
            for i in range(count):
                yield scrapy.Request(f"http://127.0.0.1:{port}/{i}")

        def parse(self, response: Any) -> Any:
            record = response.text if mode == "page" else to_record(response.text).text
            yield {"url": response.url, "text": record}

    settings = {"LOG_LEVEL": "WARNING", "CONCURRENT_REQUESTS_PER_DOMAIN": 16, "TELNETCONSOLE_ENABLED": False}
    if mode != "off":
        settings["ADDONS"] = {"detector.integrations.scrapy.SpunAddon": 500}
    process = CrawlerProcess(settings)
    crawler = process.create_crawler(Spider)
    process.crawl(crawler)
    used, looped = time.process_time(), time.thread_time()
    process.start()
    used, looped = time.process_time() - used, time.thread_time() - looped
    stats = crawler.stats.get_stats()
    assert stats["item_scraped_count"] == count
    print(json.dumps([stats["elapsed_time_seconds"], used, looped]))


def measure(mode: str, port: int, options: argparse.Namespace) -> list[float]:
    command = [sys.executable, __file__, "--mode", mode, "--port", str(port), "--pages", str(options.pages)]
    done = subprocess.run(
        command + ["--cold"] * options.cold, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--mode", choices=MODES, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.mode:
        crawl(options.mode, options.port, options.pages, options.cold)
        return
    ready: Any = multiprocessing.Queue()
    site = multiprocessing.Process(target=serve, args=(options.pages, options.latency, ready), daemon=True)
    site.start()
    port = ready.get()
    runs: dict[str, list[list[float]]] = {mode: [] for mode in MODES}
    for _ in range(options.repeats):
        for mode in MODES:
            runs[mode].append(measure(mode, port, options))
    site.terminate()
    print(
        f"{options.pages} pages with 3 kB of text, {options.repeats} crawls each, medians; load {os.getloadavg()[0]:.1f}"
    )
    print("| pipeline | seconds | pages/s | slower | CPU ms per page | of these, event loop |")
    print("|---|---|---|---|---|---|")
    base = statistics.median(run[0] for run in runs["off"])
    for mode in MODES:
        seconds, cpu, loop = (statistics.median(run[i] for run in runs[mode]) for i in (0, 1, 2))
        print(
            f"| {mode} | {seconds:.2f} | {options.pages / seconds:.0f} | {seconds / base - 1:+.1%} |"
            f" {1000 * cpu / options.pages:.2f} | {1000 * loop / options.pages:.2f} |"
        )
    for mode in MODES:
        print(f"{mode}: " + ", ".join(f"{run[0]:.2f}" for run in runs[mode]))


if __name__ == "__main__":
    main()
