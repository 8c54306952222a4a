"""Bulk runs: any number of records to a folder of verdicts, in processes, resumable after a kill.

`run(plan, ...)` writes the folder; `detector score INPUT... --output-dir DIR` is the same on the command line.
"""

from detector.crawl.run import PART_SIZE, CrawlError, Plan, Standing, run

__all__ = ["PART_SIZE", "CrawlError", "Plan", "Standing", "run"]
