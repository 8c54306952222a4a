"""The pages on which texts are brought, read and labelled."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from detector.labels import LabelError
from detector.report.html import render_document
from detector.report.page import STYLE
from detector.report.places import Policy, Scored, badge
from detector.server.problems import ProblemError
from detector.server.workbench.bench import (
    MAX_ANNOTATOR,
    NAME_COOKIE,
    Workbench,
    annotator,
    form,
    page,
    text_of,
)
from detector.server.workbench.desk import ANSWERS, FullError, Queued, Upload
from detector.server.workbench.guard import HEADERS, PATH
from detector.server.workbench.marking import MAX_WORDS, pieces

HERE = Path(__file__).parent
COLUMNS = ("document", "verdict", "spun", "stuffed", "words")
_SAID = {"spun": "Kept: spun.", "stuffed": "Kept: stuffed.", "clean": "Kept: clean.", "skip": "Skipped."}
GONE = "this document is not on the desk any more"
_RANKS = ("spam", "suspect", "clean", "unjudged", "failed")
ASSETS = {
    "report.css": (STYLE, "text/css"),
    "workbench.css": ((HERE / "static/workbench.css").read_text(encoding="utf-8"), "text/css"),
    "workbench.js": ((HERE / "static/workbench.js").read_text(encoding="utf-8"), "text/javascript"),
    "icon.svg": ((HERE / "static/icon.svg").read_text(encoding="utf-8"), "image/svg+xml"),
}


router = APIRouter(prefix=PATH, include_in_schema=False)


@router.get("")
@page
async def start(bench: Workbench, request: Request) -> Response:
    """Where texts are brought, and the table of those on the desk."""
    found = await asyncio.to_thread(bench.desk.all, bench.service.detector)
    column = request.query_params.get("sort", "")
    down = request.query_params.get("order") == "down"
    rows = _sorted(found, column, down)
    return bench.page(request, "start.html", rows=rows, columns=COLUMNS, sort=column, down=down)


def _sorted(found: dict[int, Scored], column: str, down: bool) -> list[tuple[int, Scored]]:
    """The documents by a column, those without a value last; the newest first if no column is named."""
    if column not in COLUMNS:
        return sorted(found.items(), reverse=True)

    def value(item: tuple[int, Scored]) -> Any:
        verdict = item[1].verdict
        if column == "document":
            return verdict.id.casefold()
        if column == "verdict":
            return -_RANKS.index(badge(verdict))
        return getattr(verdict, column)

    known = [item for item in found.items() if value(item) is not None]
    unknown = [item for item in found.items() if value(item) is None]
    return sorted(known, key=value, reverse=down) + unknown


@router.post("/documents")
@form
async def add(bench: Workbench, request: Request, fields: FormData) -> Response:
    """Score what was pasted and the files."""
    uploads = [
        Upload(item.filename or "file", await item.read())
        for item in fields.getlist("files")
        if isinstance(item, UploadFile) and (item.filename or item.size)
    ]
    pasted = text_of(fields, "text").replace("\r\n", "\n")
    try:
        numbers = await asyncio.to_thread(bench.desk.add, bench.service.detector, pasted, uploads)
    except FullError as error:
        return bench.back(request, "#documents", f"{error}.")
    if not numbers:
        return bench.back(request, "", "There was no text: paste one, or choose a file.")
    return bench.back(request, f"/documents/{numbers[0]}" if len(numbers) == 1 else "#documents")


@router.get("/documents/{number}")
@page
async def document(bench: Workbench, request: Request) -> Response:
    """One document with its evidence."""
    found = await asyncio.to_thread(bench.desk.all, bench.service.detector)
    number = _number(request, found)
    numbers = sorted(found)
    at = numbers.index(number)
    article = await asyncio.to_thread(_article, found[number], bench.policy, number)
    before, after = numbers[at - 1] if at else None, numbers[at + 1] if at + 1 < len(numbers) else None
    name = found[number].verdict.id
    return bench.page(
        request, "document.html", article=article, before=before, after=after, name=name, number=number
    )


def _article(scored: Scored, policy: Policy, number: int) -> Markup:
    return Markup("".join(render_document(scored, policy, number)))  # it escapes whatever comes from outside


@router.post("/clear")
@form
async def clear(bench: Workbench, request: Request, fields: FormData) -> Response:
    """Take the documents off the desk."""
    await asyncio.to_thread(bench.desk.clear)
    return bench.back(request, "", "The desk is empty. Labels are kept.")


@router.get("/queue")
@page
async def queue(bench: Workbench, request: Request) -> Response:
    """The document to label next."""
    name = annotator(request)
    item: Queued | None = None
    article = Markup()
    if name:
        item = await asyncio.to_thread(bench.desk.next, bench.service.detector, name)
    if item:
        article = await asyncio.to_thread(_article, item.scored, bench.policy, item.number)
    return bench.page(request, "queue.html", item=item, article=article, steps=bench.desk.steps(name))


@router.post("/annotator")
@form
async def name(bench: Workbench, request: Request, fields: FormData) -> Response:
    """Remember who labels, in a cookie of this browser."""
    given = " ".join(text_of(fields, "annotator").split())[:MAX_ANNOTATOR]
    response = bench.back(request, "/queue", "" if given else "Give a name: it is kept with each label.")
    response.set_cookie(NAME_COOKIE, quote(given), path=PATH, httponly=True, samesite="strict")
    return response


@router.get("/documents/{number}/mark")
@page
async def mark(bench: Workbench, request: Request) -> Response:
    """A document whose words can be marked."""
    who = annotator(request)
    if not who:
        return bench.back(request, "/queue", "Give your name first: it is kept with each label.")
    found = await asyncio.to_thread(bench.desk.all, bench.service.detector)
    number = _number(request, found)
    scored = found[number]
    marked = await asyncio.to_thread(bench.desk.marked, number, who)
    cut = list(pieces(scored, marked))
    more = MAX_WORDS if sum(piece.span is not None for piece in cut) == MAX_WORDS else 0
    return bench.page(request, "mark.html", number=number, name=scored.verdict.id, pieces=cut, more=more)


def _number(request: Request, found: Container[int]) -> int:
    """The document that the address names. Raises ProblemError 404 if it is not on the desk."""
    number = _parsed(request.path_params["number"])
    if number not in found:
        raise ProblemError(404, "not-found", GONE)
    return number


def _parsed(value: str) -> int:
    """The number of a document; 0, which none has, for what is no number."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


@router.post("/labels")
@form
async def label(bench: Workbench, request: Request, fields: FormData) -> Response:
    """Keep an answer, and go on to the next document."""
    answer, who = ANSWERS.get(text_of(fields, "answer")), annotator(request)
    if answer is None or not who:
        raise ProblemError(422, "invalid-request", "the form lacks an answer or a name: load the page again")
    number, marked = _parsed(text_of(fields, "number")), [str(value) for value in fields.getlist("span")]
    try:
        places = await asyncio.to_thread(bench.desk.answer, number, who, answer, marked)
    except KeyError:
        raise ProblemError(404, "not-found", GONE) from None
    except LabelError:
        raise
    except ValueError as error:
        raise ProblemError(422, "invalid-request", f"{error}: load the page again") from None
    notice = f"Kept: spun, {places:,} place{'s' if places > 1 else ''} marked." if places else _SAID[answer]
    return bench.back(request, "/queue", notice)


@router.post("/undo")
@form
async def undo(bench: Workbench, request: Request, fields: FormData) -> Response:
    """Take the last answer back."""
    undone = await asyncio.to_thread(bench.desk.undo, annotator(request))
    return bench.back(request, "/queue", "Taken back." if undone else "There is nothing to take back.")


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """Style, script and icon."""
    if name not in ASSETS:
        raise HTTPException(404)
    content, kind = ASSETS[name]
    return Response(content, 200, {**HEADERS, "cache-control": "max-age=300"}, kind)
