"""Errors as RFC 9457 problem details: one exception, one body, whatever went wrong where."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:spun-text-detector:problem:"


class ProblemError(Exception):
    """A request that can't be served. `detail` says what was wrong and what to do; it never quotes a page."""

    def __init__(
        self, status: int, name: str, detail: str, headers: dict[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}
        self.body: dict[str, Any] = {
            "type": TYPE + name,
            "title": name.replace("-", " ").capitalize(),
            "status": status,
            "detail": detail,
            **members,
        }


def busy(detail: str, seconds: int) -> ProblemError:
    """429: all of it was left undone, so the client may send it again after `seconds`."""
    return ProblemError(429, "busy", detail, {"retry-after": str(seconds)})


def problem_response(problem: ProblemError, request_id: str | None = None) -> Response:
    """The answer to a request that failed."""
    body = problem.body if request_id is None else {**problem.body, "request_id": request_id}
    return Response(json.dumps(body), problem.status, problem.headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Give every error of `app`, its framework's own included, the one form."""

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)
        return problem_response(error, request.scope.get("request_id"))

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        name = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        detail = f"{request.method} is not served at this path: see /openapi.json"
        problem = ProblemError(error.status_code, name, detail, dict(error.headers or {}))
        return problem_response(problem, request.scope.get("request_id"))

    async def parameters(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_response(invalid(error.errors()), request.scope.get("request_id"))

    app.add_exception_handler(ProblemError, known)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(RequestValidationError, parameters)


def invalid(errors: Any) -> ProblemError:
    """422 from pydantic's list of errors: where and what, without the values, at most 20 of them."""
    places = [
        {"at": ".".join(str(part) for part in item["loc"]), "what": item["msg"]} for item in errors[:20]
    ]
    detail = "; ".join(f"{place['at'] or 'the body'}: {place['what']}" for place in places[:3])
    return ProblemError(422, "invalid-request", detail, errors=places)
