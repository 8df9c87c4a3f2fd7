"""Where a picture comes from: what the viewer shows, what a cache keeps it under."""

from __future__ import annotations

from dataclasses import dataclass

from ocio.frame_range import FrameRange
from tokenflow.client import AS_FOUND, Client, PictureFormat, Reading, What

WIDTHS = (320, 640, 960, 1920)
"""Pictures are asked for at these widths, so that a resized panel finds most of them again."""


@dataclass(frozen=True)
class Source:
    """A run of pictures that the service can show: equal sources give equal pictures.

    Attributes
    ----------
    path
        The sequence, for a plate or a version on disk; empty for a job's frames.
    job_id
        The job whose frames are shown; empty for a sequence.
    what
        What of the job.
    reading
        Config and colour space that a sequence is read by; a job says its own.
    view
        ``DISPLAY/VIEW``; None is the default.
    frames
        What there is to show; None where nobody knows.
    name
        For the read-out: ``plate``, ``v003``, ``edit``.
    revision
        Grows when the frames behind it have changed, so that a cache asks again.
    """

    path: str = ""
    job_id: str = ""
    what: What = "plate"
    reading: Reading = AS_FOUND
    view: str | None = None
    frames: FrameRange | None = None
    name: str = ""
    revision: int = 0

    def fetch(
        self, client: Client, frame: int, width: int | None, picture: PictureFormat = "jpg"
    ) -> bytes:
        """Ask the service for one picture; blocks, so call it in the background.

        Raises
        ------
        OcioError, TokenFlowError
        """
        if self.job_id:
            return client.frame(self.job_id, frame, self.what, width=width, picture=picture)
        return client.plate_frame(
            self.path, frame, self.reading, view=self.view, width=width, picture=picture
        )


def width_for(pixels: int) -> int:
    """Return the width to ask for so that `pixels` are covered: the next of `WIDTHS`."""
    return next((width for width in WIDTHS if width >= pixels), WIDTHS[-1])
