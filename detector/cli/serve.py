"""`detector serve`: the HTTP service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from detector.cli.common import UserError, open_detector, user_errors, warn
from detector.cli.score import Fpr, Model, PolicyOption
from detector.cli.settings import settings

EXTRA = "spun-text-detector[server]"


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 is every interface.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for a free one.")] = 8765,
    uds: Annotated[
        Path | None, typer.Option(help="A Unix socket instead of host and port.", show_default=False)
    ] = None,
    policy: PolicyOption = None,
    fpr: Fpr = None,
    model: Model = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=0, help="Threads that score; 0 for one per core. [default: 0]", show_default=False),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; one that dies is started anew.")] = 1,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="Bearer tokens, one a line; also DETECTOR_TOKENS. Without any, nobody is asked.",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Another name for this machine, if a proxy here passes it on.", show_default=False),
    ] = None,
    max_body: Annotated[int, typer.Option(min=1, help="MiB of a request, unpacked.")] = 16,
    max_batch: Annotated[int, typer.Option(min=1, help="Documents in a batch.")] = 1000,
    max_queue: Annotated[int, typer.Option(min=1, help="Documents waiting, before 429.")] = 2000,
    time_limit: Annotated[float, typer.Option(min=0.1, help="Seconds for a request to be scored.")] = 30.0,
    workbench: Annotated[
        bool, typer.Option("--workbench", help="Also pages to read, label and train on, at /workbench.")
    ] = False,
) -> None:
    """Answer over HTTP, for programs in other languages.

        detector serve

        curl -H 'Content-Type: text/plain' --data-binary @article.txt localhost:8765/v1/score

    Paths: /v1/score /v1/model /healthz /readyz /metrics /openapi.json. It listens on this machine only,
    unless --host says otherwise. A new model under the same path is taken up without a stop.
    """  # fmt: skip
    with user_errors():
        chosen = settings(policy, fpr)
        try:
            from detector.server.run import bind
            from detector.server.run import serve as run
            from detector.server.settings import LOOPBACK, MIB, Limits, Settings, read_tokens
        except ModuleNotFoundError as error:
            raise UserError(f'the service needs {error.name}: pip install "{EXTRA}"') from None
        try:
            tokens = read_tokens(token_file)
        except (ValueError, OSError) as error:
            raise UserError(f"--token-file: {error}") from None
        if workbench and (uds is not None or host not in LOOPBACK or workers > 1 or tokens):
            raise UserError(
                "--workbench is for people at this machine: without --uds, tokens, other --host than localhost or "
                "more than one of --workers (from elsewhere: ssh -L 8765:localhost:8765 HERE)"
            )
        open_detector(model, chosen.policy, chosen.fpr)
        service = Settings(
            model=model,
            policy=chosen.policy,
            fpr=chosen.fpr,
            jobs=jobs or os.cpu_count() or 1,
            host=host,
            port=port,
            uds=uds,
            workers=workers,
            tokens=tokens,
            hosts=tuple(allow_host or ()),
            limits=Limits(
                body_bytes=max_body * MIB,
                batch_documents=max_batch,
                queue_documents=max_queue,
                seconds=time_limit,
            ),
            workbench=workbench,
        )
        if not service.local and not tokens:
            warn(
                f"anybody who reaches {host}:{port} may ask: give tokens with --token-file or DETECTOR_TOKENS"
            )
        try:
            listener = bind(service)
        except OSError as error:
            raise UserError(f"{error}: choose another with --host, --port or --uds") from None
        if workbench:
            print(f"The workbench: http://localhost:{listener.getsockname()[1]}/workbench  (Ctrl-C ends it)")
        run(service, listener)
