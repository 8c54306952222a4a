"""`detector train`: the shipped model from its sources, with one command."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from detector.cli.common import UserError, user_errors


def train(
    data: Annotated[Path, typer.Option(help="Folder with clean_heldout/ and labelled/ (docs/data_card.md).")],
    written: Annotated[Path, typer.Option(help="The written corpus.")] = Path("training_data"),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where the bundle goes; default: the shipped one.")
    ] = None,
    per_source: Annotated[int, typer.Option(min=1, help="Most documents of each clean source.")] = 1200,
    seed: Annotated[int, typer.Option(help="The same seed and texts give the same model.")] = 1,
) -> None:
    """Make a model: spin and stuff clean prose, fit, calibrate, fix thresholds (about five minutes).

    detector train --data ../shared/data --written training_data --output my-model

    The old model stays beside the new one as <output>.previous; an interrupted run changes nothing.
    """
    with user_errors():
        for option, path in (("--data", data / "clean_heldout"), ("--written", written / "pairs")):
            if not path.is_dir():
                raise UserError(f"{option}: {path} is not a folder: see docs/data_card.md for the layout")
        metrics, target = _train(data, written, output, per_source, seed)
    print(json.dumps({"model": str(target), "out_of_fold": metrics}, indent=1))


def _train(
    data: Path, written: Path, output: Path | None, per_source: int, seed: int
) -> tuple[dict[str, object], Path]:
    from detector.paths import SHIPPED
    from detector.training.fit import train as fit

    started = time.monotonic()

    def log(line: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {line}", file=sys.stderr, flush=True)

    target = SHIPPED if output is None else output
    try:
        return fit(data, written, target, per_source, seed, log), target
    except OSError as error:
        raise UserError(f"{error.filename or data}: {error.strerror or error}") from None
    except ValueError as error:
        raise UserError(str(error)) from None
