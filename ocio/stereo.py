"""Stereo: which eyes a file holds, and in which channels.

Two ways exist. A part tells its view in the attribute ``view``. Or one part holds all views and
names them in ``multiView``: the first one has the channels without a prefix, and of the others each
channel is called ``LAYER.VIEW.CHANNEL`` (OpenEXR, "Storing Multi-View Images").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocio.header import FrameHeader, PartHeader

if TYPE_CHECKING:
    from ocio.selection import ChannelSelection


def views_of(part: PartHeader) -> tuple[str, ...]:
    """Name the views that a part holds; none where it says nothing of views."""
    if (several := part.attributes.get("multiView")) is not None:
        return tuple(str(name) for name in several.value)
    if (one := part.attributes.get("view")) is not None:
        return (str(one.value),)
    return ()


def layer_of_view(part: PartHeader, layer: str | None, view: str) -> str | None:
    """Return what a layer is called in a part for one of the views that the part holds."""
    if "multiView" not in part.attributes or view == views_of(part)[0]:
        return layer
    return f"{layer}.{view}" if layer else view


def unedited_views(header: FrameHeader, selection: ChannelSelection) -> tuple[str, ...]:
    """Name the views of a file that are not the one edited."""
    edited = header.parts[selection.part]
    if "multiView" in edited.attributes:
        names = views_of(edited)
        prefix = selection.rgb[0].rpartition(".")[0].rpartition(".")[2]
        own = prefix if prefix in names else names[0]
        return tuple(name for name in names if name != own)
    others = {view for part in header.parts for view in views_of(part)}
    return tuple(sorted(others - set(views_of(edited))))
