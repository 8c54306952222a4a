"""`detector spin`: what a spinning tool would make of a text, for training data and tests."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.common import UserError, user_errors
from detector.document import Document

if TYPE_CHECKING:
    from detector.spinner.spin import SpunText


class SpinFormat(StrEnum):
    """How `spin` answers."""

    text = "text"
    json = "json"


def spin(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="The text to spin, or - for standard input.")],
    profile: Annotated[str, typer.Option(help="The kind of tool: A to G, or thesaurus.")] = "B",
    seed: Annotated[int, typer.Option(help="Same text, profile and seed: same output.")] = 0,
    format: Annotated[
        SpinFormat, typer.Option(help="json also gives each slot and its original.")
    ] = SpinFormat.text,
) -> None:
    """Spin a text as a given kind of tool would, keeping the record of what was changed.

    For training data and tests; the output is spam by construction.

        detector spin article.txt --profile A --seed 7 --format json
    """  # fmt: skip
    with user_errors():
        text = _read_one(file)
        spun = _spin(text, profile, seed)
    if format is SpinFormat.json:
        slots = [asdict(slot) for slot in spun.slots]
        print(json.dumps({"text": spun.text, "slots": slots}))
    else:
        print(spun.text)


def _read_one(file: str) -> str:
    from detector.readers import format_named, read_file

    records = list(read_file(file, format_named("text")))
    if len(records) != 1 or not isinstance(records[0], Document):
        reason = records[0].reason if records and not isinstance(records[0], Document) else "it holds no text"
        raise UserError(f"{file}: {reason}")
    return records[0].text


def _spin(text: str, kind: str, seed: int) -> SpunText:
    from detector.lexicon.tables import load_lexicon
    from detector.paths import LEXICON
    from detector.spinner.profiles import profile
    from detector.spinner.spin import Spinner
    from detector.spinner.tables import Thesaurus

    try:
        chosen = profile(kind)
        files = load_lexicon(LEXICON)
    except KeyError as error:
        raise UserError(f"--profile: {error.args[0]}") from None
    except ValueError as error:
        raise UserError(str(error)) from None
    return Spinner(chosen, Thesaurus(files), seed).spin(text)
