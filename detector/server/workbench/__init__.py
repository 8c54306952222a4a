"""The workbench: pages for a browser on this machine, to see what is found in texts, label them, and retrain."""

from fastapi import FastAPI

from detector.server.service import Service
from detector.server.workbench import kin, models, routes
from detector.server.workbench.bench import Workbench

__all__ = ["install"]


def install(app: FastAPI, service: Service) -> None:
    """Give the application the pages."""
    bench = Workbench(service)
    app.state.workbench = bench
    app.include_router(routes.router)
    app.include_router(kin.router)
    app.include_router(models.router)
    service.on_stop.append(bench.training.stop)
