"""How long tests wait: generous enough for a busy machine, since none is there to measure it."""

from __future__ import annotations

import os

SOON = float(os.environ.get("TOKENFLOW_SOON", "8"))
"""Seconds within which a request to stop is obeyed. On a quiet machine the tests hold with 2."""
