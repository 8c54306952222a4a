"""`detector lexicon build`: the tables from count files and thesauri."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from detector.cli.common import UserError, user_errors

lexicon = typer.Typer(no_args_is_help=True, help="Build the word tables that the detector reads.")


@lexicon.callback()
def root() -> None:
    """Build the word tables that the detector reads."""


@lexicon.command()
def build(
    counts: Annotated[
        Path, typer.Option(help="Folder with {uni,bi,tri}gram_counts.tsv.xz, phrases, synonyms.")
    ],
    wordnet: Annotated[Path, typer.Option(help="WordNet's folder with data.noun and so on.")],
    moby: Annotated[Path, typer.Option(help="Moby's words.txt.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the tables.")],
    written: Annotated[
        Path | None, typer.Option(help="The written corpus (training_data), whose pairs suggestions draw on.")
    ] = None,
) -> None:
    """Make the tables of a lexicon (about two minutes, 4 GB of memory).

    detector lexicon build --counts data/lexicons --wordnet dict --moby words.txt --written training_data -o lexicon
    """
    with user_errors():
        given = {"--counts": counts, "--wordnet": wordnet, "--moby": moby, "--written": written}
        for option, path in given.items():
            if path is not None and not path.exists():
                raise UserError(f"{option} {path}: no such file or directory: check the path")
        if output.exists() and not output.is_dir():
            raise UserError(f"--output {output} is a file; name a folder")
        _build(counts, wordnet, moby, output, written)
    print(output)


def _build(counts: Path, wordnet: Path, moby: Path, output: Path, written: Path | None) -> None:
    try:
        from detector.lexicon.build import Sources, build
        from detector.paths import SPIN_TABLES
        from detector.training.corpus import written_changes

        pairs = tuple(written_changes(written)) if written is not None else ()
        sources = Sources(counts, wordnet, moby, SPIN_TABLES, pairs)
        build(sources, output, lambda line: print(line, file=sys.stderr))
    except ModuleNotFoundError as error:
        raise UserError(f'building needs {error.name}: pip install "spun-text-detector[train]"') from None
    except OSError as error:
        raise UserError(f"{error.filename or output}: {error.strerror or error}") from None
    except (ValueError, EOFError) as error:
        raise UserError(f"the sources can't be used: {error}") from None
