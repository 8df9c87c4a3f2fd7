"""Downloads from a hub, against a small server that speaks the hub's protocol on the loopback."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Serves the files of one folder as the repository ``someone/tiny``."""

    def __init__(self, folder: Path, *args: object) -> None:
        self.folder = folder
        super().__init__(*args)  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.wfile.write(self.answer())

    def answer(self) -> bytes:
        path = self.path.split("?")[0]
        names = sorted(
            each.relative_to(self.folder).as_posix()
            for each in self.folder.rglob("*")
            if each.is_file()
        )
        if path.startswith("/api/models/someone/tiny/tree/"):
            listing = [self.entry(name) for name in names]
            return self.send(json.dumps(listing).encode())
        if path.startswith("/api/models/someone/tiny"):
            siblings = [{"rfilename": name} for name in names]
            found = {"id": "someone/tiny", "sha": COMMIT, "siblings": siblings}
            return self.send(json.dumps(found).encode())
        name = path.removeprefix(f"/someone/tiny/resolve/{COMMIT}/")
        if name in names:
            return self.send((self.folder / name).read_bytes())
        self.send_error(404)
        return b""

    def entry(self, name: str) -> dict[str, object]:
        data = (self.folder / name).read_bytes()
        oid = hashlib.sha1(data).hexdigest()
        return {"type": "file", "path": name, "oid": oid, "size": len(data)}

    def send(self, data: bytes) -> bytes:
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        return data

    def log_message(self, *args: object) -> None:
        """Say nothing on the test's error stream."""


@pytest.fixture
def hub(folder: Path) -> Iterator[str]:
    """Address of a hub that holds the tiny checkpoint, and a pickle that nobody wants."""
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04.")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, folder))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(tmp_path: Path, repository: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that resolves ``someone/tiny`` in a process of its own.

    The hub's address is read when the hub's library is imported.
    """
    cache = tmp_path / "hub"

    def resolve(*, fetch: bool, **environment: str) -> subprocess.CompletedProcess[str]:
        code = (
            "from pathlib import Path\n"
            "from tokenflow.checkpoints.source import resolve\n"
            f"found = resolve('someone/tiny', fetch={fetch}, cache=Path({str(cache)!r}))\n"
            "print(sorted(each.suffix for each in (found.path / 'unet').iterdir()))\n"
        )
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=repository,
            env=os.environ | {"HOME": str(tmp_path)} | environment,
            capture_output=True,
            text=True,
        )

    return resolve


def test_a_hub_id_is_downloaded_once_and_then_found_without_a_network(
    hub: str, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    downloaded = run(fetch=True, HF_HUB_OFFLINE="0", HF_ENDPOINT=hub)
    assert downloaded.stdout == "['.json', '.safetensors']\n", downloaded.stderr
    assert run(fetch=False, HF_HUB_OFFLINE="1").stdout == downloaded.stdout


def test_a_download_that_was_cut_short_is_taken_up_again(
    hub: str, run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    assert run(fetch=True, HF_HUB_OFFLINE="0", HF_ENDPOINT=hub).returncode == 0
    (weights,) = tmp_path.glob("hub/**/unet/*.safetensors")
    weights.unlink()
    assert "not whole" in run(fetch=False, HF_HUB_OFFLINE="1").stderr
    assert run(fetch=True, HF_HUB_OFFLINE="0", HF_ENDPOINT=hub).returncode == 0
    assert weights.exists()
