"""`tokenflow serve`: the local service, in the foreground or in a process of its own."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from tokenflow.errors import EngineNotInstalled, ServiceUnreachable
from tokenflow.runtime import (
    IDLE_EXIT,
    default_runtime_file,
    ensure,
    find,
    own_argv,
    read_runtime,
    stop,
)
from tokenflow.user_settings import service_settings

app = typer.Typer(help="The local service: a queue that panels and scripts share.")

RuntimeFile = Annotated[
    Path | None,
    typer.Option(
        help="Where address and token are left; another file is another service, with its queue "
        "and log beside it. Default: the user's.",
    ),
]
Roots = Annotated[
    list[Path] | None,
    typer.Option(
        "--root",
        help="A folder that jobs may use, besides home and that of $OCIO; may be repeated.",
        file_okay=False,
    ),
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(metadata.version("tokenflow"))
        raise typer.Exit


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address to listen at; this machine alone reaches the default.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: the system chooses one.")] = 0,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda:0 ...; several: cuda:0,cuda:1.")
    ] = None,
    root: Roots = None,
    idle_exit: Annotated[
        float, typer.Option(min=0, help="Seconds without job or client before it ends; 0: never.")
    ] = 0,
    runtime_file: RuntimeFile = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            callback=_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Run the local service until Ctrl-C.

    `tokenflow serve --root /shows --idle-exit 900`
    """
    if context.invoked_subcommand:
        return
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise EngineNotInstalled(
            f"the service is not installed: {error}",
            hint="In the folder of the sources, run pip install '.[service]'.",
        ) from error
    from tokenflow.service.serve import serve as run_service
    from tokenflow.service.settings import read_settings

    settings = read_settings(
        host=host,
        port=port,
        devices=tuple(device.split(",")) if device else None,
        idle_exit=idle_exit or None,
    ).with_roots(root or ())
    if runtime_file is not None:
        settings = settings.beside(runtime_file.absolute())
    run_service(settings, lambda line: typer.echo(f"tokenflow: {line}"))


@app.command("start")
def start(
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda:0; cuda:0,cuda:1.")] = None,
    root: Roots = None,
    idle_exit: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Seconds without job or client before it ends; 0: never. Without it the settings' "
            f"own, or {IDLE_EXIT:g}.",
        ),
    ] = None,
    runtime_file: RuntimeFile = None,
) -> None:
    """Start the service in the background, if none runs, and say where it is.

    `tokenflow serve start`
    """
    if idle_exit is None:
        idle_exit = service_settings().get("idle_exit", IDLE_EXIT)
    options = ["--idle-exit", str(idle_exit)]
    for folder in root or ():
        options += ["--root", str(folder.absolute())]
    if device:
        options += ["--device", device]
    path = (runtime_file or default_runtime_file()).absolute()
    client = find(path)
    if client is not None:
        typer.echo("it runs already; its options stay as they are", err=True)
    else:
        client = ensure([*own_argv(), *options], path)
    typer.echo(f"{client.address}  {path}")


@app.command("stop")
def stop_service(runtime_file: RuntimeFile = None) -> None:
    """End the service; a running job goes on when it is started again.

    `tokenflow serve stop`
    """
    ran = stop(runtime_file)
    typer.echo("ended" if ran else "none ran", err=True)


@app.command("status")
def status(runtime_file: RuntimeFile = None) -> None:
    """Say whether the service runs, where, and what it does.

    `tokenflow serve status`
    """
    path = runtime_file or default_runtime_file()
    client, runtime = find(path), read_runtime(path)
    if client is None or runtime is None:
        raise ServiceUnreachable("no service runs", hint="`tokenflow serve start` starts one.")
    health = client.health()
    seen = {
        "status": health.status,
        "version": health.version,
        "protocol": health.protocol,
        "address": client.address,
        "pid": runtime.pid,
        "queued": len(client.jobs(state="queued", limit=1000)),
        "running": [record.id for record in client.jobs(state="running")],
        "runtime_file": str(path),
        "log": runtime.log,
    }
    if sys.stdout.isatty():
        for name, value in seen.items():
            typer.echo(f"{name:<13} {value if value != [] else '-'}")
    else:
        typer.echo(json.dumps(seen))
