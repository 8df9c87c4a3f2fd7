"""The checkpoints that a user can name without a path, and what each says about itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenflow.checkpoints.licence import forbids_commerce, licence_of
from tokenflow.checkpoints.notes import FILE, Notes, read_notes
from tokenflow.checkpoints.source import list_checkpoints
from tokenflow.errors import CheckpointRejected


def known_models() -> list[dict[str, Any]]:
    """Describe the checkpoints that are known; reads no weights."""
    return [
        {
            "name": source.name,
            "path": str(source.path),
            **_said(source.path / FILE),
            **_licence(source.path),
        }
        for source in list_checkpoints()
    ]


def _licence(path: Path) -> dict[str, Any]:
    licence = licence_of(path)
    return {"licence": licence, "commercial": not forbids_commerce(licence)}


def _said(file: Path) -> dict[str, Any]:
    try:
        notes, problem = read_notes(file), None
    except CheckpointRejected as error:
        notes, problem = Notes(), str(error)
    return {
        "note": notes.note,
        "vocabulary": sorted(notes.vocabulary),
        "native_size": list(notes.native_size) if notes.native_size else None,
        "encodings": [*(notes.encodings or ("view",))],
        "problem": problem,
    }
