"""Plates for tests, written with the library itself and not with the code under test."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

TYPES = {"float16": "half", "float32": "float", "uint32": "uint"}
NASTY = (-0.0, np.nan, np.inf, -np.inf, -0.25, 40.0, 65504.0, 1e-7, 0.0)


def make_spec(
    channels: Mapping[str, Any],
    *,
    data: tuple[int, int] = (0, 0),
    display: tuple[int, int, int, int] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> Any:
    first = next(iter(channels.values()))
    height, width = first.shape
    spec = oiio.ImageSpec(width, height, len(channels), "float")
    kinds = {array.dtype.name for array in channels.values()}
    if len(kinds) == 1:
        spec.set_format(oiio.TypeDesc(TYPES[kinds.pop()]))
    spec.channelformats = tuple(
        oiio.TypeDesc(TYPES[array.dtype.name]) for array in channels.values()
    )
    spec.channelnames = tuple(channels)
    spec.x, spec.y = data
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = display or (0, 0, width, height)
    for name, value in (attributes or {}).items():
        if isinstance(value, tuple):
            spec.attribute(name, oiio.TypeDesc(value[0]), value[1])
        else:
            spec.attribute(name, value)
    return spec


def write_plate(path: Path, channels: Mapping[str, Any], **options: Any) -> Path:
    """Write a one-part EXR; channels are (h, w) arrays in the type to store."""
    return write_parts(path, [(channels, options)])


def write_parts(path: Path, parts: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    specs = [make_spec(channels, **options) for channels, options in parts]
    output: Any = oiio.ImageOutput.create("exr")
    opened = output.open(str(path), specs[0] if len(specs) == 1 else tuple(specs))
    assert opened, output.geterror()
    for index, (spec, (channels, _)) in enumerate(zip(specs, parts, strict=True)):
        if index:
            assert output.open(str(path), spec, "AppendSubimage"), output.geterror()
        arrays = list(channels.values())
        kinds = {array.dtype for array in arrays}
        assert output.write_image(
            np.stack(arrays, -1, dtype=None if len(kinds) == 1 else np.float32)
        ), output.geterror()
    assert output.close()
    return path


def rgb(
    height: int = 16, width: int = 24, *, dtype: str = "float16", seed: int = 0, nasty: bool = False
) -> dict[str, Any]:
    """Random light with, if asked for, samples that tend to get lost."""
    random = np.random.default_rng(seed)
    light = random.lognormal(-1.5, 1.2, (3, height, width)).astype(dtype)
    if nasty:
        for index, value in enumerate(NASTY):
            light[index % 3, 2 + index // 3, 3 + index] = value
    return dict(zip("RGB", light, strict=True))


def bits(array: Any) -> Any:
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")


def header_of(path: Path, part: int = 0) -> dict[str, Any]:
    source = oiio.ImageInput.open(str(path))
    assert source is not None, oiio.geterror()
    source.seek_subimage(part, 0)
    return {item.name: item.value for item in source.spec().extra_attribs}


def shared_plate(name: str) -> Path:
    """Return a folder of real plates, or skip the test that asks for it."""
    default = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("TOKENFLOW_TEST_PLATES", default)) / name
    if not folder.is_dir():
        pytest.skip(f"no plates '{name}': set TOKENFLOW_TEST_PLATES to a folder that has them")
    return folder
