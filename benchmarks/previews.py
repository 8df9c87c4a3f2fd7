"""How fast pictures come: `python -m benchmarks.previews`.

A 1920 by 1080 plate of the demo's world behind the real door on a real socket, asked for 960 wide
as a panel does that scrubs: one connection, one frame after the other. Once to make the pictures,
then from the cache.
"""

from __future__ import annotations

import http.client
import os
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

from tokenflow.demo.shot import FIRST_FRAME, SCENE, render_frame
from tokenflow.runtime import Runtime, ensure, own_argv, read_runtime, stop

FRAMES = 24
WIDTH = 960
ROUNDS = 5
ASKED = 10.0  # cached frames per second


def main() -> None:
    """Start a service of its own and print frames per second; exit with 1 if too few."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["TOKENFLOW_HOME"] = str(folder / "home")
        for frame in range(FIRST_FRAME, FIRST_FRAME + FRAMES):
            render_frame(SCENE, frame, folder / f"plate/plate.{frame}.exr", 1920, 1080)
        file = folder / "home/runtime/service.json"
        ensure([*own_argv(), "--device", "cpu", "--root", name], file)
        try:
            runtime = read_runtime(file)
            assert runtime is not None
            slowest = min(measure(runtime, folder / "plate", ending) for ending in ("png", "jpg"))
        finally:
            stop(file)
    raise SystemExit(0 if slowest >= ASKED else 1)


def measure(runtime: Runtime, plate: Path, ending: str) -> float:
    """Print the speeds of one format; return that of cached frames, in frames per second."""
    connection = http.client.HTTPConnection(urlsplit(runtime.address).netloc, timeout=60)
    new, _ = _scrub(connection, runtime.token, plate, ending)
    times: list[float] = []
    for _ in range(ROUNDS):
        waits, size = _scrub(connection, runtime.token, plate, ending)
        times += waits
    speed = len(times) / sum(times)
    print(f"{ending}, {size / 1024:.0f} KiB each")
    print(f"  made    {len(new) / sum(new):6.1f} frames/s  {_milliseconds(new)}")
    print(f"  cached  {speed:6.1f} frames/s  {_milliseconds(times)}")
    connection.close()
    return speed


def _milliseconds(times: list[float]) -> str:
    return f"median {1e3 * statistics.median(times):.1f} ms, worst {1e3 * max(times):.1f} ms"


def _scrub(
    connection: http.client.HTTPConnection, token: str, plate: Path, ending: str
) -> tuple[list[float], float]:
    """Ask for each frame in turn; return the seconds that each took, and the mean size in bytes."""
    waits, sizes = [], []
    for frame in range(FIRST_FRAME, FIRST_FRAME + FRAMES):
        where = f"/v1/plates/frame.{ending}?path={quote(str(plate))}&frame={frame}&width={WIDTH}"
        begun = time.perf_counter()
        connection.request("GET", where, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        content = answer.read()
        waits.append(time.perf_counter() - begun)
        sizes.append(len(content))
        if answer.status != http.client.OK:
            raise SystemExit(f"frame {frame}: {answer.status} {content[:300]!r}")
    return waits, statistics.mean(sizes)


if __name__ == "__main__":
    main()
