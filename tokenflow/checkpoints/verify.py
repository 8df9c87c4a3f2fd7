"""The check at the door: whether the engine can work with a checkpoint, and which one it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenflow.errors import CheckpointDamaged, CheckpointMissing, CheckpointRejected

from .folder import DiffusersFolder
from .layout import Component, Layout
from .layout_rules import check_configs, sees_time
from .modules import empty_module
from .notes import Notes
from .original import OriginalFile
from .size import model_size
from .source import CheckpointSource
from .weights import Shapes, read_json, sha256_of, sha256_of_all

CHECKSUMS = "checksums.json"


@dataclass(frozen=True)
class CheckpointInfo:
    """What is known of a checkpoint that passed the door.

    Attributes
    ----------
    name
        What the user called it.
    path
        Its folder or file.
    sha256
        Hash of everything it is made of; of a single file that file's own.
    files
        Hash of each file.
    parameters
        Numbers in the weights.
    prediction_type
        ``epsilon`` or ``v_prediction``.
    latent_channels, vae_scale
        Channels of a latent, and pixels per latent along each side.
    native_area
        Pixels (width times height) of the pictures it was trained on.
    notes
        What it says about itself.
    sees_time
        Whether its UNet is one of video.
    """

    name: str
    path: Path
    sha256: str
    files: Mapping[str, str]
    parameters: int
    prediction_type: str
    latent_channels: int
    vae_scale: int
    native_area: int
    notes: Notes
    sees_time: bool = False

    def model_size(self, plate_width: float, plate_height: float) -> tuple[int, int]:
        """Return the resolution it works at for a plate of a size in square pixels."""
        return model_size(self.native_area, self.vae_scale, plate_width, plate_height)


def open_layout(source: CheckpointSource) -> Layout:
    """Open a checkpoint in whichever layout it has."""
    return DiffusersFolder(source.path) if source.is_folder else OriginalFile(source.path)


def verify(source: CheckpointSource) -> CheckpointInfo:
    """Check a checkpoint without loading it: configurations, keys and shapes, checksums.

    Reads every file once for its hash.

    Raises
    ------
    CheckpointMissing
        A file is missing.
    CheckpointRejected
        The engine cannot work with it; says which file, key or setting is wrong.
    CheckpointDamaged
        A file differs from the checksum that is recorded for it.
    """
    layout = open_layout(source)
    check_configs(layout)
    parameters = sum(_check_weights(layout, name) for name in layout.configs)
    files = {name: sha256_of(path) for name, path in layout.files.items()}
    check_checksums(layout.path, files)
    vae, unet = layout.configs["vae"], layout.configs["unet"]
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    return CheckpointInfo(
        name=source.name,
        path=source.path,
        sha256=sha256_of_all(files) if source.is_folder else next(iter(files.values())),
        files=files,
        parameters=parameters,
        prediction_type=layout.scheduler.get("prediction_type", "epsilon"),
        latent_channels=vae.get("latent_channels", 4),
        vae_scale=scale,
        native_area=_native_area(layout.notes, unet, scale),
        notes=layout.notes,
        sees_time=sees_time(unet),
    )


def _native_area(notes: Notes, unet: Mapping[str, Any], scale: int) -> int:
    if notes.native_size:
        return notes.native_size[0] * notes.native_size[1]
    if notes.native_area:
        return notes.native_area * scale**2
    side = unet.get("sample_size") or 64
    width, height = side if isinstance(side, list) else (side, side)
    return int(width * height * scale**2)


def _check_weights(layout: Layout, component: Component) -> int:
    """Compare the stored keys and shapes with what the configuration needs; return the count."""
    module = empty_module(component, layout.configs[component])
    wanted: Shapes = {
        key.removeprefix("text_model."): tuple(tensor.shape)
        for key, tensor in module.state_dict().items()
    }
    stored = layout.shapes(component)
    if lacking := sorted(wanted.keys() - stored.keys()):
        raise CheckpointRejected(
            f"the weights of {component} lack the key {lacking[0]}{_more(lacking)}",
            path=layout.path,
        )
    for key, shape in wanted.items():
        if stored[key] != shape:
            raise CheckpointRejected(
                f"{component}: {key} has the shape {_by(stored[key])}, and its configuration "
                f"needs {_by(shape)}",
                path=layout.path,
            )
    # A text encoder may carry its projection into the space it shares with pictures.
    surplus = sorted(stored.keys() - wanted.keys()) if component != "text_encoder" else []
    if surplus:
        raise CheckpointRejected(
            f"the weights of {component} hold the key {surplus[0]}{_more(surplus)}, "
            "which its configuration does not know",
            path=layout.path,
        )
    return sum(tensor.numel() for tensor in module.state_dict().values())


def check_checksums(folder: Path, digests: Mapping[str, str]) -> None:
    """Compare the SHA-256 of files, by name, with those recorded in the folder, if any are.

    Raises
    ------
    CheckpointMissing, CheckpointDamaged
    """
    path = folder / CHECKSUMS
    if not path.is_file():
        return
    for name, wanted in read_json(path).items():
        file = folder / name
        if not file.is_file():
            raise CheckpointMissing(
                f"{name} is missing, and {CHECKSUMS} names it",
                hint="Copy or download these weights again.",
                path=file,
            )
        if wanted != (digests.get(name) or sha256_of(file)):
            raise CheckpointDamaged(
                f"{name} differs from its checksum in {CHECKSUMS}",
                hint="Copy or download these weights again.",
                path=file,
            )


def _more(keys: list[str]) -> str:
    return f" and {len(keys) - 1} more" if keys[1:] else ""


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "one number"
