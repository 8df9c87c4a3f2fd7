"""The demo shot: a ball that rolls over a wooden floor, as an EXR sequence with every layer.

ACEScg, half float, zip; `R G B`, `matte.a`, `Z` (metres along the view axis), and motion in pixels
in Nuke's convention (x to the right, y up): `forward.u/v` to the next frame, `backward.u/v` to the
one before. Highlights lie far above 1, and every frame has its own grain.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from pathlib import Path

import numpy as np

from ocio.exr_write import write_frame
from ocio.frame import Frame, Part
from ocio.header import Attribute
from ocio.sequence import SequencePattern
from ocio.temporary import remove_stale_temporaries
from ocio.window import Window
from tokenflow.demo.render import Layers, render
from tokenflow.demo.world import Floats, Scene

FIRST_FRAME = 1001
FRAMES = 48
WIDTH, HEIGHT = 960, 540
FRAMES_PER_SECOND = 24
_WORKERS = 2

SCENE = Scene(
    color="red",
    pattern="striped",
    shape="ball",
    floor="wooden",
    time="noon",
    size=0.75,
    start=(-1.0, 0.1),
    velocity=(0.042, 0.004),
    camera=(0.9, 1.75, 4.7),
    camera_velocity=(-0.018, 0.0, 0.0),
    target=(0.0, 0.72, 0.0),
    field_of_view=0.92,
    sun_azimuth=1.0,
    sun_height=0.85,
    texture_offset=(3.3, 1.7),
)
"""What the shot shows; its caption is the shot's source prompt."""


def grain(picture: Floats, seed: int) -> Floats:
    """Add film grain: noise whose deviation grows with the root of the light, as photons have it.

    Parameters
    ----------
    picture : (h, w, 3) scene-linear
    seed : int
        One per frame.
    """
    rng = np.random.default_rng([77, seed & 0xFFFFFFFF])
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    deviation = 0.004 + 0.018 * np.sqrt(np.clip(picture, 0, 4))
    return np.asarray(picture + deviation * noise, dtype=np.float32)


def to_frame(layers: Layers, number: int) -> Frame:
    """Put the layers of a rendered frame into an EXR frame."""
    height, width = layers.matte.shape
    planes = {
        "R": layers.rgb[..., 0],
        "G": layers.rgb[..., 1],
        "B": layers.rgb[..., 2],
        "Z": layers.depth,
        "backward.u": layers.backward[..., 0],
        "backward.v": -layers.backward[..., 1],
        "forward.u": layers.forward[..., 0],
        "forward.v": -layers.forward[..., 1],
        "matte.a": layers.matte,
    }
    channels = {name: plane.astype(np.float16) for name, plane in planes.items()}
    window = Window(0, 0, width, height)
    attributes = {
        "colorInteropID": Attribute("string", "lin_ap1_scene"),
        "framesPerSecond": Attribute("rational", (FRAMES_PER_SECOND, 1)),
        "comments": Attribute("string", "TokenFlow demo shot, rendered"),
    }
    part = Part(
        name="",
        channel_types=dict.fromkeys(channels, "float16"),
        data_window=window,
        display_window=window,
        pixel_aspect=1.0,
        compression="zip",
        tile=None,
        attributes=attributes,
        channels=channels,
    )
    return Frame(Path(), number, (part,))


def render_frame(
    scene: Scene, number: int, target: Path, width: int = WIDTH, height: int = HEIGHT
) -> Path:
    """Render one frame of a scene with grain and write it."""
    layers = render(scene, number - FIRST_FRAME, width, height)
    noisy = Layers(
        grain(layers.rgb, number), layers.matte, layers.depth, layers.forward, layers.backward
    )
    write_frame(target, to_frame(noisy, number), overwrite=True)
    return target


def render_shot(
    folder: Path,
    scene: Scene = SCENE,
    frames: int = FRAMES,
    *,
    width: int = WIDTH,
    height: int = HEIGHT,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SequencePattern:
    """Render a shot into `folder` as ``plate.####.exr``, frames from 1001 on.

    Frames are rendered by two processes; those that are there already are rendered again.

    Returns
    -------
    SequencePattern
        The names of the frames.
    """
    pattern = SequencePattern.parse(folder / "plate.####.exr")
    numbers = range(FIRST_FRAME, FIRST_FRAME + frames)
    if frames == 1:
        render_frame(scene, FIRST_FRAME, pattern.path(FIRST_FRAME), width, height)
        return pattern
    with _workers(folder) as pool:
        waiting = [
            pool.submit(render_frame, scene, number, pattern.path(number), width, height)
            for number in numbers
        ]
        for done, future in enumerate(waiting, 1):
            future.result()
            progress(done, frames)
    return pattern


@contextmanager
def _workers(folder: Path) -> Iterator[ProcessPoolExecutor]:
    """Give processes that render into a folder, and end them at once when anything goes wrong."""
    others = set(active_children())
    # Started afresh, not forked: the parent may hold threads of torch.
    with ProcessPoolExecutor(
        _WORKERS, mp_context=get_context("spawn"), initializer=_leave_ctrl_c_to_the_parent
    ) as pool:
        try:
            yield pool
        except BaseException:
            for worker in set(active_children()) - others:
                worker.terminate()
                worker.join()
            remove_stale_temporaries(folder)
            raise


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
