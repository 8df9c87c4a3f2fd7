"""What a failed write is called."""

from __future__ import annotations

import errno

import pytest

from ocio.errors import DiskFull, NoPermission, OcioError, WriteFailed
from ocio.storage import failure_of, no_space


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EFBIG, DiskFull),
        (errno.EACCES, NoPermission),
        (errno.EPERM, NoPermission),
        (errno.EROFS, NoPermission),
        (errno.EIO, WriteFailed),
        (errno.ENOTDIR, WriteFailed),
    ],
)
def test_a_failed_write_is_named_after_what_the_system_says(
    number: int, kind: type[OcioError]
) -> None:
    error = OSError(number, "said by the system")
    assert failure_of(error) is kind
    assert no_space(error) is (kind is DiskFull)
