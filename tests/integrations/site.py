"""A site served over HTTP on this machine: honest, spun and stuffed pages, and what goes wrong on the web."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.texts import GERMAN, HONEST, SPUN, STUFFED

BROKEN = "<html><body>" + "<div><section>" * 1500 + HONEST
"""Three thousand elements left open: refused, because extraction takes time by the square of the nesting."""


def page(title: str, text: str) -> str:
    """Markup such as a small site has: a menu, a heading, paragraphs."""
    paragraphs = "".join(f"<p>{part}</p>\n" for part in text.split("\n\n"))
    menu = '<nav><a href="/">Home</a> <a href="/clean">News</a></nav>'
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body>{menu}<main><h1>{title}</h1>\n{paragraphs}</main></body></html>"
    )


PAGES = {
    "/clean": page("The shop on Mill Lane", HONEST),
    "/spun": page("Back agony", SPUN),
    "/stuffed": page("Cheap plumber Leeds", STUFFED),
    "/german": page("Nach Hamburg", GERMAN),
    "/short": page("Hello", "Nothing here yet."),
    "/slow": page("The shop on Mill Lane", HONEST),
    "/cut": page("The shop on Mill Lane", HONEST),
    "/latin": page("The shop on Mill Lane", HONEST + "\n\nMy aunt called the café naïve and went home."),
    "/huge": page("The shop on Mill Lane", "\n\n".join([HONEST] * 2000)),
    "/broken": BROKEN,
}
LINKS = "".join(f'<a href="{path}">{path[1:]}</a>\n' for path in PAGES)


class Site(BaseHTTPRequestHandler):
    """`/cut` promises more bytes than it sends, `/latin` declares another charset than its header, `/slow`
    pauses in the middle."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = f"<html><body>{LINKS}</body></html>" if self.path == "/" else PAGES.get(self.path)
        body = (found or "not found").encode("latin-1" if self.path == "/latin" else "utf-8")
        self.send_response(200 if found else 404)
        charset = "; charset=iso-8859-1" if self.path == "/latin" else ""
        self.send_header("Content-Type", f"text/html{charset}")
        self.send_header("Content-Length", str(len(body) + 1000 * (self.path == "/cut")))
        self.end_headers()
        self.wfile.write(body[:200])
        self.wfile.flush()
        time.sleep(1.0 if self.path == "/slow" else 0.0)
        self.wfile.write(body[200:])
        self.close_connection = self.path == "/cut"

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve() -> Iterator[str]:
    """The site's address while it is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
