"""Making jobs of what the panel knows, and rendering the whole range."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ocio.errors import OcioError
from ocio.frame_range import FrameRange
from tokenflow.client import AS_USUAL
from tokenflow.errors import TokenFlowError
from tokenflow.job import EditJob
from tokenflow.states import JobRecord, RunRequest
from ui.command_line import command_of
from ui.observable import Subscriptions, Value
from ui.presenters.edit import EditPresenter
from ui.presenters.job_rows import kind_of
from ui.presenters.jobs import JobsPresenter
from ui.presenters.output import OutputPresenter
from ui.presenters.question import Question
from ui.presenters.service import ServicePresenter
from ui.presenters.shot import ShotPresenter

RECENT = 5
"""So many earlier jobs of a size make an estimate."""


@dataclass(frozen=True)
class Submission:
    """A job, and how it is to be run."""

    job: EditJob
    request: RunRequest = AS_USUAL


class RenderPresenter:
    """The row "Try · Render": whether it can be pressed, why not, and about how long it takes.

    Attributes
    ----------
    ready
        Whether a job can be made and a service is there to take it.
    reasons
        Sentences why not.
    seconds
        About how long the whole range takes, from earlier jobs of the same size; None before the
        first.
    count
        How many frames a render writes.
    question
        What has to be confirmed before frames are replaced.
    """

    def __init__(
        self,
        service: ServicePresenter,
        shot: ShotPresenter,
        edit: EditPresenter,
        output: OutputPresenter,
        jobs: JobsPresenter,
    ) -> None:
        self.ready = Value(False)
        self.reasons: Value[tuple[str, ...]] = Value(())
        self.seconds: Value[float | None] = Value(None)
        self.count = Value(0)
        self.question: Value[Question | None] = Value(None)
        self._service, self._shot, self._edit = service, shot, edit
        self._output, self._jobs = output, jobs
        self._rates: dict[str, list[float]] = {}
        self._bound = Subscriptions()
        watched: list[Value[Any]] = [
            *(service.client, shot.facts, shot.condition, shot.frames, shot.missing),
            *(shot.colorspace, edit.problems, output.problems, output.existing, output.overwrite),
            *(edit[key].value for key in ("method", "steps", "how_far", "size")),
            *(edit[key].value for key in ("inversion_steps", "technique")),
        ]
        for value in watched:
            self._bound.add(value.subscribe(self._look))
        self._bound.add(jobs.ended.subscribe(self._learn))
        self._look(None)

    def job(
        self, frames: FrameRange | None = None, path: str | None = None, **edit: Any
    ) -> EditJob:
        """Make the job that the panel describes.

        Parameters
        ----------
        frames
            Of the shot; None is in to out.
        path
            Where the result goes; None is what the output says.
        **edit
            Fields of `tokenflow.job.Edit` in place of the form's.

        Raises
        ------
        InvalidJob, OcioError
            Something is wrong; the fields say it too.
        """
        return EditJob(
            plate=self._shot.plate_part(),
            color=self._shot.color_part(self._edit.encoding),
            edit=replace(self._edit.edit_part(), **edit),
            model=self._edit.model_part(),
            matte=self._edit.matte_part(),
            deflicker=self._edit.deflicker_part(),
            dreammotion=self._edit.dreammotion_part(),
            output=self._output.part(path),
            range=self._shot.range_part(frames),
        )

    def render(self) -> None:
        """Render the whole range; asks first where frames would be replaced."""
        if not self.ready.value:
            return
        clash = self.clash()
        if clash and self._output.overwrite.value:
            self.question.set(
                Question(
                    f"Replace {len(clash)} frames ({clash}) of {self._output.path}?",
                    "Replace",
                    self._submit,
                    self.question,
                )
            )
            return
        self._submit()

    def clash(self) -> FrameRange:
        """Return the frames that a render would write and that exist already."""
        existing = set(self._output.existing.value)
        return FrameRange.of(existing & set(self._shot.frames.value))

    def copy_command(self) -> str:
        """Return the line that does the same in a shell; empty while no job can be made."""
        try:
            return command_of(self.job(), overwrite=self._output.overwrite.value)
        except (OcioError, TokenFlowError):
            return ""

    def save(self) -> dict[str, Any]:
        """Return what was learned about this machine's speed."""
        return {"rates": {key: [*rates] for key, rates in self._rates.items()}}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take what `save` gave."""
        for key, rates in (kept.get("rates") or {}).items():
            self._rates[str(key)] = [float(rate) for rate in rates][-RECENT:]
        self._look(None)

    def close(self) -> None:
        """Look at nothing any more."""
        self._bound.cancel()

    def _submit(self) -> None:
        try:
            job = self.job()
        except (OcioError, TokenFlowError) as error:
            self.reasons.set((str(error),))
            return
        overwrite = self._output.overwrite.value
        self._jobs.submit(job, RunRequest(overwrite=overwrite))

    def _look(self, _: object) -> None:
        """Find out whether a job can be made, how long it is, and how long it takes."""
        reasons = [*self._reasons()]
        frames = self._shot.frames.value
        self.count.set(len(frames))
        self.reasons.set(tuple(reasons))
        self.ready.set(not reasons)
        self.seconds.set(self.estimate(len(frames)))

    def _reasons(self) -> list[str]:
        facts = self._shot.facts.value
        found = []
        if self._service.client.value is None:
            found.append("The service is not there.")
        if facts is None:
            return [*found, "Pick a shot."]
        if self._shot.colorspace.value.problem:
            found.append("Choose the plate's colour space.")
        holes = set(facts.missing) & set(self._between())
        if holes and self._shot.missing.value == "error":
            found.append(f"Frames are missing ({FrameRange.of(holes)}): choose what to do.")
        found += [*self._edit.problems.value, *self._output.problems.value]
        clash = self.clash()
        if clash and not self._output.overwrite.value:
            found.append(f"Frames {clash} exist already: take the next version or overwrite.")
        return found

    def _between(self) -> range:
        frames = self._shot.frames.value
        return range(frames[0], frames[-1] + 1) if frames else range(0)

    # Estimates.

    def estimate(self, frames: int) -> float | None:
        """Return about how many seconds that many frames take, from earlier jobs of the size."""
        facts = self._shot.facts.value
        plate, bends = facts.size_text if facts else "", self._bends()
        rates = self._rates.get(_speed_key(self._size_text(), plate, bends))
        if not rates or not frames:
            return None
        middle = sorted(rates)[len(rates) // 2]
        return middle * frames * self._steps()

    def _steps(self) -> int:
        """Return the steps of a frame: those of the inversion and those of the edit."""
        keys = ("how_far",) if self._bends() else ("steps", "inversion_steps")
        values = (self._edit[key].value.value for key in keys)
        return sum(value for value in values if isinstance(value, int))

    def _bends(self) -> bool:
        return bool(self._edit["method"].value.value == "dreammotion")

    def _size_text(self) -> str:
        return str(self._edit["size"].value.value).strip()

    def _learn(self, record: JobRecord) -> None:
        """Note how long a frame and step took of a job that is done."""
        facts = self._shot.facts.value
        if record.state != "done" or record.started is None or record.ended is None:
            return
        if facts is None or record.job.plate.path != facts.pattern or kind_of(record) != "render":
            return
        edit, frames = record.job.edit, record.job.range.frames
        bends = edit.method == "dreammotion"
        steps = record.job.dreammotion.steps if bends else edit.steps + edit.inversion_steps
        work = len(frames or ()) * steps
        seconds = record.ended - record.started
        if work and seconds > 0:
            key = _speed_key(str(edit.size or ""), facts.size_text, bends)
            self._rates[key] = [*self._rates.get(key, []), seconds / work][-RECENT:]
            self._look(None)


def _speed_key(model_size: str, plate_size: str, bends: bool) -> str:
    """Return what jobs must have in common for their speed to be the same."""
    return f"{plate_size} {model_size or 'auto'}{' bent' if bends else ''}"
