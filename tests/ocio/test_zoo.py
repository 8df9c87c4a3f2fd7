"""An edit that changes nothing, over a zoo of plates; other programs' readers are the judges."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest

from ocio.config import resolve_config
from ocio.encoding import Encoding
from ocio.errors import SeveralResolutions
from ocio.exr import inspect, read_frame
from ocio.exr_write import write_frame
from ocio.merge import Placement, delta, merge_delta
from ocio.resample import proxy
from ocio.window import edit_rectangle
from tests.ocio.plates import bits
from tests.ocio.zoo import ZOO

Results = Callable[[str], tuple[Path, Path]]

# What the writer states anew; all else in a header is the plate's.
OWN = {
    "chunkCount",
    "compression",
    "lineOrder",
    "software",
    "capDate",
    "type",
    "version",
    "dwaCompressionLevel",
    "tiles",
}


def test_the_zoo_is_large_enough() -> None:
    assert len(ZOO) >= 25


@pytest.fixture(scope="module")
def encoding() -> Encoding:
    return Encoding.build(resolve_config(), "ACEScg", "reinhard")


def passed_through(plate: Path, target: Path, encoding: Encoding) -> Path:
    """Take a frame through everything that touches pixels, with an edit that changes nothing."""
    frame = read_frame(plate)
    selection = frame.select()
    window = frame.parts[selection.part].data_window
    rectangle = edit_rectangle([(1, inspect(plate).parts[selection.part])])
    seen = encoding.encode(proxy(frame.rgb(), rectangle, (16, 12), data_window=window))
    placement = Placement(rectangle, data_window=window, alpha=frame.alpha())
    merged = merge_delta(frame.rgb(), delta(encoding, seen, seen.copy()), encoding, placement)
    write_frame(target, frame.with_rgb(merged.rgb, merged.touched))
    return target


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, encoding: Encoding) -> Results:
    """Return a function that gives a plate of the zoo and what comes out of it."""
    folder = tmp_path_factory.mktemp("zoo")

    @cache
    def of(name: str) -> tuple[Path, Path]:
        plate = ZOO[name](folder / name / "plate.exr")
        return plate, passed_through(plate, folder / name / "result.exr", encoding)

    return of


def by_reference_library(path: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return header and channels of each part as the OpenEXR library reads them."""
    return [
        (part.header, {name: channel.pixels for name, channel in part.channels.items()})
        for part in OpenEXR.File(str(path), separate_channels=True).parts
    ]


def plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else str(value)


@pytest.mark.parametrize("name", ZOO)
def test_the_reference_library_finds_every_sample_and_attribute_as_it_was(
    results: Results, name: str
) -> None:
    plate, result = results(name)
    before, after = by_reference_library(plate), by_reference_library(result)
    assert len(before) == len(after)
    for (old, samples), (new, found) in zip(before, after, strict=True):
        assert found.keys() == samples.keys()
        for channel, plane in samples.items():
            assert found[channel].dtype == plane.dtype
            assert np.array_equal(bits(found[channel]), bits(plane)), channel
        kept = {key: plain(value) for key, value in old.items() if key not in OWN | {"channels"}}
        assert {key: plain(new.get(key)) for key in kept} == kept
        assert ("tiles" in old) == ("tiles" in new)


def test_oiiotool_finds_no_difference(results: Results) -> None:
    tool = shutil.which("oiiotool", path=str(Path(sys.executable).parent)) or "oiiotool"
    command = [tool, "-a", "--fail", "0", "--warn", "0"]
    # NaN differs from itself there; the test above compares its bits.
    compared = [name for name in ZOO if name != "every half"]
    for name in compared:
        for file in results(name):
            command += [str(file), "--fixnan", "black"]
        command += ["--diff", "--pop", "--pop"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.count("PASS") == len(compared), ran.stdout


def test_a_texture_with_mipmaps_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "texture.exr"
    picture = oiio.ImageBuf(oiio.ImageSpec(64, 64, 3, "half"))
    assert oiio.ImageBufAlgo.make_texture(oiio.MakeTxTexture, picture, str(path))
    with pytest.raises(SeveralResolutions, match=r"texture\.exr.*mipmaps"):
        inspect(path)
