"""A page in a real browser: Chromium without a window, asked by a script that the page carries.

The script runs after the page's own, does what a person would, and writes what it saw into the
title; Chromium prints the page as it is then.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

LONG = 120  # seconds after which a test gives up

_ERRORS = """<script>
window.problems = [];
window.addEventListener("error", (event) => window.problems.push(String(event.message)));
console.error = (...all) => window.problems.push(all.join(" "));
</script>"""


def chromium() -> str:
    """Return the browser, or skip the test."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no Chromium on this machine")


def ask(page: Path, script: str, tmp_path: Path) -> dict[str, Any]:
    """Run a script in a copy of a page; return what it returned, and `problems` beside it."""
    copy = tmp_path / "asked.html"
    asked = (
        "<script>(async () => { let seen; try { seen = await (async () => {"
        + script
        + "})(); } catch (error) { seen = {thrown: String(error)}; }"
        "document.title = JSON.stringify({...seen, problems: window.problems}); })();</script>"
    )
    text = page.read_text(encoding="utf-8").replace("<head>", "<head>" + _ERRORS, 1)
    copy.write_text(text.replace("</body>", asked + "</body>"), encoding="utf-8")
    printed = _run(copy, tmp_path, "--dump-dom", "--virtual-time-budget=4000")
    title = re.search(r"<title>(.*?)</title>", printed, re.DOTALL)
    assert title, printed[-2000:]
    seen: dict[str, Any] = json.loads(html.unescape(title[1]))
    return seen


def screenshot(page: Path, target: Path, width: int, height: int, tmp_path: Path) -> Path:
    """Draw a page as a picture."""
    _run(page, tmp_path, f"--window-size={width},{height}", f"--screenshot={target}")
    return target


def _run(page: Path, tmp_path: Path, *options: str) -> str:
    command = [
        chromium(),
        *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
        # No network: what the page would fetch is an error that the test sees.
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path / 'browser'}",
        *options,
        page.as_uri(),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=True)
    return ran.stdout
