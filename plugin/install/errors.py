"""What can go wrong when the panel is put into a host."""

from __future__ import annotations

from tokenflow.errors import TokenFlowError


class UnknownHost(TokenFlowError):
    """There is no adapter for a host of that name."""

    exit_code = 2


class HostNotFound(TokenFlowError):
    """The host is not on this machine, or not where it was said to be."""

    exit_code = 78


class HostTooOld(TokenFlowError):
    """The host lacks what the panel needs."""

    exit_code = 78


class PartMissing(TokenFlowError):
    """What the host does not bring is not installed here either."""

    exit_code = 78


class CannotChange(TokenFlowError):
    """A file of the installation cannot be written or removed."""

    exit_code = 73
