"""The workbench: pages for a browser on this machine, to see what is found in texts, label them, and retrain."""

from detector.server.workbench.routes import install

__all__ = ["install"]
