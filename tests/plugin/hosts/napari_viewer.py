"""napari with a layer; needs the package `napari` and Qt's offscreen platform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from PySide6.QtWidgets import QApplication

from plugin.hosts.napari import NapariHost
from tests.plugin.host_cases import HostCase, plate_files


@contextmanager
def napari_case(folder: Path) -> Iterator[HostCase]:
    """What napari knows of its layers, without its window."""
    plate = plate_files(folder / "plate")
    model = ViewerModel()
    layer = Image(np.zeros((5, 4, 4), np.float32), name="plate")
    # As napari sets it for what it has read from a file.
    layer._source = layer.source.model_copy(update={"path": plate.replace("####", "1001")})
    model.add_layer(layer)
    yield HostCase(
        NapariHost(model, settings=folder / "settings"), plate, QApplication.processEvents
    )
