"""Presets by name and the last prompts: small JSON files in the user's config folder."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ui.background import Latest, Runner
from ui.observable import Value
from ui.presenters.edit import EditPresenter
from ui.presenters.trouble import Trouble

PROMPTS = 20
UNDOS = 50

Kept: TypeAlias = dict[str, "Mapping[str, Any] | None"]
"""Settings by the name of their preset; None is one that is to be no more."""


@dataclass(frozen=True)
class Preset:
    """Settings under a name; what `EditPresenter.values` said, without the prompts."""

    name: str
    values: Mapping[str, Any]


class PresetsPresenter:
    """Presets and prompts of this user.

    Attributes
    ----------
    presets
        By name, in alphabetical order.
    prompts
        The last twenty, the newest first.
    can_undo
        What `undo` would take back, ``delete “Marble”``; empty if nothing.
    """

    def __init__(self, edit: EditPresenter, folder: Path, runner: Runner) -> None:
        self.presets: Value[tuple[Preset, ...]] = Value(())
        self.prompts: Value[tuple[str, ...]] = Value(())
        self.can_undo = Value("")
        self.trouble: Value[Trouble | None] = Value(None)
        self._edit, self._runner = edit, runner
        self._file = folder / "presets.json"
        self._reading = Latest(runner, "files")
        self._writing = Latest(runner, "files")
        self._undo: list[tuple[str, Kept]] = []
        # What is not in the file yet, for certain: other panels write there too.
        self._changed: Kept = {}
        self._used: list[str] = []

    def load(self) -> None:
        """Read the file, elsewhere."""
        self._reading.run(lambda: read_json(self._file), self._read, self._failed)

    def save(self, name: str) -> None:
        """Keep the settings as they stand under a name; an equal name is replaced."""
        name = name.strip()
        if not name:
            self.trouble.set(Trouble("a preset needs a name"))
            return
        values = {
            key: value
            for key, value in self._edit.values().items()
            if key not in ("prompt", "source_prompt", "matte")
        }
        self._change(f"save “{name}”", {name: values})

    def apply(self, name: str) -> None:
        """Take the settings of a preset; the prompts stay."""
        preset = self._find(name)
        if preset is not None:
            self._edit.set_values(preset.values)

    def rename(self, name: str, new: str) -> None:
        """Give a preset another name."""
        preset, new = self._find(name), new.strip()
        if preset is None or new == name:
            return
        if not new:
            self.trouble.set(Trouble("a preset needs a name"))
            return
        if self._find(new) is not None:
            self.trouble.set(Trouble(f"there is a preset “{new}” already", "Take another name."))
            return
        self._change(f"rename “{name}”", {name: None, new: preset.values})

    def delete(self, name: str) -> None:
        """Delete a preset; `undo` brings it back."""
        if self._find(name) is not None:
            self._change(f"delete “{name}”", {name: None})

    def undo(self) -> None:
        """Take the last change of the presets back."""
        if self._undo:
            _, before = self._undo.pop()
            self._put(before)

    def remember(self, prompt: str) -> None:
        """Put a prompt that was used at the head of the last ones."""
        prompt = prompt.strip()
        if prompt:
            self._used.insert(0, prompt)
            self.prompts.set(newest([prompt], self.prompts.value))
            self._write()

    def close(self) -> None:
        """Want no more answers; what is being written is written to its end."""
        self._reading.cancel()

    def _find(self, name: str) -> Preset | None:
        return next((each for each in self.presets.value if each.name == name), None)

    def _change(self, what: str, change: Kept) -> None:
        self.trouble.set(None)
        stands = {preset.name: preset.values for preset in self.presets.value}
        before = {name: stands.get(name) for name in change}
        self._undo = [*self._undo, (what, before)][-UNDOS:]
        self._put(change)

    def _put(self, change: Kept) -> None:
        self._changed |= change
        stands = {preset.name: preset.values for preset in self.presets.value}
        self._show(changed(stands, change))
        self._write()

    def _show(self, presets: Mapping[str, Mapping[str, Any]]) -> None:
        found = (Preset(name, values) for name, values in presets.items())
        self.presets.set(tuple(sorted(found, key=lambda preset: preset.name.casefold())))
        self.can_undo.set(self._undo[-1][0] if self._undo else "")

    def _read(self, document: Mapping[str, Any]) -> None:
        """Take what the file says, under what was changed here and is not there yet."""
        self._show(changed(document.get("presets") or {}, self._changed))
        kept = [str(prompt) for prompt in document.get("prompts") or ()]
        self.prompts.set(newest(self._used, kept))

    def _write(self) -> None:
        change, used = dict(self._changed), list(self._used)

        def written(document: Mapping[str, Any]) -> None:
            # Only the answer to the last writing comes here: nothing was changed since.
            self._changed.clear()
            self._used.clear()
            self._read(document)

        self._writing.run(lambda: write_into(self._file, change, used), written, self._failed)

    def _failed(self, error: Exception) -> None:
        self.trouble.set(Trouble(f"the presets cannot be kept: {error}", path_hint(self._file)))


def changed(presets: Mapping[str, Mapping[str, Any]], change: Kept) -> dict[str, Mapping[str, Any]]:
    """Return presets with some of them replaced, added or taken away."""
    whole = {**presets, **change}
    return {name: dict(values) for name, values in whole.items() if values is not None}


def newest(used: Sequence[str], before: Sequence[str]) -> tuple[str, ...]:
    """Return the last prompts, each once, after some more were used."""
    return tuple(dict.fromkeys((*used, *before)))[:PROMPTS]


def write_into(file: Path, change: Kept, used: Sequence[str]) -> dict[str, Any]:
    """Write changes into what stands in the file now, and return all that stands there then.

    Raises
    ------
    OSError, ValueError
        It cannot be read or written; what stands there is left alone.
    """
    document = read_json(file)
    document["presets"] = changed(document.get("presets") or {}, change)
    document["prompts"] = newest(used, [str(each) for each in document.get("prompts") or ()])
    write_json(file, document)
    return document


def path_hint(path: Path) -> str:
    """Say which file to look at."""
    return f"Look at {path}."


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one where there is no file.

    Raises
    ------
    OSError, ValueError
        It cannot be read, or is something else.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    return document


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON object, whole or not at all.

    Raises
    ------
    OSError
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    draft.write_text(json.dumps(document, ensure_ascii=False, indent=1), "utf-8")
    draft.replace(path)
