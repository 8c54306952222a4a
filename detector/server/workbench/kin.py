"""The page that shows which texts on the desk are spun versions of one another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import islice

from fastapi import APIRouter, Request
from markupsafe import Markup, escape
from starlette.responses import Response

from detector.document import Document
from detector.families import Member, find_families
from detector.families.page import LEGEND, MAX_FAMILIES, render_family
from detector.report.places import Scored, visible
from detector.server.problems import ProblemError
from detector.server.workbench.bench import Workbench, page
from detector.server.workbench.guard import PATH

router = APIRouter(prefix=PATH, include_in_schema=False)


@router.get("/families")
@page
async def families(bench: Workbench, request: Request) -> Response:
    """Families of two and more, the largest first."""
    desk = await asyncio.to_thread(bench.desk.all, bench.service.detector)
    texts = {number: scored for number, scored in desk.items() if scored.document.text}
    try:
        found, members = await asyncio.to_thread(_articles, texts)
    except ModuleNotFoundError as error:
        raise ProblemError(501, "not-installed", str(error)) from None
    return bench.page(
        request, "families.html", families=found, members=members, texts=len(texts), legend=Markup(LEGEND)
    )


def _articles(texts: Mapping[int, Scored]) -> tuple[list[Markup], int]:
    """(the families as markup, how many texts are in one)."""
    documents = (Document(scored.document.text, id=str(number)) for number, scored in texts.items())

    def name(member: Member) -> str:
        scored = texts[int(member.id)]
        return f'<a href="{PATH}/documents/{member.id}">{escape(visible(scored.verdict.id))}</a>'

    families = list(islice(find_families(documents), MAX_FAMILIES))
    articles = [
        Markup("".join(render_family(family, name))) for family in families
    ]  # it escapes what it shows
    return articles, sum(len(family.members) for family in families)
