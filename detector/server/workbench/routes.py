"""The pages of the workbench, and what their forms do. Each form ends with a redirect, so that reloading is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, unquote

from fastapi import APIRouter, FastAPI, Request
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import Message

from detector.labels import LabelError, LabelStore
from detector.report.html import render_document
from detector.report.page import STYLE
from detector.report.places import Policy, Scored, badge, headline, percent, visible
from detector.server.body import Body
from detector.server.problems import ProblemError
from detector.server.service import Service
from detector.server.workbench.desk import ANSWERS, Desk, FullError, Queued, Upload
from detector.server.workbench.guard import HEADERS, PATH, Forms

HERE = Path(__file__).parent
NAME_COOKIE = "detector_annotator"
MAX_FILES = 200
MAX_ANNOTATOR = 60
COLUMNS = ("document", "verdict", "spun", "stuffed", "words")
_SAID = {"spun": "Kept: spun.", "stuffed": "Kept: stuffed.", "clean": "Kept: clean.", "skip": "Skipped."}
_RANKS = ("spam", "suspect", "clean", "unjudged", "failed")
ASSETS = {
    "report.css": (STYLE, "text/css"),
    "workbench.css": ((HERE / "static/workbench.css").read_text(encoding="utf-8"), "text/css"),
    "workbench.js": ((HERE / "static/workbench.js").read_text(encoding="utf-8"), "text/javascript"),
    "icon.svg": ((HERE / "static/icon.svg").read_text(encoding="utf-8"), "image/svg+xml"),
}


class Workbench:
    """What its pages share."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.desk = Desk(LabelStore())
        self.forms = Forms()
        self._notices: dict[str, str] = {}
        self.templates = Environment(
            loader=PackageLoader("detector.server.workbench"), autoescape=True, finalize=_shown
        )
        self.templates.globals.update(badge=badge, headline=headline, percent=percent)

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """A page, with this browser's token in its forms."""
        session = self.forms.session(request)
        notice = self._notices.pop(session, "")
        body = self.templates.get_template(template).render(
            token=self.forms.token(session), annotator=annotator(request), notice=notice, **values
        )
        response = Response(body.encode("utf-8", "replace"), status, HEADERS, "text/html; charset=utf-8")
        self.forms.keep(response, session)
        return response

    def back(self, request: Request, place: str, notice: str = "") -> Response:
        """To a page after a form, with a line to show there, once and to this browser."""
        if notice:
            self._notices[self.forms.session(request)] = notice
        return RedirectResponse(PATH + place, 303, HEADERS)

    @property
    def policy(self) -> Policy:
        """The one in force, for the report."""
        detector = self.service.detector
        return Policy(detector.policy, *detector.thresholds)


Handler = Callable[[Workbench, Request], Awaitable[Response]]
Poster = Callable[[Workbench, Request, FormData], Awaitable[Response]]


def _shown(value: Any) -> Any:
    """What is not markup is shown without invisible signs; autoescape does the rest."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else visible(value)


def annotator(request: Request) -> str:
    """The name that this browser labels under, empty if none was given."""
    return unquote(request.cookies.get(NAME_COOKIE, ""), errors="replace")[:MAX_ANNOTATOR].strip()


def page(work: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A handler whose problems are shown as pages."""

    @wraps(work)
    async def handle(request: Request) -> Response:
        bench = cast(Workbench, request.app.state.workbench)
        try:
            return await work(bench, request)
        except ProblemError as error:
            again = error.status == 503 and request.method == "GET"  # the model is being loaded
            values = {"title": error.body["title"], "detail": str(error), "again": again}
            return bench.page(request, "problem.html", error.status, **values)
        except LabelError as error:
            return bench.page(request, "problem.html", 500, title="The store of labels", detail=str(error))

    handle.__annotations__ = {"request": Request, "return": Response}
    del handle.__wrapped__  # type: ignore[attr-defined]  # FastAPI would look at its parameters
    return handle


def form(work: Poster) -> Callable[[Request], Awaitable[Response]]:
    """A handler of a form: from this browser's own page, and within the limits of the service."""

    @wraps(work)
    async def handle(bench: Workbench, request: Request) -> Response:
        bench.forms.check_origin(request)
        limits = bench.service.settings.limits
        with Body(request.scope, request.receive, limits, bench.service.memory) as body:
            fields = await _fields(request, await body.read(), limits.body_bytes)
            try:
                bench.forms.check_token(request, fields.get("token"))
                return await work(bench, request, fields)
            finally:
                await fields.close()

    return page(handle)


async def _fields(request: Request, data: bytes, most: int) -> FormData:
    """The fields of a form whose body was read. Raises ProblemError 400."""

    async def receive() -> Message:
        return {"type": "http.request", "body": data, "more_body": False}

    try:
        whole = Request(request.scope, receive)
        return await whole.form(max_files=MAX_FILES, max_fields=20, max_part_size=most)
    except HTTPException as error:
        raise ProblemError(400, "broken-form", f"the form can't be read: {error.detail}") from None


def _text(fields: FormData, name: str) -> str:
    value = fields.get(name, "")
    return value if isinstance(value, str) else ""


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
    pasted = _text(fields, "text").replace("\r\n", "\n")
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
    numbers = sorted(found)
    try:
        number = int(request.path_params["number"])
        at = numbers.index(number)
    except ValueError:
        raise ProblemError(404, "not-found", "this document is not on the desk any more") from None
    article = await asyncio.to_thread(_article, found[number], bench.policy, number)
    before, after = numbers[at - 1] if at else None, numbers[at + 1] if at + 1 < len(numbers) else None
    name = found[number].verdict.id
    return bench.page(request, "document.html", article=article, before=before, after=after, name=name)


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
    given = " ".join(_text(fields, "annotator").split())[:MAX_ANNOTATOR]
    response = bench.back(request, "/queue", "" if given else "Give a name: it is kept with each label.")
    response.set_cookie(NAME_COOKIE, quote(given), path=PATH, httponly=True, samesite="strict")
    return response


@router.post("/labels")
@form
async def label(bench: Workbench, request: Request, fields: FormData) -> Response:
    """Keep an answer, and go on to the next document."""
    answer, who = ANSWERS.get(_text(fields, "answer")), annotator(request)
    if answer is None or not who:
        raise ProblemError(422, "invalid-request", "the form lacks an answer or a name: load the page again")
    try:
        await asyncio.to_thread(bench.desk.answer, int(_text(fields, "number")), who, answer)
    except (KeyError, ValueError) as error:
        if isinstance(error, LabelError):
            raise
        raise ProblemError(404, "not-found", "this document is not on the desk any more") from None
    return bench.back(request, "/queue", _SAID[answer])


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


def install(app: FastAPI, service: Service) -> None:
    """Give the application the pages."""
    app.state.workbench = Workbench(service)
    app.include_router(router)
