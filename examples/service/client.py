"""Verdicts from `detector serve` for a file of JSON lines, in batches; needs only Python's library.

python client.py pages.jsonl    # DETECTOR_URL and DETECTOR_TOKEN may be set
"""

import gzip
import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.error import HTTPError

URL = os.environ.get("DETECTOR_URL", "http://127.0.0.1:8765")
HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
if "DETECTOR_TOKEN" in os.environ:
    HEADERS["Authorization"] = f"Bearer {os.environ['DETECTOR_TOKEN']}"


def score(documents: list[dict[str, Any]], evidence: bool = False) -> list[dict[str, Any]]:
    """The verdicts, in order. Waits as long as the service says when it is busy; raises HTTPError otherwise."""
    body = gzip.compress(json.dumps({"documents": documents}).encode())
    request = urllib.request.Request(f"{URL}/v1/score?evidence={str(evidence).lower()}", body, HEADERS)
    while True:
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["verdicts"]
        except HTTPError as error:
            if error.code not in (429, 503):
                print(error.read().decode(), file=sys.stderr)
                raise
            time.sleep(float(error.headers.get("Retry-After", 1)))


def batches(path: str, size: int = 50) -> Iterator[list[dict[str, Any]]]:
    with open(path, encoding="utf-8") as lines:
        records = map(json.loads, lines)
        while batch := list(islice(records, size)):
            yield batch


if __name__ == "__main__":
    for batch in batches(sys.argv[1]):
        for verdict in score(batch):
            print(verdict["id"], verdict["status"], verdict["verdict"], "+".join(verdict["reasons"]))
