"""The root of the command line: what `detector --help` shows, and which module holds which command."""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from detector import __version__
from detector.cli.drift import drift
from detector.cli.evaluate import evaluate
from detector.cli.explain import explain
from detector.cli.export import export
from detector.cli.families import families
from detector.cli.labels import labels
from detector.cli.lexicon import lexicon
from detector.cli.lm import lm
from detector.cli.model import model
from detector.cli.score import score
from detector.cli.serve import serve
from detector.cli.spin import spin
from detector.cli.suggest import suggest
from detector.cli.train import train

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
app.command("score")(score)
app.command("explain")(explain)
app.command("families")(families)
app.add_typer(labels, name="labels")
app.add_typer(model, name="model")
app.add_typer(lexicon, name="lexicon")
app.add_typer(lm, name="lm")
app.command("spin")(spin)
app.command("train")(train)
app.command("evaluate")(evaluate)
app.command("serve")(serve)
app.command("suggest")(suggest)
app.command("drift")(drift)
app.command("export")(export)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"detector {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find spun text and keyword stuffing, and show the places that give it away.

    [bold]Look at one article[/bold]: the verdict, and what most likely stood there before

        detector score article.txt

        detector explain article.txt -o report.html

    [bold]Sort out a crawl[/bold]: one JSON record a document, in input order

        detector score crawl/*.jsonl.gz --jobs 0 --no-explain --output verdicts.jsonl

        detector score site/ --policy precise --format csv

    [bold]In a pipe, in CI[/bold]: exit status 0 clean, 1 something flagged, 2 something could not be read

        curl -s https://example.org/page | detector score -

    Each command has examples of its own: detector score --help
    """


def main() -> None:
    """Entry point of the `detector` command."""
    gc.set_threshold(100_000)  # start-up makes many lasting objects: looking for garbage costs a tenth of it
    app(prog_name="detector")
