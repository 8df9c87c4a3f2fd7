"""Motion kept on disk between runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tokenflow.deflicker.flow import FlowPair, PlateAt, PlateFlow
from tokenflow.errors import WorkspaceUnusable


class KeptFlow:
    """A flow that computes each pair once and keeps it in a folder.

    Another strength, another prompt on the shot and a run that goes on find it there. Pairs are
    kept in half precision, a hundredth of a pixel at 20 pixels, and used so from the first time
    on: the bits of a result must not depend on who computed the motion.

    Parameters
    ----------
    flow
        What computes.
    folder
        Of this plate and this flow; of one process at a time.
    """

    def __init__(self, flow: PlateFlow, folder: Path) -> None:
        self._flow, self._folder = flow, folder

    @property
    def name(self) -> str:
        """Method and version, and that its motion is rounded."""
        return f"{self._flow.name}, half"

    def pair(self, first: int, second: int, plate: PlateAt) -> FlowPair:
        """Return the motion between two frames.

        Raises
        ------
        WorkspaceUnusable
            If the folder cannot be read or written.
        """
        path = self._folder / f"{first}_{second}.npy"
        try:
            if not path.exists():
                found = np.stack(self._flow.pair(first, second, plate)).astype(np.float16)
                partial = path.with_suffix(".partial")
                with partial.open("wb") as file:
                    np.save(file, found)
                partial.replace(path)
            forward, backward = np.load(path).astype(np.float32)
        except OSError as error:
            raise WorkspaceUnusable(
                f"cannot keep the plate's motion: {error.strerror or error}", path=self._folder
            ) from error
        return FlowPair(forward, backward)
