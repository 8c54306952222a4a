"""Reports on verdicts for people: blocks for the terminal, one self-contained page for the browser."""
