"""The log of the service: one file that rotates; every error of a lost service names it."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from tokenflow.errors import SettingsUnusable

LINE = "%(asctime)s %(levelname)-7s %(process)d %(name)s: %(message)s"

LARGEST = 4 * 2**20  # bytes
KEPT = 4  # earlier files


def write_log(path: Path) -> logging.Logger:
    """Send what the service and its libraries say to a file; warnings also to standard error.

    Parameters
    ----------
    path
        Its folder is made. Earlier files are ``path.1`` to ``path.4``.

    Returns
    -------
    logging.Logger
        The service's own.

    Raises
    ------
    SettingsUnusable
        If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = RotatingFileHandler(path, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8")
    except OSError as error:
        raise SettingsUnusable(
            f"the log cannot be written: {error.strerror or error}",
            hint="Free some space, or move the user's folders with TOKENFLOW_HOME.",
            path=path,
        ) from error
    file.setFormatter(logging.Formatter(LINE))
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.WARNING)
    terminal.setFormatter(logging.Formatter("tokenflow: %(message)s"))
    root = logging.getLogger()
    root.handlers = [file, terminal]
    root.setLevel(logging.INFO)
    return logging.getLogger("tokenflow.service")
