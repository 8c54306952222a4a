"""Where the files that come with the package lie."""

from pathlib import Path

DATA = Path(__file__).parent / "data"
LEXICON = DATA / "lexicon"
SHIPPED = DATA / "model"
SPIN_TABLES = Path(__file__).parent / "spinner" / "tables"
