"""Nuke as a host, by its Python developer's guide for 16.0. Not run inside Nuke: docs/hosts.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import nuke

from plugin.hosts.base import Adapter, environment_config, in_main_thread, sha256_of
from plugin.hosts.nuke.reads import (
    is_plate,
    place_read,
    plate_of,
    read_of_job,
    read_of_plate,
    set_space,
)
from ui.host import Capability, Handle, HostColour, HostPlate, HostResult, HostTimeline

UNDO = "TokenFlow: place the result"


class NukeHost(Adapter):
    """The adapter.

    Parameters
    ----------
    settings
        Folder of presets and state; default: the user's.
    """

    def __init__(self, settings: Path | None = None) -> None:
        super().__init__(
            "Nuke", str(nuke.NUKE_VERSION_STRING), gui=bool(nuke.env["gui"]), settings=settings
        )
        self.project = _script()
        self._follows = False

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See `Host.capabilities`."""
        return frozenset({"selection", "place_result", "reload", "undo", "colour", "timeline"})

    def plates(self) -> tuple[HostPlate, ...]:
        """See `Host.plates`: selected Reads, and Writes that read their file."""
        found = (plate_of(node) for node in nuke.selectedNodes() if is_plate(node))
        return tuple(plate for plate in found if plate is not None)

    def timeline(self) -> HostTimeline:
        """See `Host.timeline`; 23.976 is taken for 24000/1001."""
        root = nuke.root()
        return HostTimeline(
            int(root["first_frame"].value()),
            int(root["last_frame"].value()),
            int(nuke.frame()),
            rational(float(root["fps"].value())),
        )

    def colour(self) -> HostColour | None:
        """See `Host.colour`; without OCIO the service chooses."""
        root = nuke.root()
        if root["colorManagement"].value() != "OCIO":
            return None
        config, chosen_by = _config()
        display, view = _display_view(str(root["monitorOutLUT"].value()))
        return HostColour(
            config,
            chosen_by,
            sha256_of(config or ""),
            working_space=str(root["workingSpaceLUT"].value()),
            display=display,
            view=view,
        )

    def place(self, result: HostResult) -> Handle | None:
        """See `Host.place_result`: a Read, one step to undo."""
        plate = read_of_plate(result.plate_path)
        nuke.Undo.begin(UNDO)
        try:
            with plate.parent() if plate is not None else nuke.root():
                node = place_read(result, plate)
            known = set_space(node, result.colorspace)
        finally:
            nuke.Undo.end()
        if not known:
            self.notify(
                "warning",
                f"Nuke's config has no colour space '{result.colorspace}', and the result is read "
                f"as '{node['colorspace'].value()}'",
                "Set the config of the show in the project settings.",
            )
        return result.job_id

    def reload(self, handle: Handle) -> None:
        """See `Host.reload`."""
        node = read_of_job(handle)
        if node is not None:
            node["reload"].execute()

    def call_main(self, call: Callable[[], None]) -> None:
        """See `Host.call_main`; from the main thread, `executeInMainThread` would hang Nuke."""
        if in_main_thread():
            call()
        else:
            nuke.executeInMainThread(call)

    def follow_script(self) -> None:
        """Hear of scripts that are opened and saved, until `close`."""
        nuke.addOnScriptLoad(self._opened)
        nuke.addOnScriptSave(self._saved)
        self._follows = True

    def close(self) -> None:
        """See `Host.close`."""
        if self._follows:
            nuke.removeOnScriptLoad(self._opened)
            nuke.removeOnScriptSave(self._saved)
            self._follows = False

    def _opened(self) -> None:
        self.move_to(_script())

    def _saved(self) -> None:
        self.project = _script()


def rational(fps: float) -> Fraction:
    """Return a rate as the rational number that it stands for: 23.976 is 24000/1001."""
    whole = Fraction(round(fps * 1.001) * 1000, 1001)
    if fps != round(fps) and abs(float(whole) - fps) < 0.005:
        return whole
    return Fraction(fps).limit_denominator(1000)


def _script() -> str:
    """Return the path of the script; empty before it is saved."""
    name = str(nuke.root()["name"].value() or "")
    return name.replace("\\", "/")


def _config() -> tuple[str | None, str]:
    """Return the config and who named it: ``$OCIO`` overrides the project, as in Nuke itself."""
    named = environment_config()
    if named is not None:
        return named.config, named.chosen_by
    root = nuke.root()
    custom = root["OCIO_config"].value() == "custom"
    path = root["customOCIOConfigPath" if custom else "OCIOConfigPath"].evaluate()
    return str(path).replace("\\", "/") if path else None, "project"


def _display_view(value: str) -> tuple[str, str]:
    """Split ``VIEW (DISPLAY)``, as Nuke writes what a viewer shows."""
    match = re.fullmatch(r"(.+) \((.+)\)", value)
    return (match[2], match[1]) if match else ("", "")
