"""Lets schemathesis send JSON lines:

detector serve &
SCHEMATHESIS_HOOKS=benchmarks.schemathesis_hooks schemathesis run http://127.0.0.1:8765/openapi.json \
    --checks all --max-examples 1000
"""

from __future__ import annotations

import json
from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def one_line(context: Any, value: Any) -> bytes:
    """A stream of one record."""
    return json.dumps(value).encode() + b"\n"
