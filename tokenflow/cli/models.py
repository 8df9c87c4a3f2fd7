"""`tokenflow models`: the checkpoints that are known here, and whether one is whole."""

from __future__ import annotations

from typing import Annotated

import typer

from tokenflow.cli.options import load_engine

app = typer.Typer(no_args_is_help=True, help="The checkpoints that are known here.")


@app.command("list")
def list_models() -> None:
    """List the checkpoints that `--model` takes by name.

    `tokenflow models list`
    """
    load_engine()
    from tokenflow.checkpoints.source import list_checkpoints

    found = list_checkpoints()
    for source in found:
        typer.echo(f"{source.name}\t{source.path}")
    if not found:
        typer.echo("no checkpoint is known here; name a folder or file with --model", err=True)


@app.command("verify")
def verify_model(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="demo, a diffusers folder, a .safetensors file or a hub id."
        ),
    ] = "demo",
) -> None:
    """Check a checkpoint's layout, keys and checksums without loading it, and print its hash.

    `tokenflow models verify /models/stable-diffusion-v1-5`
    """
    load_engine()
    from tokenflow.checkpoints.source import resolve
    from tokenflow.checkpoints.verify import verify

    info = verify(resolve(model))
    typer.echo(f"name         {info.name}")
    typer.echo(f"path         {info.path}")
    typer.echo(f"sha256       {info.sha256}")
    typer.echo(f"parameters   {info.parameters / 1e6:.1f} M")
    typer.echo(f"prediction   {info.prediction_type}")
    typer.echo(f"latents      {info.latent_channels} channels, 1 per {info.vae_scale} pixels")
    typer.echo(f"native area  {info.native_area} pixels")
    if info.notes.note:
        typer.echo(f"note         {info.notes.note}")
