"""What all pages of the workbench share: templates, tokens in forms, notices, and how their problems are shown.

Each form ends with a redirect, so that reloading is safe.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import unquote

from fastapi import Request
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import Message

from detector.labels import LabelError, LabelStore
from detector.model import ModelError
from detector.registry import Registry
from detector.report.places import Policy, badge, headline, percent, visible
from detector.server.body import Body
from detector.server.problems import ProblemError
from detector.server.service import Service
from detector.server.workbench.desk import Desk
from detector.server.workbench.guard import HEADERS, PATH, Forms
from detector.server.workbench.training import Training
from detector.server.workbench.versions import Comparisons

NAME_COOKIE = "detector_annotator"
MAX_FILES = 200
MAX_FIELDS = 4000
"""Of a form: as many words as can be marked, and the rest."""
MAX_ANNOTATOR = 60


class Workbench:
    """What its pages share."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.store = LabelStore()
        self.desk = Desk(self.store)
        self.registry = Registry()
        self.training = Training()
        self.comparisons = Comparisons(self.registry, self.store, service.settings)
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
        except (LabelError, ModelError) as error:
            title = "The store of labels" if isinstance(error, LabelError) else "The models"
            return bench.page(request, "problem.html", 500, title=title, detail=str(error))

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
        return await whole.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=most)
    except HTTPException as error:
        raise ProblemError(400, "broken-form", f"the form can't be read: {error.detail}") from None


def text_of(fields: FormData, name: str) -> str:
    value = fields.get(name, "")
    return value if isinstance(value, str) else ""
