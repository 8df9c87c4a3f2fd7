"""Weight files: what a safetensors header says, checksums, and why a pickle is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from tokenflow.errors import CheckpointMissing, CheckpointRejected, NoPermission

Shapes = dict[str, tuple[int, ...]]
"""Shape of every tensor by its key."""

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")

_FLOATS = {"F64", "F32", "F16", "BF16"}
_CHUNK = 1 << 22


def refuse_pickle(path: Path) -> None:
    """Raise `CheckpointRejected` if `path` is a pickle by its name."""
    if path.suffix.lower() in PICKLES:
        raise CheckpointRejected(
            f"{path.name} is a pickle, which can run any program when it is opened",
            hint="Use the .safetensors version of these weights.",
            path=path,
        )


def weight_files(folder: Path, stem: str) -> list[Path]:
    """Return the safetensors files of one component of a diffusers folder.

    A full-precision file comes before its ``fp16`` variant; large models are cut into shards that
    an index names.

    Raises
    ------
    CheckpointMissing
        Neither exists, or a shard is missing.
    CheckpointRejected
        There is only a pickle.
    """
    for variant in ("", ".fp16"):
        whole = folder / f"{stem}{variant}.safetensors"
        if whole.is_file():
            return [whole]
        index = folder / f"{stem}.safetensors.index{variant}.json"
        if index.is_file():
            weight_map = read_json(index).get("weight_map")
            if not isinstance(weight_map, dict):
                raise CheckpointRejected("the index of the weights names no shards", path=index)
            shards = [folder / str(name) for name in sorted(set(weight_map.values()))]
            for shard in shards:
                require_file(shard)
            return shards
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.name.startswith(stem.split(".")[0]) or path.name.startswith("pytorch_model"):
                refuse_pickle(path)
    require_file(folder / f"{stem}.safetensors")
    return []


def require_file(path: Path) -> Path:
    """Return `path`, or raise `CheckpointMissing` where there is no such file."""
    if not path.is_file():
        raise CheckpointMissing(
            f"{path.parent.name}/{path.name} is missing",
            hint="Copy or download these weights again.",
            path=path,
        )
    return path


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file of the checkpoint."""
    try:
        found = json.loads(require_file(path).read_text(encoding="utf-8"))
    except PermissionError as error:
        raise NoPermission(f"{path.name} may not be read", path=path) from error
    except (OSError, ValueError) as error:
        raise CheckpointRejected(f"{path.name} is not readable JSON", path=path) from error
    if not isinstance(found, dict):
        raise CheckpointRejected(f"{path.name} is not a JSON object", path=path)
    return found


def read_shapes(path: Path) -> Shapes:
    """Return the shape of every tensor in a safetensors file; reads the header only.

    Raises
    ------
    CheckpointRejected
        The file is cut off or is no safetensors file, or holds quantised numbers.
    """
    shapes: Shapes = {}
    try:
        with safe_open(path, framework="pt") as tensors:
            for key in tensors.keys():  # noqa: SIM118 - not a mapping
                tensor = tensors.get_slice(key)
                shapes[key] = tuple(tensor.get_shape())
                if (
                    tensor.get_dtype() not in _FLOATS
                    and len(shapes[key]) > 1
                    and shapes[key][0] > 1
                ):
                    raise CheckpointRejected(
                        f"{key} is stored as {tensor.get_dtype()}: quantised weights do not work",
                        hint="Use float32, float16 or bfloat16 weights.",
                        path=path,
                    )
    except PermissionError as error:
        raise NoPermission(f"{path.name} may not be read", path=path) from error
    except (SafetensorError, OSError) as error:
        raise CheckpointRejected(
            f"{path.name} is damaged or is not a safetensors file",
            hint="Copy or download these weights again.",
            path=path,
        ) from error
    return shapes


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_of_all(digests: Mapping[str, str]) -> str:
    """Return one hash over several files: that of the lines ``sha256  name`` in the names' order.

    These are the lines that ``sha256sum`` prints, so the hash can be made without this program.
    """
    lines = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode("utf-8")).hexdigest()
