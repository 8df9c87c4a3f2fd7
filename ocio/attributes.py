"""Which header attributes an edited frame keeps, drops and rewrites."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ocio.header import Attribute

SOFTWARE = "tokenflow"
CONSTANT_DATE_TIME = "1970:01:01 00:00:00"
"""For a source without ``DateTime``. Without one the library would put the current time, and two
equal runs would give different files."""

PROVENANCE_PREFIX = "tokenflow/"
JOB_HASH = PROVENANCE_PREFIX + "job_hash"
SOURCE_NODE_HASH = PROVENANCE_PREFIX + "source_node_hash"

_NODE_HASH = "nuke/node_hash"

# `lineOrder` copied blindly can corrupt a file, the chunk count and level mode belong to the file
# they stood in, and what starts with `oiio:` are notes of the library, not of the file. The rest
# are statements about the old pixels.
_DROPPED = re.compile(
    r"openexr:(lineOrder|chunkCount|levelmode|roundingmode|dwaCompressionLevel|version)"
    r"|oiio:.*|thumbnail_.*|preview"
    r"|(.*[/:])?(c2pa|amf|mhl|st2086|smpte2086)([/:._-].*)?"
    r"|.*mastering_?display.*|.*max(cll|fall)",
    re.IGNORECASE,
)
_REWRITTEN = re.compile(r"DateTime|software|" + re.escape(PROVENANCE_PREFIX) + ".*", re.IGNORECASE)


def carried_over(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    """Return the attributes of a source part that stay as they are."""
    return {
        name: attribute
        for name, attribute in attributes.items()
        if not _DROPPED.fullmatch(name) and not _REWRITTEN.fullmatch(name) and name != _NODE_HASH
    }


def output_attributes(
    source: Mapping[str, Attribute], extra: Mapping[str, Any] | None = None
) -> dict[str, Attribute]:
    """Return all attributes of an output part.

    Parameters
    ----------
    source : mapping
        Attributes of the part that was read.
    extra : mapping, optional
        What to add, mainly provenance: `Attribute`, str, int or float. An integer beyond 32 bits
        becomes a string, since a header has no wider type.
    """
    result = carried_over(source)
    result["DateTime"] = source.get("DateTime", Attribute("string", CONSTANT_DATE_TIME))
    result["software"] = Attribute("string", SOFTWARE)
    if _NODE_HASH in source:
        result[SOURCE_NODE_HASH] = source[_NODE_HASH]
    for name, value in (extra or {}).items():
        result[name] = _typed(value)
    return result


def _typed(value: Any) -> Attribute:
    if isinstance(value, Attribute):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"an attribute must be text or a number, not {value!r}")
    if isinstance(value, int):
        fits = -(2**31) <= value < 2**31
        return Attribute("int", value) if fits else Attribute("string", str(value))
    return Attribute("float", value) if isinstance(value, float) else Attribute("string", value)
