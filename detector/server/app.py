"""The ASGI application: paths, middleware, and what starts and ends with it."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from detector import __version__
from detector.server import problems
from detector.server.guard import Guard
from detector.server.observe import Observe
from detector.server.openapi import components
from detector.server.routes import router
from detector.server.service import Service
from detector.server.settings import Settings

log = logging.getLogger(__name__)
QUICK_START = 15.0
"""Seconds that connections wait for the model: loading is quicker, compiling for a new machine is not."""
DESCRIPTION = (
    "Finds spun text and keyword stuffing: two calibrated probabilities, one verdict, the places that give it "
    "away. Takes texts and pages; fetches nothing, keeps nothing."
)


def create_app(settings: Settings, on_stop: Callable[[], None] = lambda: None) -> FastAPI:
    """The application. The model is loaded when it starts, in the background: see `/readyz`.

    `on_stop` is called last, after the last request was answered.
    """
    service = Service(settings)
    app = FastAPI(
        title="Spun text detector",
        version=__version__,
        description=DESCRIPTION,
        lifespan=partial(_lifespan, service, on_stop),
        docs_url=None,  # their pages would load scripts from elsewhere
        redoc_url=None,
    )
    app.state.service = service
    app.include_router(router)
    if settings.workbench:
        from detector.server.workbench import install  # training's libraries load only where they are wanted

        install(app, service)
    problems.install(app)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Observe, metrics=service.metrics)
    app.openapi = partial(_openapi, app, bool(settings.tokens))  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(service: Service, on_stop: Callable[[], None], app: FastAPI) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    first = asyncio.create_task(service.live.refresh())
    tasks: set[asyncio.Task[object]] = {asyncio.create_task(service.live.watch())}

    def reload() -> None:
        task = asyncio.create_task(service.live.refresh(force=True))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    with suppress(NotImplementedError, AttributeError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGHUP, reload)  # where there is one, and in the main thread
    await asyncio.wait({first}, timeout=QUICK_START)
    if first.done() and service.live.detector is None:
        raise RuntimeError("there is no usable model: the log says why")
    yield
    for task in list(tasks):
        task.cancel()
    for stop in service.on_stop:
        await asyncio.to_thread(stop)
    await asyncio.to_thread(service.batcher.close)
    log.info("stopped")
    await asyncio.to_thread(on_stop)


def _openapi(app: FastAPI, tokens: bool) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        known = schema.setdefault("components", {})
        known.setdefault("schemas", {}).update(components())
        if tokens:
            known["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
            schema["security"] = [{"bearer": []}]
        app.openapi_schema = schema
    return app.openapi_schema
