"""`detector train`: a new version from labels, or the shipped model from its sources."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from detector.cli.common import ERROR, INTERRUPTED, UserError, user_errors, warn


def train(
    labels: Annotated[
        list[str] | None,
        typer.Option(help="A file of labels to add to the store first; may be repeated.", show_default=False),
    ] = None,
    annotator: Annotated[str, typer.Option(help="Who labelled, where --labels does not say.")] = "",
    source: Annotated[str, typer.Option(help="Where texts come from, where --labels does not say.")] = "",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Train from sources instead: folder with clean_heldout/ and labelled/ (docs/data_card.md).",
            show_default=False,
        ),
    ] = None,
    written: Annotated[Path, typer.Option(help="With --data: the written corpus.")] = Path("training_data"),
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="With --data: where the bundle goes; default: the shipped one."),
    ] = None,
    per_source: Annotated[
        int, typer.Option(min=1, help="With --data: most documents of each clean source.")
    ] = 1200,
    seed: Annotated[int, typer.Option(help="The same seed and texts give the same model.")] = 1,
) -> None:
    """Make a new model from your labels, beside the old one, which stays in use until you promote the new one.

        detector train --labels new.jsonl

        detector train                               # from all labels in the store

    Adds the labels to the store, then trains on all that stand, from the shipped model: a minute or two. What
    comes next: detector evaluate, detector model promote latest.

        detector train --data ../shared/data --written training_data --output my-model

    makes a model from its sources instead (about five minutes). An interrupted run changes nothing.
    """  # fmt: skip
    with user_errors():
        if data is None:
            if output is not None:
                raise UserError("--output goes with --data: a model from labels becomes the next version")
            raise typer.Exit(_from_labels(labels or [], annotator, source, seed))
        if labels:
            raise UserError(
                "--labels and --data exclude each other: train from sources first, then on labels"
            )
        for option, path in (("--data", data / "clean_heldout"), ("--written", written / "pairs")):
            if not path.is_dir():
                raise UserError(f"{option}: {path} is not a folder: see docs/data_card.md for the layout")
        metrics, target = _from_sources(data, written, output, per_source, seed)
    print(json.dumps({"model": str(target), "out_of_fold": metrics}, indent=1))


def _logger() -> Callable[[str], None]:
    started = time.monotonic()

    def log(line: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {line}", file=sys.stderr, flush=True)

    return log


def _from_labels(files: list[str], annotator: str, source: str, seed: int) -> int:
    from detector.cli.labels import label_errors, read_all
    from detector.labels import LabelStore
    from detector.training.continued import Options, train_on_labels

    store = LabelStore()
    failed = [0]
    log = _logger()
    with label_errors():
        if files:
            added = store.add_all(read_all(files, annotator, source, failed))
            log(f"{added.new:,} labels added to {store.path}, {added.known:,} were there already")
        standing = store.labels()
        if not standing:
            raise UserError(f"there are no labels in {store.path}: give some with --labels FILE")
        try:
            version = train_on_labels(standing, options=Options(seed=seed), log=log)
        except KeyboardInterrupt:
            warn("interrupted: no model was made, and the one in use stays; the labels are in the store")
            return INTERRUPTED
        except OSError as error:
            raise UserError(f"{error.filename or store.path}: {error.strerror or error}") from None
        except ValueError as error:
            raise UserError(str(error)) from None
    print(f"model {version.name} is made: {version.path}")
    print(f"It is not in use yet. Next: detector evaluate current {version.name}")
    print(f"                            detector model promote {version.name}")
    if failed[0]:
        warn(f"{failed[0]:,} records of the files could not be used (see above)")
    return ERROR if failed[0] else 0


def _from_sources(
    data: Path, written: Path, output: Path | None, per_source: int, seed: int
) -> tuple[dict[str, object], Path]:
    from detector.paths import SHIPPED
    from detector.training.fit import train as fit

    target = SHIPPED if output is None else output
    try:
        return fit(data, written, target, per_source, seed, _logger()), target
    except OSError as error:
        raise UserError(f"{error.filename or data}: {error.strerror or error}") from None
    except ValueError as error:
        raise UserError(str(error)) from None
