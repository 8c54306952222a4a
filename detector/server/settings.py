"""What a service is told when it starts: the model, the policy, where it listens, who may ask, the limits."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

MIB = 1 << 20
TOKENS_VARIABLE = "DETECTOR_TOKENS"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,}")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request, and all of them together, may take. All are at least 1."""

    body_bytes: int = 16 * MIB
    """Of one request, as sent and unpacked; of one line in a stream."""
    batch_documents: int = 1000
    queue_documents: int = 2000
    """Accepted and not yet answered, of all requests."""
    queue_bytes: int = 256 * MIB
    """Bodies being read and not yet answered, of all requests."""
    seconds: float = 30.0
    """For a client to send its body, then for its documents to be scored, then for it to take an answer."""
    header_seconds: float = 10.0
    connections: int = 2000


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the application needs to know; picklable, for worker processes."""

    model: Path | None = None
    policy: str = "balanced"
    fpr: float | None = None
    jobs: int = 1
    """Threads that score."""
    host: str = "127.0.0.1"
    port: int = 8765
    uds: Path | None = None
    workers: int = 1
    tokens: tuple[str, ...] = field(default=(), repr=False)
    """Bearer tokens, any of which opens `/v1` and `/metrics`; empty: nobody is asked."""
    hosts: tuple[str, ...] = ()
    """Names under which a proxy on this machine may call it, besides localhost."""
    limits: Limits = Limits()
    workbench: bool = False
    """Pages to label on, for people at this machine; in one process, since documents are kept in it."""
    reload_seconds: float = 2.0
    """Between two looks at the model's files."""
    last_good: Path | None = None
    """Where a copy (.zip) of the model in use is kept, for a worker process that starts when its path holds rubbish."""

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.uds is not None or self.host in LOOPBACK


def read_tokens(file: Path | None) -> tuple[str, ...]:
    """Tokens of DETECTOR_TOKENS (comma or space between) and of a file (one a line).

    Raises ValueError for a file without tokens or something else than a token, OSError for a
    file that can't be read. No message holds a token.
    """
    found = os.environ.get(TOKENS_VARIABLE, "").replace(",", " ").split()
    if file is not None:
        lines = file.read_text(encoding="utf-8").split("\n")
        own = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if not own:
            raise ValueError(f"{file} holds no token: write one a line")
        found += own
    for token in found:
        if not _TOKEN.fullmatch(token):
            raise ValueError(
                "a token must be at least 16 of the characters A-Z a-z 0-9 . _ ~ + / = -, "
                "such as `openssl rand -hex 32` prints"
            )
    return tuple(dict.fromkeys(found))
