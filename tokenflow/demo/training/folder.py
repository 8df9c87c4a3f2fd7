"""A trained model's folder: there whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tokenflow.checkpoints.weights import sha256_of

CARD = "README.md"


@contextmanager
def replaced_folder(target: Path, *kept: str) -> Iterator[Path]:
    """Give a new folder that takes the place of `target` when the block has ended well.

    The hashes of its safetensors files go into its checksums.json. The card that lies in `target`
    stays, and so do the files named in `kept`.
    """
    new = target.with_name(f".{target.name}.partial")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    yield new
    weights = sorted(new.rglob("*.safetensors"))
    write_json(new / "checksums.json", {str(f.relative_to(new)): sha256_of(f) for f in weights})
    for name in (CARD, *kept):
        if (target / name).exists():
            shutil.copy2(target / name, new / name)
    shutil.rmtree(target, ignore_errors=True)
    new.rename(target)


def write_json(path: Path, content: object) -> None:
    """Write JSON as the bundled folders have it."""
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
