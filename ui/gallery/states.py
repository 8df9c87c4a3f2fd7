"""The states of the panel that the gallery draws."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ocio.errors import UnreadableFrame
from ocio.frame_range import FrameRange
from tokenflow.client import Client
from tokenflow.errors import OutOfMemory, ServiceUnreachable
from tokenflow.scripted_job import failing_play
from tokenflow.states import RunRequest
from ui.gallery import service
from ui.gallery.stage import JOB_SECONDS, Stage, seen_play
from ui.presenters.versions import Version
from ui.presenters.viewer import Line
from ui.widgets.panel import TokenFlowPanel

FEW = 8


@dataclass(frozen=True)
class State:
    """A state of the panel.

    Attributes
    ----------
    name
        Of its pictures.
    title
        What is to be seen.
    prepare
        Brings the stage there before there is a widget.
    touch
        Does what only the widget can: opens a fold.
    works
        How many answers come before each look. With a few the picture at the playhead is here, and
        most others are not seen; with none the panel still waits.
    """

    name: str
    title: str
    prepare: Callable[[Stage], None]
    touch: Callable[[TokenFlowPanel], None] = lambda panel: None
    works: int = FEW


def _gone(stage: Stage) -> None:
    def connect() -> Client:
        raise ServiceUnreachable("no service is running", hint="It is looked for again by itself.")

    stage.connect = connect
    stage.open("")


def _starting(stage: Stage) -> None:
    stage.panel.service.connect()


def _wrong_version(stage: Stage) -> None:
    stage.knobs.protocol, stage.knobs.version = 0, "0.0.3"
    stage.open("")


def _shot(path: str) -> Callable[[Stage], None]:
    def prepare(stage: Stage) -> None:
        stage.open(path)
        stage.describe()

    return prepare


def _ready(stage: Stage) -> None:
    stage.open("")


def _invalid(stage: Stage) -> None:
    stage.open()
    stage.describe()
    for key, value in (
        ("steps", 0),
        ("guidance", "much"),
        ("size", "large"),
        ("matte_feather", -2),
    ):
        stage.panel.edit[key].set(value)
    stage.panel.edit["matte"].set("/shows/lake/sh010/roto/sh010_roto_v002.####.exr:matte.a")


def _vocabulary(stage: Stage) -> None:
    stage.open()
    stage.describe("a marble statue of a ball on a wooden floor at sunset")


def _trying(stage: Stage) -> None:
    stage.open()
    stage.describe()
    stage.panel.tries.run()
    stage.settle()
    stage.play(0.6)


def _tries(stage: Stage) -> None:
    stage.open()
    for prompt in ("at night", "at sunset"):
        stage.describe(f"a red striped ball on a wooden floor {prompt}")
        stage.panel.tries.run()
        stage.settle()
        stage.play(1)


def _rendering(stage: Stage) -> None:
    stage.open()
    stage.describe()
    stage.panel.render.restore({"rates": {"2048×1080 auto": [0.0375]}})
    stage.render(0.25)
    stage.play(0.2)
    stage.panel.viewer.go_to(1025)
    stage.settle()


def _done(stage: Stage) -> None:
    stage.open()
    stage.describe()
    stage.render()
    stage.panel.viewer.go_to(1019)
    stage.panel.viewer.set_compare("wipe")
    stage.settle()


def _difference(stage: Stage) -> None:
    _done(stage)
    stage.panel.viewer.set_compare("single")
    stage.panel.viewer.show_what("difference")
    stage.settle()


def _slice(stage: Stage) -> None:
    _done(stage)
    stage.panel.viewer.set_slice(Line(0.05, 0.62, 0.95, 0.62))
    stage.settle()


def _stretch(stage: Stage) -> None:
    _done(stage)
    stage.panel.timeline.select(1020, 1031)
    stage.settle()


def _failed(error: OutOfMemory | UnreadableFrame) -> Callable[[Stage], None]:
    def prepare(stage: Stage) -> None:
        stage.knobs.script = failing_play(error, JOB_SECONDS / 2)
        stage.open()
        stage.describe()
        stage.render()

    return prepare


def _lost(stage: Stage) -> None:
    _rendering(stage)
    stage.knobs.unreachable = True
    stage.runner.advance(5)
    stage.settle()


def _long_names(stage: Stage) -> None:
    stage.open(service.LONG_NAMED)
    stage.describe(
        "a marble statue of a running woman with her hair in the wind, standing on a pedestal of "
        "weathered granite beside a lake under a thunderstorm, moss on the northern side of it, "
        "lit by the last light of the evening",
        "a woman in a red coat running along the shore of a lake at dawn with a dog beside her",
    )
    stage.panel.edit["checkpoint"].set(
        "/models/studio/approved/2026/stable-diffusion-v1-5-finetuned-lake-at-dawn-v012"
    )
    stage.render(0.4)


def _many_jobs(stage: Stage) -> None:
    stage.open()
    stage.describe()
    stage.client.history = service.long_queue(500)
    stage.panel.jobs.refresh()
    stage.play(0)


def _scripts(stage: Stage) -> None:
    stage.open()
    stage.describe(
        "夕暮れの木の床の上の赤い縞模様のボール", "كرة زرقاء مخططة على أرضية خشبية عند الظهر"
    )


def _overwrite(stage: Stage) -> None:
    stage.open()
    stage.describe()
    stage.panel.output.existing.set(FrameRange.parse("1001-1048"))
    stage.panel.output.overwrite.set(True)
    stage.panel.render.render()


def _versions(stage: Stage) -> None:
    _done(stage)
    root = "/shows/lake/sh010/edit"
    now = time.mktime((2026, 11, 20, 16, 5, 0, 0, 0, -1))
    words = ("at sunset", "at night", "in the rain")
    for number in (1, 2, 3):
        path = f"{root}/v{number:03}/sh010_v{number:03}.####.exr"
        stage.knobs.plates[path] = service.plate(path)
    stage.panel.versions.versions.set(
        tuple(
            Version(
                number,
                f"v{number:03}",
                f"{root}/v{number:03}/sh010_v{number:03}.####.exr",
                FrameRange.parse("1001-1048" if number != 2 else "1020-1031"),
                f"a red striped ball on a wooden floor {words[3 - number]}",
                now + number * 1800,
            )
            for number in (3, 2, 1)
        )
    )
    stage.panel.versions.compare(3, 1)
    stage.settle()


def _queue(stage: Stage) -> None:
    """A running job, two that wait, and one each that is done, has failed and was cancelled."""
    stage.open()
    stage.describe()
    stage.render()
    ids = []
    endings = (OutOfMemory("the device ran out of memory", hint="Use a smaller size."), None)
    for version, ending in enumerate(endings, 2):
        stage.knobs.script = failing_play(ending, JOB_SECONDS / 2) if ending else seen_play
        ids.append(_submit(stage, version))
        stage.play(1)
    for version in (4, 5, 6, 7):
        ids.append(_submit(stage, version))
    stage.client.cancel(ids[-1])
    stage.play(0.62)
    stage.panel.jobs.choose(ids[2])
    stage.settle()


def _submit(stage: Stage, version: int) -> str:
    job = stage.panel.render.job()
    path = f"/shows/lake/sh010/edit/v{version:03}/sh010_comp_v{version:03}.####.exr"
    return stage.client.submit(replace(job, output=replace(job.output, path=path)), RunRequest())


def _open_more(panel: TokenFlowPanel) -> None:
    panel.edit.more.set_open(True)


def _open_output(panel: TokenFlowPanel) -> None:
    panel.edit.output.set_open(True)


def _open_keys(panel: TokenFlowPanel) -> None:
    panel.keys.show()


def _show_versions(panel: TokenFlowPanel) -> None:
    panel.columns.show_versions()
    panel.versions.choose(3, 1)


BAD_FRAME = UnreadableFrame(
    "sh010_comp_v012.1023.exr is truncated: scanline 512 of 1080",
    hint="copy the frame again from where it was rendered, then try again",
    frame=1023,
    path="/shows/lake/sh010/plates/sh010_comp_v012.1023.exr",
)
NO_MEMORY = OutOfMemory(
    "the device ran out of memory at 960x506, after every fallback",
    hint="choose a smaller model size under More, or close what else uses the device",
)

STATES: tuple[State, ...] = (
    State("no-service", "No service", _gone),
    State("starting", "The service is starting", _starting, works=0),
    State("wrong-version", "The service speaks another protocol", _wrong_version),
    State("ready", "Ready, nothing picked", _ready),
    State("shot", "A shot is picked", _shot(service.PLATE)),
    State("holes", "A shot with holes", _shot(service.HOLED)),
    State("unknown-colour", "Nothing says the colour space", _shot(service.UNTAGGED)),
    State("invalid", "Invalid fields", _invalid, _open_more),
    State("vocabulary", "A word that the demo checkpoint does not know", _vocabulary),
    State("more", "More is open", _shot(service.PLATE), _open_more),
    State("output", "Output is open", _shot(service.PLATE), _open_output),
    State("trying", "A try is under way", _trying),
    State("tries", "Results of tries", _tries),
    State("rendering", "Rendering, with a preview", _rendering),
    State("done", "Done, plate and edit under a wipe", _done),
    State("difference", "The difference", _difference),
    State("slice", "The x-t slice", _slice, works=1000),
    State("stretch", "A stretch is selected, with its pins", _stretch),
    State("versions", "Two versions compared", _versions, _show_versions),
    State("queue", "A queue of all kinds", _queue),
    State("overwrite", "Asked before frames are replaced", _overwrite),
    State("failed-frame", "Failed: an unreadable frame", _failed(BAD_FRAME)),
    State("failed-memory", "Failed: out of memory", _failed(NO_MEMORY)),
    State("lost", "The service was lost during a job", _lost),
    State("long-names", "Long names everywhere", _long_names),
    State("many-jobs", "Five hundred jobs", _many_jobs),
    State("scripts", "Right-to-left and Chinese, Japanese, Korean text", _scripts),
    State("keys", "Keys and ways of working", _shot(service.PLATE), _open_keys),
)
