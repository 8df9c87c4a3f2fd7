"""Which channels of a file are edited: those of a layer, a part, a stereo view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ocio.errors import FramesDiffer, UnknownLayer, UnsupportedSamples
from ocio.header import FrameHeader, PartHeader, rgb_names
from ocio.stereo import layer_of_view, views_of

Choice: TypeAlias = tuple[str | None, str | int | None, str | None]
"""Layer, part and stereo view, as `select_channels` takes them."""

FIRST: Choice = (None, None, None)


@dataclass(frozen=True)
class ChannelSelection:
    """The channels that are edited: index of the part, names of R, G, B, and of A if there is."""

    part: int
    rgb: tuple[str, str, str]
    alpha: str | None


def select_channels(
    header: FrameHeader,
    layer: str | None = None,
    part: str | int | None = None,
    view: str | None = None,
) -> ChannelSelection:
    """Find the red, green and blue channels of a layer.

    Without ``part`` and ``layer`` these are the R, G and B of the first part, or its only layer
    when it has just one. With a layer alone, the first part that has it. With a stereo view, the
    same among what the file holds of that eye.

    Raises
    ------
    UnknownLayer
        Naming what there is instead.
    UnsupportedSamples
        When the channels hold integers.
    """
    for index, name in _candidates(header, layer, part, view):
        candidate = header.parts[index]
        if name is None:
            name = candidate.layers[0] if len(candidate.layers) == 1 else ""
        names = rgb_names(candidate, name)
        if names is None:
            continue
        if any(candidate.channel_types[channel] == "uint32" for channel in names[:3]):
            raise UnsupportedSamples(
                f"layer '{name}' holds integers, not light", hint="edit another layer"
            )
        alpha = names[3] if names[3] in candidate.channel_types else None
        return ChannelSelection(index, names[:3], alpha)
    raise UnknownLayer(
        f"no red, green and blue channels for {_asked(layer, part, view)}",
        hint="there are: " + "; ".join(_describe(one) for one in header.parts),
        path=header.path,
    )


def same_channels(
    headers: Mapping[int, FrameHeader],
    layer: str | None = None,
    part: str | int | None = None,
    view: str | None = None,
) -> ChannelSelection:
    """Find the channels to edit in all frames of a shot, by frame number; see `select_channels`.

    Raises
    ------
    FramesDiffer
        When a frame has others than those before it.
    UnknownLayer, UnsupportedSamples
    """
    chosen: ChannelSelection | None = None
    for number, header in headers.items():
        selection = select_channels(header, layer, part, view)
        if chosen is not None and (selection.part, selection.rgb) != (chosen.part, chosen.rgb):
            raise FramesDiffer(
                f"frame {number} has the channels {', '.join(selection.rgb)} to edit, earlier "
                f"frames {', '.join(chosen.rgb)}",
                hint="name the layer that all frames have",
                frame=number,
                path=header.path,
            )
        chosen = chosen or selection
    if chosen is None:
        raise ValueError("a shot has at least one frame")
    return chosen


def _candidates(
    header: FrameHeader, layer: str | None, part: str | int | None, view: str | None
) -> list[tuple[int, str | None]]:
    """Give the parts to look at, with the name that the layer has in each."""
    numbered = [
        (index, one)
        for index, one in enumerate(header.parts)
        if part is None or part in (index, one.name) or part == str(index)
    ]
    if view is not None:
        found = [
            (index, layer_of_view(one, layer, view))
            for index, one in numbered
            if view in views_of(one)
        ]
    else:
        found = [(index, layer) for index, _ in numbered]
    # A part is named or, of those that have no name of their own, the first one is meant.
    return found if layer is not None and part is None else found[:1]


def _asked(layer: str | None, part: str | int | None, view: str | None) -> str:
    words = [f"part '{part}'"] if part is not None else []
    words += [f"layer '{layer}'"] if layer is not None else []
    words += [f"the stereo view '{view}'"] if view is not None else []
    return " ".join(words) or "the first part"


def _describe(part: PartHeader) -> str:
    layers = ", ".join(layer or "R,G,B" for layer in part.layers) or "no colour layer"
    views = f" of the view {', '.join(views_of(part))}" if views_of(part) else ""
    return f"part '{part.name}' with {layers}{views}"
