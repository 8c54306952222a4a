"""The reader's folder: where it is, and whether the last stage could run. Imports nothing heavy."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from platformdirs import user_cache_path


def default_folder() -> Path:
    """Where `detector lm build` puts the reader: under `DETECTOR_CACHE`, else the user's cache folder."""
    named = os.environ.get("DETECTOR_CACHE")
    base = (
        Path(named) / "spun-text-detector"
        if named
        else user_cache_path("spun-text-detector", appauthor=False)
    )
    return base / "lm"


def is_ready() -> bool:
    """Whether the reader is built and the libraries that run it are installed."""
    return (default_folder() / "manifest.json").is_file() and all(
        find_spec(name) is not None for name in ("onnxruntime", "tokenizers")
    )
