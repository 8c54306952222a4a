"""The paths of the service."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from detector.server import metrics
from detector.server.body import Body
from detector.server.documents import HTML, JSON, TEXT, json_pages, raw_page, render
from detector.server.openapi import SCORE_REQUEST, SCORE_RESPONSES, problems
from detector.server.problems import ProblemError
from detector.server.schemas import HealthOut, ModelOut
from detector.server.service import Service
from detector.server.stream import MEDIA_TYPE as NDJSON
from detector.server.stream import NdjsonStream

router = APIRouter()
JSON_LINES = (NDJSON, "application/jsonl", "application/ndjson")


def service_of(request: Request) -> Service:
    """The application's shared state."""
    return cast(Service, request.app.state.service)


@router.post(
    "/v1/score",
    summary="Verdicts on one document or many",
    openapi_extra=SCORE_REQUEST,
    responses=SCORE_RESPONSES,
    response_class=Response,
)
async def score(
    request: Request,
    evidence: Annotated[bool, Query(description="Mark the places; false takes half the time.")] = True,
    with_text: Annotated[bool, Query(description="Add the scored text: offsets count in it.")] = False,
    id: Annotated[str, Query(description="Of a text or HTML body.")] = "-",
    url: Annotated[str | None, Query(description="Of a text or HTML body; not fetched.")] = None,
) -> Response:
    """JSON: `{"text"}` or `{"html"}` gives one verdict, `{"documents": [...]}` a list. JSON lines: one record a
    line, answered while you send. Text or HTML: the body is the document, in any encoding.

    The body may be gzip. Nothing is fetched, and nothing is kept.
    """
    service = service_of(request)
    service.detector  # noqa: B018  (503 before anything is read)
    media_type = request.headers.get("content-type", "").lower()
    kind = media_type.partition(";")[0].strip()
    if kind not in (JSON, TEXT, HTML, *JSON_LINES):
        raise ProblemError(
            415, "unsupported-type", f"Content-Type must be {JSON}, {NDJSON}, {TEXT} or {HTML}"
        )
    body = Body(request.scope, request.receive, service.settings.limits, service.memory)
    if kind in JSON_LINES:
        service.batcher.require_room()
        return NdjsonStream(service, body, evidence, with_text)
    with body:
        data = await body.read()
        request.scope["notes"]["bytes"] = len(data)
        if kind == JSON:
            pages, batch = json_pages(data, evidence, service.settings.limits.batch_documents)
        else:
            pages, batch = [raw_page(data, media_type, id, url, evidence)], False
        request.scope["notes"]["documents"] = len(pages)
        scored, complete = await service.score(pages)
    if not batch and not complete:
        raise ProblemError(
            503,
            "deadline",
            f"not scored within {service.settings.limits.seconds:g} s",
            {"retry-after": str(service.batcher.retry_seconds())},
            incomplete=True,
        )
    records = []
    for number, item in enumerate(scored):
        records.append(render(item, with_text))
        if number % 50 == 49:
            await asyncio.sleep(0)  # others wait for the event loop
    if not batch:
        return Response(records[0], media_type=JSON)
    request.scope["notes"]["incomplete"] = not complete
    head = b'{"incomplete":%s,"verdicts":[' % (b"false" if complete else b"true")
    return Response(head + b",".join(records) + b"]}", media_type=JSON)


@router.get("/v1/model", summary="What is loaded", response_model=ModelOut, responses=problems(401, 503))
async def model(request: Request) -> Response:
    """Name, version, hash, thresholds by policy, and the limits of this service."""
    service = service_of(request)
    detector = service.detector
    limits = asdict(service.settings.limits)
    shown = {key: limits[key] for key in ("body_bytes", "batch_documents", "queue_documents", "seconds")}
    spun, stuffed = detector.thresholds
    info: dict[str, Any] = {**detector.info(), "spun": spun, "stuffed": stuffed, "limits": shown}
    return JSONResponse(info)


@router.get("/healthz", summary="Whether the process answers", response_model=HealthOut)
async def healthz() -> dict[str, str]:
    """For a supervisor: if this fails, start the process anew."""
    return {"status": "ok"}


@router.get("/readyz", summary="Whether it can score", response_model=HealthOut, responses=problems(503))
async def readyz(request: Request) -> dict[str, str]:
    """For a load balancer: 503 while the model is being loaded."""
    service_of(request).detector  # noqa: B018
    return {"status": "ok"}


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems(401)},
)
async def figures(request: Request) -> Response:
    """Requests, documents, queue, batches, model, memory, in Prometheus' text format."""
    service = service_of(request)
    service.metrics.queued.set(service.batcher.queued)
    service.metrics.queued_bytes.set(service.memory.used)
    return Response(service.metrics.render(), media_type=metrics.MEDIA_TYPE)
