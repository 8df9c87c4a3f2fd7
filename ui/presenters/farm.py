"""To the farm: the edit as a bundle that a render farm takes."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

from ocio.errors import OcioError
from tokenflow.errors import TokenFlowError
from ui.background import Latest
from ui.observable import Value
from ui.presenters.output import OutputPresenter
from ui.presenters.render import RenderPresenter
from ui.presenters.service import ServicePresenter
from ui.presenters.trouble import of_error

WORKSPACE = "workspace"
"""Folder of the farm's intermediate results, beside the bundles."""


class FarmPresenter:
    """Writes bundles into one folder that all machines of the farm see.

    Attributes
    ----------
    folder
        That folder; empty until somebody has chosen it.
    said
        What became of the last bundle, or what hinders one.
    """

    def __init__(
        self, service: ServicePresenter, render: RenderPresenter, output: OutputPresenter
    ) -> None:
        self.folder = Value("")
        self.said = Value("")
        self._service, self._render, self._output = service, render, output
        self._writing = Latest(service.runner)

    @property
    def place(self) -> str:
        """Where the bundle of the edit goes: a folder named like its frames."""
        name = re.split(r"[.#%$]", PurePath(self._output.path).name)[0].rstrip("_- ") or "edit"
        return str(PurePath(self.folder.value) / name)

    def write(self) -> None:
        """Write the bundle of the edit that the panel describes, as the service sees folders."""
        if not self.folder.value:
            self.said.set("Choose the farm's folder first.")
            return
        if self._render.reasons.value:
            self.said.set(self._render.reasons.value[0])
            return
        try:
            job = self._render.job()
        except (OcioError, TokenFlowError) as error:
            self.said.set(str(error))
            return
        place, workspace = self.place, str(PurePath(self.folder.value) / WORKSPACE)
        self.said.set("The bundle is being written.")
        self._service.ask(
            lambda client: client.bundle(job, place, workspace),
            lambda files: self.said.set(f"The bundle is in {place}: {len(files)} files."),
            self._failed,
            latest=self._writing,
        )

    def save(self) -> dict[str, Any]:
        """Return what is to be kept with the project."""
        return {"folder": self.folder.value}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take what `save` gave."""
        self.folder.set(str(kept.get("folder") or ""))

    def close(self) -> None:
        """Wait for no answer any more."""
        self._writing.cancel()

    def _failed(self, error: Exception) -> None:
        trouble = of_error(error)
        self.said.set(" ".join(part for part in (f"{trouble.sentence}.", trouble.remedy) if part))
