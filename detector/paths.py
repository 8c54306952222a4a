"""Where files lie: what comes with the package, and what users make (`DETECTOR_HOME`)."""

import os
from pathlib import Path

DATA = Path(__file__).parent / "data"
LEXICON = DATA / "lexicon"
SHIPPED = DATA / "model"
SPIN_TABLES = Path(__file__).parent / "spinner" / "tables"


def home() -> Path:
    """The folder of the user's labels and models: `DETECTOR_HOME`, else the platform's place for such data."""
    named = os.environ.get("DETECTOR_HOME")
    if named:
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("spun-text-detector", appauthor=False)
