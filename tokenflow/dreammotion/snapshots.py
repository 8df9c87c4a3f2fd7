"""How far an optimisation has come, on disk: it goes on from there with the same bits."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tokenflow.diffusion.latents import LatentStack
from tokenflow.errors import WorkspaceUnusable

from .gradient import Losses

#: Steps between two snapshots.
EVERY = 20

_NAME = "step"
_STATE = "state.json"


class Snapshots:
    """The latest whole step of an optimisation.

    Parameters
    ----------
    folder
        Where they are kept.
    stack
        The latents of which they are copies; only frames and shape are looked at.
    key
        Hash of everything that the optimisation depends on.
    """

    def __init__(self, folder: Path, stack: LatentStack, key: str) -> None:
        self.folder, self.stack, self.key = folder, stack, key

    def save(self, step: int, latents: LatentStack, history: list[Losses]) -> None:
        """Keep what is there after `step` steps, and forget the ones before.

        Raises
        ------
        WorkspaceUnusable
            If it cannot be written.
        """
        taken = self._at(step)
        if taken.complete:
            return
        copy(latents, taken)
        state = {"key": self.key, "losses": [asdict(each) for each in history]}
        try:
            (taken.folder / _STATE).write_text(json.dumps(state), encoding="utf-8")
        except OSError as error:
            reason = error.strerror or str(error)
            raise WorkspaceUnusable(f"cannot keep a step: {reason}", path=taken.folder) from error
        taken.finish()
        for other in self._all():
            if other != step:
                self._at(other).discard()

    def load(self, into: LatentStack) -> tuple[int, list[Losses]]:
        """Copy the latest into `into`; return its step and what the steps up to it saw.

        Step 0 where there is none that can be read, and nothing is copied.

        Raises
        ------
        WorkspaceUnusable
            If it belongs to another optimisation.
        """
        whole = [step for step in self._all() if self._at(step).complete]
        if not whole:
            return 0, []
        taken = self._at(max(whole))
        try:
            state = json.loads((taken.folder / _STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # The power failed before it was on disk.
            taken.discard()
            return 0, []
        if state["key"] != self.key:
            raise WorkspaceUnusable(
                "the optimisation that was interrupted here is of another job, shot or model",
                hint="Use another folder.",
                path=taken.folder,
            )
        copy(taken, into)
        return max(whole), [Losses(**each) for each in state["losses"]]

    def clear(self) -> None:
        """Forget all."""
        for step in self._all():
            self._at(step).discard()

    def _all(self) -> list[int]:
        return sorted(
            int(folder.name.removeprefix(_NAME)) for folder in self.folder.glob(f"{_NAME}[0-9]*")
        )

    def _at(self, step: int) -> LatentStack:
        like = self.stack
        return LatentStack(self.folder / f"{_NAME}{step:04d}", like.frames, like.shape, like.dtype)


def copy(source: LatentStack, target: LatentStack) -> None:
    """Copy a stack frame by frame; of the source only the frames that the target has."""
    for frame in target.frames:
        target.write([frame], source.read([frame]))
