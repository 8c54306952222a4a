"""The command line: `detector score`, `explain`, `model`, `lexicon`, `spin`. Thin; imports heavy things late."""

from detector.cli.app import app, main

__all__ = ["app", "main"]
