"""Runs the application under uvicorn: one process, or several that are supervised."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable
from functools import partial
from types import FrameType

from fastapi import FastAPI
from uvicorn import Config, Server
from uvicorn.supervisors import Multiprocess

from detector.server.app import create_app
from detector.server.logs import start_logging
from detector.server.metrics import SHARED_FOLDER
from detector.server.protocol import BoundedProtocol
from detector.server.settings import Settings

GRACE = 10
"""Seconds that a stop waits beyond the time which a request may take."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; what was accepted by then is answered first."""
    config = uvicorn_config(settings)
    if settings.workers == 1:
        signal.signal(signal.SIGTERM, _leave)  # uvicorn raises them once more when it has stopped
        signal.signal(signal.SIGINT, _leave)
        Server(config).run()
        return
    with tempfile.TemporaryDirectory(prefix="detector-metrics-") as folder:
        os.environ[SHARED_FOLDER] = folder
        listener = start_logging()
        Multiprocess(config, [config.bind_socket()]).run()
        listener.stop()


def make_app(settings: Settings) -> FastAPI:
    """The application of one process, with its log."""
    return create_app(settings, start_logging().stop)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def uvicorn_config(settings: Settings, make: Callable[[Settings], FastAPI] = make_app) -> Config:
    """How uvicorn runs the application that `make` makes."""
    limits = settings.limits
    return Config(
        partial(make, settings),
        factory=True,
        host=settings.host,
        port=settings.port,
        uds=None if settings.uds is None else str(settings.uds),
        http=partial(BoundedProtocol, limits),  # type: ignore[arg-type]
        ws="none",
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=int(limits.seconds) + GRACE,
    )
