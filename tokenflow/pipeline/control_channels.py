"""The channels of a plate that pictures for ControlNets are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocio.errors import UnknownLayer
from ocio.header import FrameHeader, PartHeader

DEPTHS = ("Z", "depth.Z", "depth.z", "Depth.Z", "depth", "z")
"""Names that renderers give to depth, the first one first."""


def check_channels(images: Sequence[str], headers: Mapping[int, FrameHeader], part: int) -> None:
    """Refuse pictures for which the plate lacks the channel.

    Raises
    ------
    UnknownLayer
        Naming the first frame that lacks it, and what it has.
    """
    for image in filter(from_channel, images):
        for number, header in headers.items():
            if find_channel(image, header.parts, part) is None:
                raise lacking(image, header, number)


def from_channel(image: str) -> bool:
    """Whether a picture is drawn from a channel of the plate, and not from what the model sees."""
    return image == "depth" or image.startswith(":")


def find_channel(image: str, parts: Sequence[PartHeader], edited: int) -> tuple[int, str] | None:
    """Find part and name of a picture's channel; the edited part's own comes first."""
    order = sorted(range(len(parts)), key=lambda number: number != edited)
    for name in DEPTHS if image == "depth" else (image[1:],):
        for number in order:
            part = parts[number]
            for wanted in (name, name.removeprefix(f"{part.name}.") if part.name else name):
                if wanted in part.channel_types:
                    return number, wanted
    return None


def lacking(image: str, header: FrameHeader, number: int) -> UnknownLayer:
    """Make the error that names what a frame has instead of a picture's channel."""
    there = ", ".join(name for part in header.parts for name in part.channel_types)
    wanted = "depth: no channel Z or depth.Z" if image == "depth" else f"channel {image[1:]!r}"
    return UnknownLayer(
        f"the plate has no {wanted}; it has {there}",
        hint="Name one of these, or hold the edit by canny or soft-edges, which need none.",
        frame=number,
        path=header.path,
    )
