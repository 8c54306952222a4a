"""Write a WARC file of any size: web pages around the project's own texts, some of them spun or stuffed.

    python benchmarks/make_warc.py pages.warc --megabytes 1000
    python benchmarks/make_warc.py pages.warc.zst --megabytes 50 --seed 2

The suffix decides on compression (.gz, .zst: one member a record). Same arguments, same bytes. A page has some
40 kB, as many have: styles, a script with its data, navigation, and some six thousand characters of prose; some have
hidden text. After each comes the request, and here and there a picture, as crawlers write them.
"""

from __future__ import annotations

import argparse
import gzip
import html
import json
import random
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from detector.lexicon.tables import load_lexicon
from detector.paths import LEXICON
from detector.spinner.profiles import profile
from detector.spinner.spin import Spinner
from detector.spinner.stuff import stuff
from detector.spinner.tables import Thesaurus

TEXTS = Path(__file__).parent.parent / "training_data"
PROFILES = "ABCD"
SPUN, STUFFED = 0.15, 0.05
DATE = "2026-01-01T00:00:00Z"
Compress = Callable[[bytes], bytes]


def honest_texts() -> list[str]:
    """The honest texts of the project, each a list of paragraphs joined by blank lines."""
    records = []
    for path in sorted((TEXTS / "honest").glob("*.txt")):
        for record in path.read_text(encoding="utf-8").split("\n=== ")[1:]:
            body = record.partition("\n\n")[2].strip()
            if len(body) > 400:
                records.append(body)
    return records


def variants(seed: int) -> list[str]:
    """The honest texts, spun ones and stuffed ones, in the shares that the pages will have."""
    rng = random.Random(seed)
    honest = honest_texts()
    thesaurus = Thesaurus(load_lexicon(LEXICON))
    spinners = [Spinner(profile(name), thesaurus, seed) for name in PROFILES]
    spun = [rng.choice(spinners).spin(text).text for text in rng.sample(honest, int(SPUN * len(honest)))]
    stuffed = [
        stuff(text, seed + i)[0] for i, text in enumerate(rng.sample(honest, int(STUFFED * len(honest))))
    ]
    return honest + spun + stuffed


def page(rng: random.Random, texts: list[str], number: int) -> bytes:
    """One page as a server would send it."""
    chosen = rng.sample(texts, rng.randint(2, 8))
    title = html.escape(" ".join(chosen[0].split()[: rng.randint(4, 9)]))
    sections = []
    for text in chosen:
        paragraphs = [html.escape(part) for part in text.split("\n\n") if part.strip()]
        other = html.escape(" ".join(rng.choice(texts).split()[:6]))
        link = f'<p><a href="/topic/{rng.randrange(500)}">{other}</a></p>\n'
        sections += [f'<p class="c{rng.randrange(40)}">{part}</p>\n' for part in paragraphs] + [link]
    menu = "".join(f'<li><a href="/m/{i}">{rng.choice(texts).split(" ")[0]} {i}</a></li>' for i in range(25))
    styles = "".join(
        f".c{i}{{margin:{i}px 0;color:#{i:02x}3344;font-size:{12 + i % 9}px}}\n" for i in range(40)
    )
    state = {f"key{i}": rng.getrandbits(64) for i in range(800)}
    extra = (
        f'<div style="display:none">{html.escape(rng.choice(texts)[:200])}</div>'
        if rng.random() < 0.1
        else ""
    )
    markup = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta name="description" content="{title}, explained">\n<style>{styles}</style>\n'
        f"<script>var page = {number}; window.data = {json.dumps(state)};</script></head>\n"
        f'<body><nav><ul>{menu}</ul></nav>\n<main><article><h1>{title}</h1>\n<img src="/i.png" alt="{title}">\n'
        f"{''.join(sections)}{extra}</article></main>\n<footer><p>Number {number}. All rights reserved.</p>"
        "</footer></body></html>\n"
    )
    return markup.encode()


def record(kind: str, number: int, uri: str, media: str, body: bytes) -> bytes:
    """One WARC record."""
    id = uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {number} {uri}")
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{id}>\r\nWARC-Date: {DATE}\r\n"
        f"WARC-Target-URI: {uri}\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n\r\n"


def records(seed: int) -> Iterator[bytes]:
    """Records without end."""
    rng = random.Random(seed)
    texts = variants(seed)
    yield record(
        "warcinfo", 0, "urn:info", "application/warc-fields", b"software: benchmarks/make_warc.py\r\n"
    )
    number = 0
    while True:
        number += 1
        uri = f"https://site-{rng.randrange(2000)}.example/page/{number}"
        body = page(rng, texts, number)
        answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        yield record("response", number, uri, "application/http; msgtype=response", answer.encode() + body)
        request = f"GET /page/{number} HTTP/1.1\r\nHost: site.example\r\n\r\n"
        yield record("request", number, uri, "application/http; msgtype=request", request.encode())
        if rng.random() < 0.05:
            picture = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG" + rng.randbytes(20_000)
            yield record("response", -number, f"{uri}/i.png", "application/http; msgtype=response", picture)


def compressor(name: str) -> Compress:
    """How records are compressed in a file of this name."""
    if name.endswith(".gz"):
        return lambda data: gzip.compress(data, 6, mtime=0)
    if name.endswith(".zst"):
        from backports import zstd  # in Python 3.14: compression.zstd

        return lambda data: zstd.compress(data)
    return lambda data: data


def write(path: Path, megabytes: float, seed: int = 1) -> None:
    """Write records until the file has this size."""
    pack = compressor(path.name)
    with path.open("wb") as file:
        for data in records(seed):
            file.write(pack(data))
            if file.tell() >= megabytes * 1e6:
                return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--megabytes", type=float, default=1000.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write(arguments.path, arguments.megabytes, arguments.seed)
