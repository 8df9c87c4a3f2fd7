"""Takes the pictures of the documentation: `python -m tests.plugin.for_real.picture docs/images`.

The bundled checkpoint edits eight frames of the demo's shot inside Blender: a few minutes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.plugin.for_real.blender_play import Home, play_in_blender, render_plate
from tokenflow.cli.demo import PROMPT
from tokenflow.demo.example import local_edit
from tokenflow.demo.shot import SCENE

SIZE = (480, 270)
FRAMES = 8
EDIT = local_edit(SCENE.caption, PROMPT)
FIELDS = (
    "prompt",
    "source_prompt",
    "negative_prompt",
    "guidance",
    "qk_threshold",
    "conv_threshold",
    "steps",
    "inversion_steps",
)
MENU = (0, 0, 560, 300)  # pixels of the screen
COLOURS = 256


def main(out: Path) -> None:
    """Play the edit in Blender and keep the pictures of the screen in a folder."""
    with tempfile.TemporaryDirectory(prefix="tokenflow-") as folder:
        home = Home(Path(folder) / "home")
        home.tokenflow("hosts", "install", "blender")
        first = render_plate(home.folder / "shots/plate", FRAMES, *SIZE)
        play = {
            "project": str(home.folder / "shots/comp.blend"),
            "first_file": first,
            "frames": [FRAMES, 1000, 1],
            "edit": {name: getattr(EDIT, name) for name in FIELDS},
        }
        pictures = {"edit": out / "blender.png", "menu": out / "blender-menu.png"}
        seen = play_in_blender(home, Path(folder) / "play", play, pictures)
    if "error" in seen:
        raise SystemExit(seen["error"])
    with Image.open(pictures["menu"]) as screen:
        screen.crop(MENU).save(pictures["menu"])
    for path in pictures.values():
        with Image.open(path) as picture:
            picture.quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
