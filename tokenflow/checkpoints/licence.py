"""Under which licence weights are, as far as their folder says so."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

NOT_STATED = "not stated"

_CARD, _INDEX = "README.md", "model_index.json"


def licence_of(path: Path) -> str:
    """Return the licence that weights name, e.g. ``cc-by-nc-4.0``, else `NOT_STATED`.

    A folder names it in the front matter of its card (``license: ...`` in README.md, as model hubs
    have it) or in model_index.json, a single file in its own header.
    """
    if path.is_dir():
        return _of_card(path / _CARD) or _of_index(path / _INDEX) or NOT_STATED
    return _of_header(path) or NOT_STATED


def forbids_commerce(licence: str) -> bool:
    """Whether a licence's name says that the weights are not for commercial work."""
    words = licence.lower().replace("_", "-").split("-")
    return "nc" in words or "noncommercial" in words or {"non", "commercial"} <= set(words)


def _of_card(card: Path) -> str:
    """Read ``license`` and, where that is ``other``, ``license_name`` of a card's front matter."""
    try:
        text = card.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    lines = text.splitlines()
    if not lines or lines[0].strip() != "---":
        return ""
    said: dict[str, str] = {}
    for line in lines[1:]:
        if line.strip() == "---":
            break
        name, separator, value = line.partition(":")
        if separator:
            said[name.strip()] = value.strip().strip("'\"")
    licence = said.get("license", "")
    return said.get("license_name") or licence if licence == "other" else licence


def _of_index(index: Path) -> str:
    try:
        found = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    licence = found.get("license") if isinstance(found, dict) else None
    return licence if isinstance(licence, str) else ""


def _of_header(file: Path) -> str:
    try:
        with safe_open(file, framework="pt") as weights:
            said = weights.metadata() or {}
    except (OSError, SafetensorError):
        return ""
    return str(said.get("modelspec.license") or said.get("license") or "")
