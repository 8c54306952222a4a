"""Runs the application under uvicorn: one process, or several that are supervised."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

from fastapi import FastAPI
from uvicorn import Config, Server
from uvicorn.supervisors import Multiprocess

from detector.server.app import create_app
from detector.server.logs import start_logging
from detector.server.metrics import SHARED_FOLDER
from detector.server.protocol import BoundedProtocol
from detector.server.settings import Settings

SPARE_FILES = 200
HEALTH_SECONDS = 30
"""In which a worker process must start, and answer its supervisor."""
KEEP_ALIVE = 75
"""Seconds; longer than common proxies keep a connection, so that it is they who close it."""
GRACE = 10
"""Seconds that a stop waits beyond the time which a request may take."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; what was accepted by then is answered first."""
    _allow_sockets(settings.limits.connections)
    if settings.workers == 1:
        signal.signal(signal.SIGTERM, _leave)  # uvicorn raises them once more when it has stopped
        signal.signal(signal.SIGINT, _leave)
        Server(uvicorn_config(settings)).run()
        return
    with tempfile.TemporaryDirectory(prefix="detector-workers-") as folder:
        figures = Path(folder) / "metrics"
        figures.mkdir()
        os.environ[SHARED_FOLDER] = str(figures)
        listener = start_logging()
        config = uvicorn_config(replace(settings, last_good=Path(folder) / "model.zip"))
        Multiprocess(config, [config.bind_socket()]).run()
        listener.stop()


def make_app(settings: Settings) -> FastAPI:
    """The application of one process, with its log."""
    return create_app(settings, start_logging().stop)


def _allow_sockets(connections: int) -> None:
    """Raise the process's own limit on open files, where there is one and it may."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


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
        timeout_keep_alive=KEEP_ALIVE,
        timeout_worker_healthcheck=HEALTH_SECONDS,
        timeout_graceful_shutdown=int(limits.seconds) + GRACE,
    )
