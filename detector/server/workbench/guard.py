"""Against other sites' pages: a form counts only with the token that was written into it for this browser."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from fastapi import Request
from starlette.responses import Response

from detector.server.problems import ProblemError

COOKIE = "detector_workbench"
PATH = "/workbench"
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "same-origin",  # with none at all, browsers send no Origin with forms either
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Forms:
    """Makes and checks tokens: the HMAC, under a key of this process, of a random cookie."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def session(self, request: Request) -> str:
        """This browser's cookie, a new one if it has none."""
        return request.cookies.get(COOKIE) or secrets.token_urlsafe(24)

    def token(self, session: str) -> str:
        """What goes into the forms of this browser."""
        return hmac.new(self._key, session.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def keep(self, response: Response, session: str) -> None:
        """Set the cookie; it comes back only with requests that our own pages make."""
        response.set_cookie(COOKIE, session, path=PATH, httponly=True, samesite="strict")

    def check_origin(self, request: Request) -> None:
        """Refuse a form before it is read. Raises ProblemError 403. (A foreign Origin was refused before.)"""
        if not request.headers.get("origin") or COOKIE not in request.cookies:
            raise _refused()

    def check_token(self, request: Request, given: object) -> None:
        """Raises ProblemError 403 for another token than this browser's."""
        wanted = self.token(request.cookies.get(COOKIE, ""))
        if not isinstance(given, str) or not hmac.compare_digest(
            given.encode("utf-8", "replace"), wanted.encode()
        ):
            raise _refused()


def _refused() -> ProblemError:
    return ProblemError(
        403,
        "form-refused",
        "the form is not from this page, or the server was started anew: load the page again",
    )
