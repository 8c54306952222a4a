"""`detector model info`: what is loaded, at which thresholds, trained on what."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from detector.cli.common import open_detector, user_errors
from detector.cli.score import Model

model = typer.Typer(no_args_is_help=True, help="Look at models.")


class InfoFormat(StrEnum):
    """How `model info` answers."""

    human = "human"
    json = "json"


@model.callback()
def root() -> None:
    """Look at models."""


@model.command()
def info(
    model: Model = None,
    format: Annotated[InfoFormat, typer.Option(help="human or json.")] = InfoFormat.human,
) -> None:
    """Name, version, hash, thresholds by policy, lexicon and training record of a model.

    detector model info --format json
    """
    with user_errors():
        detector, _ = open_detector(model, "balanced", None)
    found = detector.info()
    if format is InfoFormat.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        print("\n".join(describe(found)))


def describe(found: dict[str, Any]) -> list[str]:
    """The lines of `model info` for people."""
    lines = [
        f"model     {found['model']}",
        f"hash      {found['hash']}",
        f"lexicon   {found['lexicon']}",
        "",
        f"{'policy':<12}{'honest text flagged':>20}{'spun from':>13}{'stuffed from':>15}",
    ]
    for name, row in found["policies"].items():
        rate, spun, stuffed = (f"{100 * row[key]:.4g} %" for key in ("fpr", "spun", "stuffed"))
        lines.append(f"{name:<12}{'at most ' + rate:>20}{spun:>13}{stuffed:>15}")
    for title in ("metrics", "training"):
        if found.get(title):
            lines += ["", title, *_indented(found[title])]
    return lines


def _indented(value: dict[str, Any], depth: int = 1) -> list[str]:
    lines = []
    for key, item in value.items():
        if isinstance(item, dict):
            lines += [f"{'  ' * depth}{key}", *_indented(item, depth + 1)]
        else:
            lines.append(f"{'  ' * depth}{key:<24} {item}")
    return lines
