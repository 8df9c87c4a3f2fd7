"""What a file system's refusal means to whoever wanted to write."""

from __future__ import annotations

import errno

from ocio.errors import DiskFull, NoPermission, OcioError, WriteFailed

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def no_space(error: OSError) -> bool:
    """Tell whether a write failed for lack of space: a full disk, a quota, a file too big."""
    return error.errno in _NO_SPACE


def failure_of(error: OSError) -> type[OcioError]:
    """Return what a failed write is: `DiskFull`, `NoPermission` or `WriteFailed`."""
    if no_space(error):
        return DiskFull
    return NoPermission if error.errno in _NOT_ALLOWED else WriteFailed
