"""Damaged files: an error that names the file, never a crash, a hang or a flood of memory."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fuzz_read import MUTATIONS, Random, Reader
from ocio.errors import UnreadableFrame
from ocio.exr import read_frame
from ocio.exr_write import write_frame
from tests.ocio.plates import header_of, rgb, write_plate
from tests.ocio.zoo import ZOO


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_mutants_are_read_or_refused_by_name(
    mutate: Callable[[bytes, Random], bytes], reader: Reader, tmp_path: Path
) -> None:
    random = np.random.default_rng(5)
    originals = [
        ZOO[name](tmp_path / f"{number}.exr").read_bytes()
        for number, name in enumerate(("parts", "half piz", "half dwaa:45", "tiles"))
    ]
    outcomes = set()
    for number in range(24):
        path = tmp_path / f"mutant{number}.exr"
        path.write_bytes(mutate(originals[number % len(originals)], random))
        outcomes.add(reader.read(path))
    assert outcomes <= {"read", "UnreadableFrame", "DeepImage", "SeveralResolutions"}
    assert "UnreadableFrame" in outcomes


def test_an_attribute_in_latin_1_is_kept_as_text(tmp_path: Path) -> None:
    plate = write_plate(tmp_path / "p.exr", rgb(), attributes={"studio:note": "cafe!"})
    plate.write_bytes(plate.read_bytes().replace(b"cafe!", b"caf\xe9!"))
    write_frame(tmp_path / "o.exr", read_frame(plate))
    assert header_of(tmp_path / "o.exr")["studio:note"] == "caf\xe9!"


def test_a_channel_name_that_is_no_text_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    plate = write_plate(tmp_path / "p.exr", rgb() | {"depth": rgb()["R"]})
    plate.write_bytes(plate.read_bytes().replace(b"depth\0", b"dept\xe9\0"))
    with pytest.raises(UnreadableFrame, match=r"p\.exr.*names"):
        read_frame(plate)
