from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokenflow.errors import SettingsUnusable
from tokenflow.service import log
from tokenflow.service.log import write_log


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    """Give the handlers of whoever runs the tests back."""
    root = logging.getLogger()
    before, level = root.handlers, root.level
    yield
    for handler in root.handlers:
        if handler not in before:
            handler.close()
    root.handlers = before
    root.setLevel(level)


def test_what_libraries_say_is_in_the_file(tmp_path: Path) -> None:
    write_log(tmp_path / "log/service.log")
    logging.getLogger("a.library").info("started")
    assert "started" in (tmp_path / "log/service.log").read_text()


def test_the_file_rotates_and_few_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "LARGEST", 1000)
    logger = write_log(tmp_path / "service.log")
    for number in range(200):
        logger.info("line %d of a long story", number)
    files = list(tmp_path.iterdir())
    assert len(files) == 1 + log.KEPT
    assert all(file.stat().st_size <= 1000 for file in files)
    assert "line 199" in (tmp_path / "service.log").read_text()


def test_warnings_are_seen_on_the_terminal_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = write_log(tmp_path / "service.log")
    logger.info("quiet")
    logger.warning("loud")
    assert capsys.readouterr().err == "tokenflow: loud\n"


def test_a_log_that_cannot_be_written_is_an_error_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsUnusable, match=r"log cannot be written.*service\.log"):
        write_log(tmp_path / "file/service.log")
