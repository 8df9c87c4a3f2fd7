"""A zoo of plates: one small file for each thing that a studio's EXR may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import OpenImageIO as oiio

from tests.ocio.plates import rgb, write_parts, write_plate

H, W = 26, 38
Channels = dict[str, Any]

SHOT_ATTRIBUTES: Mapping[str, Any] = {
    "colorInteropID": "lin_ap1_scene",
    "framesPerSecond": ("rational", (24000, 1001)),
    "smpte:TimeCode": ("timecode", (0x01020304, 0)),
    "DateTime": "2026:03:01 10:00:00",
    "reelName": "A001C003_260301",
    "cameraSerialNumber": "4711",
    "worldToCamera": ("matrix", tuple(float(i) / 7 for i in range(16))),
    "chromaticities": ("float[8]", (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33766)),
    "com.vendor.lens/focalLength": 35.5,
    "com.vendor.take": 7,
    "studio:note": 'ünïcode, and a "quote"',
}


def light(**options: Any) -> Channels:
    """Random light of the zoo's size."""
    return rgb(H, W, **options)


def layer(name: str, channels: str, dtype: str = "float16", seed: int = 3) -> Channels:
    """Random channels of a layer."""
    random = np.random.default_rng(seed)
    return {f"{name}.{one}": random.normal(size=(H, W)).astype(dtype) for one in channels}


def alpha(dtype: str = "float16") -> Channels:
    """An alpha that is 0, soft and 1."""
    return {"A": np.broadcast_to(np.clip(np.arange(W) / 12 - 1, 0, 1), (H, W)).astype(dtype)}


def cryptomatte() -> Channels:
    """Two ranks of ids, whose bits are hashes, and coverages."""
    ids = np.random.default_rng(2).integers(0x10000000, 0x7F000000, (2, H, W), np.uint32)
    names = ("R", "G", "B", "A")
    planes = (ids[0].view(np.float32), np.full((H, W), 0.75, np.float32), ids[1].view(np.float32))
    return {
        f"CryptoObject00.{name}": plane
        for name, plane in zip(names, (*planes, np.full((H, W), 0.25, np.float32)), strict=True)
    }


CRYPTO_ATTRIBUTES = {
    "cryptomatte/d593aa5/name": "CryptoObject",
    "cryptomatte/d593aa5/hash": "MurmurHash3_32",
    "cryptomatte/d593aa5/conversion": "uint32_to_float32",
    "cryptomatte/d593aa5/manifest": '{"ball":"24a63ed4","floor":"0e5b1a77"}',
}


def ids(dtype: Any = np.uint32, largest: int = 2**24) -> Any:
    """Integers up to the largest."""
    return np.linspace(0, largest, H * W).astype(dtype).reshape(H, W)


def every_half() -> Channels:
    """All 65536 bit patterns, NaN payloads and subnormals too."""
    patterns = np.arange(65536, dtype=np.uint16).view(np.float16).reshape(256, 256)
    return {"R": patterns, "G": patterns.T.copy(), "B": patterns[::-1].copy()}


def one(channels: Channels, **options: Any) -> Callable[[Path], Path]:
    """Describe a file of one part."""
    return lambda path: write_plate(path, channels, **options)


def compressed(name: str, **options: Any) -> Callable[[Path], Path]:
    """Describe a file with a compression."""
    attributes: dict[str, Any] = {"compression": name}
    return one(
        light(nasty=name in ("none", "rle", "zip", "zips", "piz"), **options), attributes=attributes
    )


def tiled(tile: tuple[int, int], compression: str, **options: Any) -> Callable[[Path], Path]:
    """Describe a tiled file."""

    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        channels = light(**options)
        dtype = next(iter(channels.values())).dtype.name
        spec = oiio.ImageSpec(W, H, 3, {"float16": "half", "float32": "float"}[dtype])
        spec.tile_width, spec.tile_height = tile
        spec.attribute("compression", compression)
        output: Any = oiio.ImageOutput.create("exr")
        assert output.open(str(path), spec), output.geterror()
        assert output.write_image(np.stack(list(channels.values()), -1)), output.geterror()
        assert output.close()
        return path

    return write


def parts(*described: tuple[Channels, Mapping[str, Any]]) -> Callable[[Path], Path]:
    """Describe a file of several parts."""
    return lambda path: write_parts(path, described)


def named(name: str, **more: Any) -> dict[str, Any]:
    """Attributes of a part with a name."""
    return {"name": name, **more}


def by_reference_library(
    channels: Channels, header: Mapping[str, Any] | None = None
) -> Callable[[Path], Path]:
    """Describe a file that only the reference library writes."""

    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        OpenEXR.File(dict(header or {}), channels).write(str(path))
        return path

    return write


def stereo_in_one() -> Callable[[Path], Path]:
    """Describe two views in one part, told apart by the names of their channels."""
    right = {f"right.{name}": plane for name, plane in light(seed=8).items()}
    return one(light() | right, attributes={"multiView": ("string[2]", ("left", "right"))})


LOSSLESS = ("none", "rle", "zip", "zips", "piz")
LOSSY = ("pxr24", "b44", "b44a", "dwaa:45", "dwaa:200", "dwab:45")

ZOO: Mapping[str, Callable[[Path], Path]] = {
    **{f"half {name}": compressed(name) for name in LOSSLESS},
    **{f"float {name}": compressed(name, dtype="float32") for name in LOSSLESS},
    **{f"half {name}": compressed(name) for name in LOSSY},
    **{f"float {name}": compressed(name, dtype="float32") for name in ("pxr24", "dwaa:45")},
    "tiles": tiled((16, 16), "zip"),
    "tiles that do not fit, float": tiled((32, 8), "piz", dtype="float32"),
    "every half": one(every_half()),
    "soft alpha": one(light() | alpha()),
    "float alpha of half light": one(light() | alpha("float32")),
    "half, float and integers": by_reference_library(
        light() | {"Z": ids(np.float32, 900), "id": ids()}
    ),
    "integers above 2^24 in a part": parts(
        (light(), {"attributes": named("beauty")}),
        ({"id": ids(largest=2**32 - 1)}, {"attributes": named("id")}),
    ),
    "layers": one(
        light()
        | layer("diffuse", "RGB")
        | layer("N", "XYZ", "float32")
        | layer("motion", "uv", "float32")
        | {"Z": ids(np.float32, 900)}
    ),
    "cryptomatte": one(light() | cryptomatte(), attributes=CRYPTO_ATTRIBUTES),
    "parts": parts(
        (light() | alpha(), {"attributes": named("beauty", **SHOT_ATTRIBUTES)}),
        ({"Z": ids(np.float32, 900)}, {"attributes": named("depth", compression="zips")}),
        (cryptomatte(), {"attributes": named("crypto", **CRYPTO_ATTRIBUTES)}),
    ),
    "parts of different windows": parts(
        (light(), {"attributes": named("beauty"), "data": (2, 1), "display": (0, 0, 48, 32)}),
        (
            {"Z": np.ones((4, 5), np.float32)},
            {
                "attributes": named("depth", compression="rle"),
                "data": (-3, 7),
                "display": (0, 0, 48, 32),
            },
        ),
    ),
    "stereo, a part for each eye": parts(
        (light(), {"attributes": named("left", view="left")}),
        (light(seed=4), {"attributes": named("right", view="right")}),
    ),
    "stereo in one part": stereo_in_one(),
    "overscan": one(light(), data=(-4, -3), display=(0, 0, W - 8, H - 6)),
    "crop": one(light(), data=(20, 10), display=(0, 0, 96, 54)),
    "partly outside": one(light(), data=(-11, 17), display=(0, 0, 48, 32)),
    "display window elsewhere": one(light(), data=(101, -48), display=(100, -50, 40, 30)),
    "anamorphic": one(light(), attributes={"PixelAspectRatio": 2.0}),
    "a narrow strip": one({name: plane[:3] for name, plane in light().items()}),
    "attributes of a shot": one(light(), attributes=SHOT_ATTRIBUTES),
    "small letters": one({name.lower(): plane for name, plane in light().items()}),
    "a layer alone": one(layer("beauty", "RGB")),
    "long names": one(light() | layer("a" * 80, "RGB")),
    "lines from the bottom": by_reference_library(
        light(seed=9),
        {"lineOrder": OpenEXR.DECREASING_Y, "compression": OpenEXR.ZIPS_COMPRESSION},
    ),
}
