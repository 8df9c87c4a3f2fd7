"""Jobs as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenflow.errors import InvalidJob, UnreadableJob
from tokenflow.job import EditJob

RECORD = ".job.json"
"""How the name of the job ends that lies beside finished frames."""


def parse_job(text: str) -> EditJob:
    """Read a job from JSON text; a key given twice is an error too."""
    try:
        document = json.loads(text, object_pairs_hook=_unique_keys)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidJob(f"the job is not JSON: {error}") from error
    return EditJob.from_json(document)


def read_job(path: Path | str) -> EditJob:
    """Read a job file.

    Raises
    ------
    UnreadableJob
        The file is missing or cannot be opened.
    InvalidJob
        Its content is not a job.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UnreadableJob(
            f"the job file cannot be read: {error.strerror or error}", path=path
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidJob("the job file is not UTF-8 text", path=path) from error
    try:
        return parse_job(text)
    except InvalidJob as error:
        raise InvalidJob(error.message, hint=error.hint, path=path) from error


def find_job_file(path: str) -> Path:
    """Find the job of an earlier edit: a file, or the folder that holds one beside its frames.

    Raises
    ------
    UnreadableJob
        If there is none, or several.
    """
    place = Path(path)
    if not place.is_dir():
        return place
    found = sorted(place.glob(f"*{RECORD}"))
    if len(found) == 1:
        return found[0]
    what = f"several: {', '.join(file.name for file in found)}" if found else "none"
    raise UnreadableJob(
        f"the base must be one job file, and in '{place}' there are {what}",
        hint="Name the file that an edit left beside its frames, NAME.job.json.",
        path=place,
    )


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InvalidJob(f"the job names {key!r} twice")
        found[key] = value
    return found
