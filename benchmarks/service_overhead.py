"""What the service costs: `python -m benchmarks.service_overhead`.

The demo's edit on the first frames of the demo shot, in a process of its own and through the
service by turns, each time in a new process that has its libraries loaded, with an empty workspace;
the median of each counts. How soon the first event
comes after a job was posted; and, while one more job runs, how soon health is answered, asked ten
times a second: on two cores the asking alone would show in the times above.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from tokenflow.client import HttpClient
from tokenflow.demo.example import local_edit
from tokenflow.demo.shot import FIRST_FRAME, SCENE, render_frame
from tokenflow.job import EditJob, Output, Plate, RunOptions
from tokenflow.pipeline import run_job
from tokenflow.runtime import ensure, own_argv, stop

FRAMES = 16
ROUNDS = 3
OVERHEAD, FIRST_EVENT, HEALTH = 0.05, 0.2, 0.02  # asked: share of the time, seconds, seconds


def demo_job(plate: Path, out: Path) -> EditJob:
    """Return the demo's edit."""
    prompt = SCENE.caption.replace("noon", "sunset")
    edit = local_edit(SCENE.caption, prompt)
    return EditJob(plate=Plate(str(plate)), edit=edit, output=Output(str(out)))


def in_process(job: EditJob, workspace: Path) -> float:
    """Return the seconds of a job in a process of its own, without those that this one needs."""
    # One worker, new: it has loaded what this module imports when it answers the first call.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        process.submit(os.getpid).result()
        return process.submit(timed_run, job, workspace).result()


def timed_run(job: EditJob, workspace: Path) -> float:
    """Run a job and return its seconds."""
    started = time.perf_counter()
    run_job(job, RunOptions(device="cpu", workspace=workspace), lambda event: None)
    return time.perf_counter() - started


def through_the_service(client: HttpClient, job: EditJob) -> tuple[float, float]:
    """Return the seconds of a job in the service, and those until its first event."""
    started = time.perf_counter()
    events = client.events(client.submit(job))
    next(events)
    first = time.perf_counter() - started
    last = None
    for event in events:
        last = event.data
    if last is None or last.get("state") != "done":
        raise RuntimeError(f"the job ended with {last}")
    return time.perf_counter() - started, first


class Asking(threading.Thread):
    """Asks for health ten times a second until it is told to end."""

    def __init__(self, client: HttpClient) -> None:
        super().__init__(daemon=True)
        self.client, self.seconds = client, list[float]()
        self.ended = threading.Event()

    def run(self) -> None:
        """Ask, and note how long each answer took."""
        while not self.ended.wait(0.1):
            started = time.perf_counter()
            self.client.health()
            self.seconds.append(time.perf_counter() - started)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plate = folder / "plate"
        for frame in range(FIRST_FRAME, FIRST_FRAME + FRAMES):
            render_frame(SCENE, frame, plate / f"plate.{frame}.exr", 960, 540)
        alone: list[float] = []
        served: list[tuple[float, float]] = []
        for number in range(ROUNDS):
            job = demo_job(plate, folder / f"alone {number}")
            alone.append(in_process(job, folder / f"workspace {number}"))
            with fresh_service(folder, str(number), plate) as client:
                job = demo_job(plate, folder / f"served {number}")
                served.append(through_the_service(client, job))
        with fresh_service(folder, "asked", plate) as client:
            asking = Asking(client)
            asking.start()
            through_the_service(client, demo_job(plate, folder / "asked"))
            asking.ended.set()
            asking.join()
    report(alone, served, asking.seconds)


@contextmanager
def fresh_service(folder: Path, name: str, plate: Path) -> Iterator[HttpClient]:
    """Run a service of its own, so that nothing is there already; its processes have started."""
    os.environ["TOKENFLOW_HOME"] = str(folder / f"home {name}")
    file = folder / f"home {name}/runtime/service.json"
    client = ensure([*own_argv(), "--device", "cpu", "--root", str(folder)], file)
    try:
        while client.health().status != "ready":
            time.sleep(0.1)
        client.inspect(str(plate))
        yield client
    finally:
        stop(file)


def report(alone: list[float], served: list[tuple[float, float]], health: list[float]) -> None:
    """Print what was measured and what was asked for."""
    inside = statistics.median(alone)
    outside = statistics.median(seconds for seconds, _ in served)
    slow = statistics.quantiles(health, n=20)[-1]
    print(f"in process             {inside:6.1f} s   ({', '.join(f'{s:.1f}' for s in alone)})")
    print(f"through the service    {outside:6.1f} s   ({', '.join(f'{s:.1f}' for s, _ in served)})")
    print(f"overhead               {outside / inside - 1:6.1%}     asked: below {OVERHEAD:.0%}")
    first = max(seconds for _, seconds in served) * 1000
    print(f"first event after      {first:6.0f} ms  asked: below {FIRST_EVENT * 1000:.0f} ms")
    print(
        f"health while it runs   {statistics.median(health) * 1000:6.1f} ms  95 of 100 below "
        f"{slow * 1000:.1f} ms, asked: below {HEALTH * 1000:.0f} ms"
    )


if __name__ == "__main__":
    main()
