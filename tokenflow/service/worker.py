"""The process that computes on one device: ``python -m tokenflow.service.worker --device cuda:0``.

It reads jobs and cancellations as JSON lines and answers with events:

    in   {"run": {"id", "job", "overwrite", "resume", "frames", "workspace"}}
         {"cancel": id}
    out  {"ready": {"device", "name", "memory_total"}}     {"unusable": error}
         {"alive": {"memory_free", "memory_total"}}        every second
         {"id", "event"}    {"id", "done": report}    {"id", "error"}
"""

from __future__ import annotations

import argparse
import gc
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocio.errors import OcioError
from ocio.frame_range import FrameRange
from tokenflow.errors import Cancelled, OutOfMemory, TokenFlowError, error_json
from tokenflow.events import Event, Loading, Progress, StageFinished
from tokenflow.job import EditJob, RunOptions
from tokenflow.service.parent import Message, Parent

if TYPE_CHECKING:
    import torch

    from tokenflow.checkpoints.source import CheckpointSource
    from tokenflow.checkpoints.verify import CheckpointInfo
    from tokenflow.diffusion.model import Model

BEAT = 1.0  # seconds between two signs of life
PROGRESS_EVERY = 0.2  # seconds between two reports of progress within a stage

OUR_FAULT = {
    "code": "internal_error",
    "message": "this is a fault of ours",
    "hint": "The service's log says more; please report it, with `tokenflow doctor --bundle`.",
    "exit_code": 70,
    "retryable": False,
}


class Worker:
    """One device's worker.

    After a fault of ours it ends: a device that was left in disorder would fail every job to come.

    Parameters
    ----------
    device
        ``auto``, ``cpu``, ``cuda:0``, ``mps``.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.faulty = False
        self.unwanted: set[str] = set()
        self.parent = Parent(self._heard_at_once)
        self.memory: Callable[[], tuple[int, int]] | None = None
        self.kept = LoadedCheckpoint()
        threading.Thread(target=self._beat, daemon=True).start()

    def serve(self) -> None:
        """Load the engine, then run jobs one after the other until the parent is gone."""
        try:
            self.parent.say({"ready": self._get_ready()})
        except (OcioError, TokenFlowError) as error:
            self.parent.say({"unusable": error_json(error)})
            return
        while True:
            request = self.parent.next()["run"]
            answer = self._run(request)
            self.unwanted.discard(request["id"])
            self.parent.say({"id": request["id"], **answer})
            if self.faulty:
                return
            free_memory()

    def _get_ready(self) -> dict[str, Any]:
        # Here and not above: the heart beats while these load.
        import psutil
        import torch

        import tokenflow.pipeline.run  # noqa: F401
        from tokenflow.pipeline.device import find_device

        device = find_device(self.device)
        self.device = str(device)
        if device.type == "cuda":
            name = torch.cuda.get_device_name(device)
            self.memory = lambda: torch.cuda.mem_get_info(device)
        else:
            name = "CPU" if device.type == "cpu" else "Apple GPU"
            self.memory = lambda: psutil.virtual_memory()[1::-1]
        return {"device": self.device, "name": name, "memory_total": self.memory()[1]}

    def _run(self, request: Message) -> Message:
        from tokenflow.pipeline.run import run_job

        job_id = request["id"]
        say = Thinned(lambda event: self.parent.say({"id": job_id, "event": event.to_json()}))

        def emit(event: Event) -> None:
            if job_id in self.unwanted:
                raise Cancelled("cancelled")
            say(event)

        def load(
            source: CheckpointSource,
            device: torch.device,
            dtype: torch.dtype,
            info: CheckpointInfo,
        ) -> Model:
            if not self.kept.holds(device, dtype, info):
                say(Loading(info.name))
            return self.kept.load(source, device, dtype, info)

        try:
            record = run_job(EditJob.from_json(request["job"]), self._options(request), emit, load)
        except (OcioError, TokenFlowError) as error:
            return {"error": error_json(error)}
        except MemoryError:
            hint = "Close other programs, or choose a smaller --size."
            return {"error": error_json(OutOfMemory("the host has too little memory", hint=hint))}
        except Exception as error:
            self.faulty = True
            traceback.print_exc()
            return {"error": OUR_FAULT | {"message": f"this is a fault of ours: {error!r}"}}
        return {"done": record.to_json()}

    def _options(self, request: Message) -> RunOptions:
        workspace, frames = request.get("workspace"), request.get("frames")
        return RunOptions(
            device=self.device,
            workspace=Path(workspace) if workspace else None,
            frames=FrameRange.parse(frames) if frames else None,
            overwrite=request["overwrite"],
            resume=request["resume"],
            previews=True,
        )

    def _heard_at_once(self, message: Message) -> bool:
        if "cancel" in message:
            self.unwanted.add(message["cancel"])
            return True
        # A cancellation that came as an earlier attempt ended is not meant for this one.
        self.unwanted.discard(message["run"]["id"])
        return False

    def _beat(self) -> None:
        while True:
            free, total = self.memory() if self.memory else (None, None)
            self.parent.say({"alive": {"memory_free": free, "memory_total": total}})
            time.sleep(BEAT)


class LoadedCheckpoint:
    """Keeps the last checkpoint, for jobs that ask for the same weights, device and type."""

    def __init__(self) -> None:
        self._key: tuple[str, str, str] | None = None
        self._model: Model | None = None

    def holds(self, device: torch.device, dtype: torch.dtype, info: CheckpointInfo) -> bool:
        """Whether this is the one."""
        return self._key == (info.sha256, str(device), str(dtype))

    def load(
        self,
        source: CheckpointSource,
        device: torch.device,
        dtype: torch.dtype,
        info: CheckpointInfo,
    ) -> Model:
        """Load a checkpoint, or give the one that is there."""
        from tokenflow.checkpoints.load import load_model

        if self._model is None or not self.holds(device, dtype, info):
            self._model = self._key = None  # never two at once
            free_memory()
            self._model = load_model(source, device, dtype, info)
            self._key = (info.sha256, str(device), str(dtype))
        return self._model


class Thinned:
    """Passes events on, but of a stage's progress only a few a second, the first and the last.

    Parameters
    ----------
    say
        Takes what is left.
    clock
        Seconds, monotonic.
    """

    def __init__(
        self, say: Callable[[Event], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say, self._clock = say, clock
        self._stage = ""
        self._next = 0.0
        self._held: Progress | None = None

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if not isinstance(event, Progress):
            if isinstance(event, StageFinished) and self._held:
                self._say(self._held)
            self._held = None if isinstance(event, StageFinished) else self._held
            self._say(event)
            return
        now = self._clock()
        if event.stage == self._stage and now < self._next:
            self._held = event
            return
        self._stage, self._next, self._held = event.stage, now + PROGRESS_EVERY, None
        self._say(event)


def free_memory() -> None:
    """Give back what no one uses any more."""
    import torch

    gc.collect()
    torch.cuda.empty_cache()


def main() -> None:
    """Run the worker of the device that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tokenflow.service.worker")
    parser.add_argument("--device", default="auto")
    Worker(parser.parse_args().device).serve()


if __name__ == "__main__":
    main()
