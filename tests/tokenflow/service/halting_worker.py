"""The worker, which waits where a test wants it to: behind an event that it has told of.

So what a test does at that event happens there, however quick the rest of the job would be.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenflow.service.worker import Worker

MODULE = "tests.tokenflow.service.halting_worker"

HALT = "TOKENFLOW_TEST_HALT"
"""Variable that names a file: the fields of the event, there for as long as it is to wait."""


class HaltingWorker(Worker):
    """Waits behind the event until the file is gone or the job is cancelled."""

    def __init__(self, device: str, halt: Path) -> None:
        super().__init__(device)
        self._halt, self._tell = halt, self.parent.say
        self.parent.say = self._say  # type: ignore[method-assign]

    def _say(self, message: Mapping[str, Any]) -> None:
        self._tell(message)
        if "event" in message and self._is_it(message["event"]):
            while self._halt.exists() and not self.unwanted:
                time.sleep(0.002)

    def _is_it(self, event: Mapping[str, Any]) -> bool:
        try:
            wanted: dict[str, Any] = json.loads(self._halt.read_text())
        except FileNotFoundError:
            return False
        return wanted.items() <= event.items()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--device")
    HaltingWorker(parser.parse_args().device, Path(os.environ[HALT])).serve()
