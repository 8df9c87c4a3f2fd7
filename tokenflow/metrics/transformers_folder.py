"""Models in transformers' layout that the user has: safetensors alone, never fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers

from tokenflow.checkpoints.weights import read_json, sha256_of, weight_files
from tokenflow.errors import CheckpointDamaged, CheckpointMissing, CheckpointRejected

CHECKSUMS = "checksums.json"


def load_folder(kind: Any, folder: Path) -> Any:
    """Load a model in float32, ready to judge.

    Parameters
    ----------
    kind
        A class of transformers with `from_pretrained`.

    Raises
    ------
    CheckpointMissing, CheckpointRejected, CheckpointDamaged
        Where the folder or its weights are not there, are a pickle, do not fit, or differ from the
        checksums beside them.
    """
    if not folder.is_dir():
        raise CheckpointMissing(f"there is no model folder '{folder}'", path=folder)
    read_json(folder / "config.json")
    _check_sums(folder, weight_files(folder, "model"))
    with given_folder(folder), _without_bars():
        model = kind.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
    return model.eval().requires_grad_(False)


@contextmanager
def given_folder(folder: Path) -> Iterator[None]:
    """Answer what transformers cannot read as a rejected checkpoint.

    Raises
    ------
    CheckpointRejected
    """
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointRejected(f"the model cannot be loaded: {first}", path=folder) from error


@contextmanager
def _without_bars() -> Iterator[None]:
    """Keep the library's own progress bars out of ours."""
    shown = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers.utils.logging.enable_progress_bar()


def _check_sums(folder: Path, weights: list[Path]) -> None:
    file = folder / CHECKSUMS
    known: dict[str, str] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    for path in weights:
        if known.get(path.name) not in (None, sha256_of(path)):
            raise CheckpointDamaged(
                f"{path.name} differs from its checksum", hint="Copy the folder again.", path=path
            )
