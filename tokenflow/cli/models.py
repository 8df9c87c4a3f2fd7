"""`tokenflow models`: the checkpoints that are known here, and whether one is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tokenflow.cli.options import load_engine
from tokenflow.cli.paths import from_anywhere

app = typer.Typer(no_args_is_help=True, help="The checkpoints that are known here.")


@app.command("list")
def list_models() -> None:
    """List the checkpoints that are known: bundled, added, or in the hub's cache.

    `tokenflow models list`
    """
    load_engine()
    from tokenflow.checkpoints.source import list_checkpoints

    found = list_checkpoints()
    for source in found:
        typer.echo(f"{source.name}\t{source.path}")
    if not found:
        typer.echo("no checkpoint is known here; name a folder or file with --model", err=True)


@app.command("add")
def add_model(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A diffusers folder or a .safetensors file.")
    ],
) -> None:
    """Check a checkpoint and remember where it lies: `models list` and the panel offer it.

    `tokenflow models add /models/stable-diffusion-v1-5`
    """
    place = _place(path)
    load_engine()
    from tokenflow.checkpoints.added import add_checkpoint
    from tokenflow.checkpoints.source import resolve
    from tokenflow.checkpoints.verify import verify

    verify(resolve(str(place)))
    add_checkpoint(place)
    typer.echo(str(place))


@app.command("remove")
def remove_model(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="As `models list` shows it.")],
) -> None:
    """Forget a checkpoint that was added; its files stay.

    `tokenflow models remove /models/stable-diffusion-v1-5`
    """
    load_engine()
    from tokenflow.checkpoints.added import forget_checkpoint

    if not forget_checkpoint(_place(path)):
        raise typer.BadParameter(f"{path} was not added", param_hint="PATH")


def _place(path: Path) -> Path:
    return Path(from_anywhere(str(path.expanduser())))


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
