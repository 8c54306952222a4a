"""The pages on which a model is made from the labels, compared with the one in use, promoted and rolled back."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from detector.model import ModelError
from detector.promotion import SHIPPED_NAME
from detector.registry import Version
from detector.report.places import findings, kind_name
from detector.server.problems import ProblemError
from detector.server.workbench.bench import Workbench, annotator, form, page, text_of
from detector.server.workbench.guard import PATH
from detector.server.workbench.versions import listed, standing
from detector.training.gate import promote as pass_gate

MAX_REASON = 300
SHOWN_CHANGES = 30
router = APIRouter(prefix=PATH, include_in_schema=False)


@router.get("/models")
@page
async def models(bench: Workbench, request: Request) -> Response:
    """What there is to train on, how a training stands, the versions, and who promoted which."""
    labels, versions, history = await asyncio.gather(
        asyncio.to_thread(standing, bench.store),
        asyncio.to_thread(listed, bench.registry),
        asyncio.to_thread(bench.registry.history),
    )
    return bench.page(
        request,
        "models.html",
        labels=labels,
        versions=versions,
        history=list(reversed(history)),
        run=bench.training.run(),
        named=bench.service.settings.model,
    )


@router.post("/training")
@form
async def train(bench: Workbench, request: Request, fields: FormData) -> Response:
    """Begin a training."""
    try:
        begun = await asyncio.to_thread(bench.training.start)
    except OSError as error:
        raise ProblemError(500, "no-process", f"the training can't be started: {error.strerror}") from None
    return bench.back(request, "/models", "" if begun else "A training is running already.")


@router.post("/training/stop")
@form
async def stop(bench: Workbench, request: Request, fields: FormData) -> Response:
    """End the training that runs."""
    await asyncio.to_thread(bench.training.stop)
    return bench.back(request, "/models")


@router.get("/models/{name}")
@page
async def model(bench: Workbench, request: Request) -> Response:
    """One version beside the one in use."""
    version = await asyncio.to_thread(_find, bench, request)
    detector = bench.service.detector
    desk = await asyncio.to_thread(bench.desk.all, detector)
    beside = await asyncio.to_thread(bench.comparisons.beside, version.name, desk, detector.lexicon)
    return bench.page(
        request,
        "model.html",
        beside=beside,
        changes=beside.comparison.changes[:SHOWN_CHANGES],
        findings=findings,
        kind_name=kind_name,
    )


def _find(bench: Workbench, request: Request) -> Version:
    try:
        return bench.registry.find(request.path_params["name"])
    except ModelError as error:
        raise ProblemError(404, "not-found", str(error)) from None


@router.post("/models/{name}/promote")
@form
async def promote(bench: Workbench, request: Request, fields: FormData) -> Response:
    """Put a version in use, if the gate lets it, or a reason is given why it should be all the same."""
    version = await asyncio.to_thread(_find, bench, request)
    reason = " ".join(text_of(fields, "reason").split())[:MAX_REASON]
    promoted = await asyncio.to_thread(_promote, bench, version.name, annotator(request), reason)
    if not promoted:
        return bench.back(request, f"/models/{version.name}", "Not promoted: the gate objects, see below.")
    await bench.service.live.refresh(force=True)
    return bench.back(request, "/models", f"{_called(version.name)} is in use.")


def _promote(bench: Workbench, name: str, by: str, reason: str) -> bool:
    forced = bool(reason)
    _, _, found = pass_gate(bench.registry, name, bench.store.labels(), by, forced, reason)
    return forced or not found


@router.post("/rollback")
@form
async def rollback(bench: Workbench, request: Request, fields: FormData) -> Response:
    """Put back what was in use before."""
    try:
        entry = await asyncio.to_thread(bench.registry.rollback, annotator(request))
    except ModelError as error:
        return bench.back(request, "/models", f"{str(error)[:1].upper()}{str(error)[1:]}.")
    await bench.service.live.refresh(force=True)
    return bench.back(request, "/models", f"{_called(entry.version)} is in use again.")


def _called(name: str) -> str:
    return "The shipped model" if name == SHIPPED_NAME else f"Model {name}"
