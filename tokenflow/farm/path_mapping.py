"""Paths of one machine as another one sees them: rules of the format ``pathmapping-1.0``.

A scheduler maps the parameters that it knows to be paths; what stands inside a job file is ours to
map. The job keeps its name and hash whatever machine runs it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tokenflow.errors import InvalidPathMapping, UnreadablePathMapping
from tokenflow.job import Control, EditJob

VERSION = "pathmapping-1.0"


@dataclass(frozen=True)
class Rule:
    """One rule: what begins with `source` lies under `destination` here."""

    format: Literal["POSIX", "WINDOWS"]
    source: str
    destination: str

    def apply(self, path: str) -> str | None:
        """Return where a path lies here; None if the rule is not about it.

        Whole parts count: ``/src`` is not ``/srcfoo``. Windows paths ignore case, and their slashes
        lean either way.
        """
        windows = self.format == "WINDOWS"
        parts, wanted = _parts(path, windows), _parts(self.source, windows)
        same = [part.lower() if windows else part for part in parts[: len(wanted)]]
        if same != [part.lower() if windows else part for part in wanted]:
            return None
        return "/".join([self.destination.rstrip("/"), *parts[len(wanted) :]]) or "/"


@dataclass(frozen=True)
class PathMapping:
    """Rules, the longest source first: the most particular one counts."""

    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> PathMapping:
        """Put rules into the order in which they are asked."""
        longest = sorted(
            rules, key=lambda rule: len(_parts(rule.source, rule.format == "WINDOWS")), reverse=True
        )
        return cls(tuple(longest))

    @classmethod
    def read(cls, file: Path) -> PathMapping:
        """Read a rules file; an empty object, as schedulers write without rules, maps nothing.

        Raises
        ------
        UnreadablePathMapping
            If the file is missing or cannot be opened.
        InvalidPathMapping
            If it does not hold rules.
        """
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            if not found:
                return cls()
            if found["version"] != VERSION:
                raise ValueError(f"version {found['version']!r} is not {VERSION}")
            return cls.of(_rule(each) for each in found.get("path_mapping_rules", []))
        except OSError as error:
            raise UnreadablePathMapping(
                f"the path mapping rules cannot be read: {error.strerror or error}",
                hint="Name the file that the scheduler wrote.",
                path=file,
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidPathMapping(
                f"the path mapping rules cannot be used: {error}",
                hint=f"They are JSON of the format {VERSION}.",
                path=file,
            ) from error

    def path(self, path: str) -> str:
        """Return where a path lies here; as it is where no rule is about it."""
        return next((found for rule in self.rules if (found := rule.apply(path))), path)

    def job(self, job: EditJob) -> EditJob:
        """Return a job with all its paths as this machine sees them."""
        model, matte, base = job.model, job.matte, job.base
        decoder, flow = model.decoder_checkpoint, job.deflicker.flow_weights
        return replace(
            job,
            plate=replace(job.plate, path=self.path(job.plate.path)),
            color=replace(job.color, ocio=job.color.ocio and self.path(job.color.ocio)),
            model=replace(
                model,
                checkpoint=self.path(model.checkpoint),
                decoder_checkpoint=decoder and self.path(decoder),
                motion=model.motion and self.path(model.motion),
            ),
            edit=replace(job.edit, controls=tuple(map(self._control, job.edit.controls))),
            matte=matte and replace(matte, source=self.path(matte.source)),
            deflicker=replace(job.deflicker, flow_weights=flow and self.path(flow)),
            output=replace(job.output, path=self.path(job.output.path)),
            base=base and replace(base, job=self.path(base.job)),
        )

    def _control(self, control: Control) -> Control:
        return replace(control, checkpoint=self.path(control.checkpoint))


def _rule(each: dict[str, str]) -> Rule:
    kind = each["source_path_format"]
    if kind not in ("POSIX", "WINDOWS"):
        raise ValueError(f"unknown source_path_format {kind!r}")
    return Rule(kind, each["source_path"], each["destination_path"])  # type: ignore[arg-type]


def _parts(path: str, windows: bool) -> list[str]:
    text = path.replace("\\", "/") if windows else path
    head, *rest = text.split("/")
    return [head, *(part for part in rest if part)]
