"""Which OCIO config is used, and which colour space a plate is in; nothing is guessed."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import PyOpenColorIO as ocio_library

from ocio.errors import BrokenConfig, DataPlate, UnknownColourSpace
from ocio.header import FrameHeader

PINNED_CONFIG = "ocio://studio-config-v4.0.0_aces-v2.0_ocio-v2.5"
"""Pinned by its full name: the "latest" of a later library is another picture."""

# The second is no subclass of the first.
OCIO_ERRORS = (ocio_library.Exception, ocio_library.ExceptionMissingFile)

ConfigSource = Literal["explicit", "host", "environment", "built-in"]

_log = logging.getLogger(__name__)

# Names that configs without interop identifiers use for the spaces an EXR may state.
_INTEROP_NAMES = {
    "lin_ap1_scene": ("ACEScg", "ACES - ACEScg", "lin_ap1"),
    "lin_ap0_scene": ("ACES2065-1", "ACES - ACES2065-1", "lin_ap0"),
    "lin_rec709_scene": ("Linear Rec.709 (sRGB)", "Utility - Linear - sRGB", "lin_rec709"),
    "lin_rec2020_scene": ("Linear Rec.2020", "Utility - Linear - Rec.2020", "lin_rec2020"),
}


@dataclass(frozen=True)
class HostConfig:
    """The config a host works with: its path, and the SHA-256 of the file as the host saw it."""

    path: str
    sha256: str | None = None


@dataclass(frozen=True)
class ResolvedConfig:
    """The config that is used.

    Attributes
    ----------
    name, cache_id : str
        As OCIO gives them.
    sha256 : str
        Of the file; of the text of a built-in config.
    source : {"explicit", "host", "environment", "built-in"}
        Who named it.
    location : str
        Path or ``ocio://`` name.
    config : PyOpenColorIO.Config
    """

    name: str
    cache_id: str
    sha256: str
    source: ConfigSource
    location: str
    config: Any


def resolve_config(
    explicit: str | Path | None = None,
    host: HostConfig | str | Path | None = None,
    environment: str | None = None,
) -> ResolvedConfig:
    """Load the first config that is named: job, host, ``$OCIO`` of the submitter, pinned.

    Parameters
    ----------
    explicit : path or ``ocio://`` name, optional
        What the artist or the job asked for.
    host : HostConfig or path, optional
        What the host works with.
    environment : str, optional
        ``$OCIO`` of the process that submitted the job. This process's own is never read: a
        service may have been started for another show.

    Raises
    ------
    BrokenConfig
        When the config that was named does not load. The next one is never tried instead.
    """
    if explicit:
        return _load(str(explicit), "explicit")
    if host:
        named = host if isinstance(host, HostConfig) else HostConfig(str(host))
        resolved = _load(named.path, "host")
        if named.sha256 not in (None, resolved.sha256):
            raise BrokenConfig(
                f"OCIO config '{named.path}' differs from the one that the host has loaded",
                hint="reload the config in the host, then submit again",
            )
        return resolved
    if environment:
        return _load(environment, "environment")
    return _load(PINNED_CONFIG, "built-in")


def _load(location: str, source: ConfigSource) -> ResolvedConfig:
    try:
        if location.startswith("ocio://"):
            config = ocio_library.Config.CreateFromBuiltinConfig(location.removeprefix("ocio://"))
            content = config.serialize().encode()
        else:
            content = Path(location).read_bytes()
            config = ocio_library.Config.CreateFromFile(location)
    except (*OCIO_ERRORS, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BrokenConfig(
            f"OCIO config '{location}' ({_ORIGIN[source]}) does not load: {reason}",
            hint="name another config with --ocio, or repair this one",
        ) from error
    return ResolvedConfig(
        name=config.getName() or Path(location).name,
        cache_id=config.getCacheID(),
        sha256=hashlib.sha256(content).hexdigest(),
        source=source,
        location=location,
        config=config,
    )


_ORIGIN: dict[ConfigSource, str] = {
    "explicit": "named by the job, --ocio or $OCIO",
    "host": "used by the host",
    "environment": "named by $OCIO",
    "built-in": "built in",
}


def input_space(
    resolved: ResolvedConfig,
    header: FrameHeader,
    explicit: str | None = None,
    *,
    host: str | None = None,
    part: int = 0,
) -> str:
    """Find the colour space of a plate.

    First hit wins: the artist's choice, the space set on the host's node, the header
    (``acesImageContainerFlag``, ``colorInteropID``), the file rules of the config.

    Returns
    -------
    str
        Name of a colour space in the config.

    Raises
    ------
    UnknownColourSpace
        When nothing says it, or what says it is not in the config.
    DataPlate
        When it is data, not colour.
    """
    stated = _stated_in_file(resolved, header, part)
    for asked in (explicit, host):
        if asked:
            space = _named(resolved, asked)
            if space is None:
                raise UnknownColourSpace(
                    f"colour space '{asked}' is not in OCIO config '{resolved.name}'",
                    hint=_suggest(resolved, asked),
                )
            if stated is not None and stated != space:
                _log.warning("%s says %s; %s is used", header.path.name, stated, space)
            return _colour(resolved, space, header)
    if stated is None:
        stated = _from_file_rules(resolved, header.path)
    if stated is None:
        raise UnknownColourSpace(
            f"nothing says which colour space '{header.path.name}' is in",
            hint="name it, for example --colorspace ACEScg",
            path=header.path,
        )
    return _colour(resolved, stated, header)


def interop_id(resolved: ResolvedConfig, space: str) -> str | None:
    """Return the ``colorInteropID`` to write for a plate without one, None when none is known."""
    found = resolved.config.getColorSpace(space)
    if found is None:
        return None
    identifier = str(found.getInteropID())
    if identifier:
        return identifier
    names = (space, *found.getAliases())
    return next(
        (known for known, spellings in _INTEROP_NAMES.items() if {known, *spellings} & set(names)),
        None,
    )


def _stated_in_file(resolved: ResolvedConfig, header: FrameHeader, part: int) -> str | None:
    attributes = header.parts[part].attributes
    identifier = attributes.get("colorInteropID")
    for flag in ("acesImageContainerFlag", "acesImageContainer"):
        if flag in attributes and attributes[flag].value:
            return _interop(resolved, "lin_ap0_scene", header)
    if identifier is None or identifier.value in ("", "unknown"):
        return None
    return _interop(resolved, str(identifier.value), header)


def _interop(resolved: ResolvedConfig, identifier: str, header: FrameHeader) -> str | None:
    """Find the space that an interop identifier means in this config."""
    if identifier == "data":
        raise _data(header)
    local_config, separator, local_name = identifier.partition(":local:")
    if separator:
        # A name that only means something in the config it was written with.
        return _named(resolved, local_name) if local_config == resolved.name else None
    config = resolved.config
    for space in config.getColorSpaces():
        if space.getInteropID() == identifier:
            return str(space.getName())
    for name in (identifier, *_INTEROP_NAMES.get(identifier, ())):
        if found := _named(resolved, name):
            return found
    _log.warning("colorInteropID %s is not in config %s", identifier, resolved.name)
    return None


def _named(resolved: ResolvedConfig, name: str) -> str | None:
    """Return the proper name of a space, alias or role; None when the config has none."""
    return str(resolved.config.getCanonicalName(name)) or None


def _from_file_rules(resolved: ResolvedConfig, path: Path) -> str | None:
    """Ask the file rules of a config that somebody chose.

    The default rule matches everything and so tells nothing. The built-in config calls every EXR
    ACES2065-1, which nobody who did not choose it has said.
    """
    if resolved.source == "built-in":
        return None
    config = resolved.config
    try:
        if config.filepathOnlyMatchesDefaultRule(str(path)):
            return None
        name, _ = config.getColorSpaceFromFilepath(str(path))
    except OCIO_ERRORS as error:
        raise BrokenConfig(f"the file rules of '{resolved.name}' fail: {error}") from error
    _log.warning("%s says nothing; a file rule of %s says %s", path.name, resolved.name, name)
    return _named(resolved, name)


def _colour(resolved: ResolvedConfig, space: str, header: FrameHeader) -> str:
    if resolved.config.getColorSpace(space).isData():
        raise _data(header)
    return space


def _data(header: FrameHeader) -> DataPlate:
    return DataPlate(
        f"'{header.path.name}' holds data, not colour",
        hint="choose a layer that is a picture, or name its --colorspace",
        path=header.path,
    )


def _suggest(resolved: ResolvedConfig, asked: str) -> str:
    """Name spaces that look alike, else the scene-linear ones."""
    spaces = list(resolved.config.getColorSpaces())
    words = asked.lower()
    alike = [s.getName() for s in spaces if words in s.getName().lower()]
    linear = [s.getName() for s in spaces if s.getEncoding() == "scene-linear"]
    return "there are for example: " + ", ".join((alike or linear)[:5])
