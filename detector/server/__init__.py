"""The HTTP service (extra `server`): `create_app(Settings())` is the ASGI application, `serve` runs it.

Comes in: texts and pages as JSON, JSON lines or raw bytes. Goes out: the verdict records of the command line
(`docs/verdict.schema.json`). It fetches nothing and stores nothing. `docs/service.md` is its manual.
"""

from detector.server.settings import Limits, Settings

__all__ = ["Limits", "Settings"]
