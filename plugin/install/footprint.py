"""What an installation left on the disk: enough to take all of it away again, and nothing else.

Only files of our own and one marked block in a file of the host's user. A record says what was
made; folders that were there before stay, and so does what somebody else has put into ours.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plugin.install.errors import CannotChange
from tokenflow.errors import NoPermission

BEGIN = b"# >>> tokenflow >>>"
END = b"# <<< tokenflow <<<"


class Footprint:
    """The traces of one installation.

    Parameters
    ----------
    record
        The file that remembers them.
    """

    def __init__(self, record: Path) -> None:
        self._record = record
        self.files: list[str] = []
        self.folders: list[str] = []
        self.made: list[str] = []
        self.blocks: list[str] = []
        self.facts: dict[str, Any] = {}
        self._read()

    @property
    def exists(self) -> bool:
        """Whether something was installed and not taken away since."""
        return self._record.is_file()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was made yet."""
        return not (self.files or self.folders or self.made or self.blocks)

    def write(self, path: Path, text: str) -> None:
        """Write a file of ours."""
        with _changing(path):
            self._make_parents(path)
            path.write_text(text, "utf-8")
        self.files.append(str(path))

    def copy(self, source: Path, target: Path) -> None:
        """Copy a folder; all of the copy is ours, with what a host's Python may put into it."""
        with _changing(target):
            self._make_parents(target)
            shutil.copytree(
                source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        self.folders.append(str(target))

    def add_block(self, path: Path, lines: list[str]) -> None:
        """Add a marked block at the end of a file of the user's; the file may be absent."""
        block = b"\n".join([BEGIN, *(line.encode() for line in lines), END])
        with _changing(path):
            self._make_parents(path)
            before = path.read_bytes() if path.exists() else None
            if before is None:
                self.made.append(str(path))
            # The line break before the block belongs to it, whether or not the text ended in one.
            _replace(path, (before or b"") + b"\n" + block + b"\n")
        self.blocks.append(str(path))

    def save(self, **facts: Any) -> None:
        """Remember it all, with what else is worth knowing."""
        with _changing(self._record):
            self._make_parents(self._record)
            self.facts = facts
            names = ("files", "folders", "made", "blocks", "facts")
            document = {name: getattr(self, name) for name in names}
            self._record.write_text(json.dumps(document, indent=1), "utf-8")

    def remove(self) -> None:
        """Take everything away; what is gone already is no error.

        Folders that were made for it and that another installation lies in too are that one's from
        then on.
        """
        for name in self.blocks:
            self._remove_block(Path(name))
        for name in self.folders:
            with _changing(Path(name)):
                shutil.rmtree(name, ignore_errors=not Path(name).exists())
        for name in [*self.files, str(self._record)]:
            with _changing(Path(name)):
                Path(name).unlink(missing_ok=True)
                _forget_compiled(Path(name))
        for name in sorted(self.made, key=len, reverse=True):
            _remove_if_empty(Path(name))
        left = [name for name in self.made if Path(name).exists()]
        if left:
            self._hand_on(left)
        for each in (self.files, self.folders, self.made, self.blocks):
            each.clear()

    def _hand_on(self, made: list[str]) -> None:
        for record in sorted(self._record.parent.glob("*.json"))[:1]:
            heir = Footprint(record)
            heir.made += [name for name in made if name not in heir.made]
            heir.save(**heir.facts)

    def _remove_block(self, path: Path) -> None:
        with _changing(path):
            if not path.exists():
                return
            text = path.read_bytes()
            start, end = text.find(b"\n" + BEGIN), text.find(END)
            if 0 <= start < end:
                rest = text[end + len(END) :].removeprefix(b"\n")
                _replace(path, text[:start] + rest)

    def _make_parents(self, path: Path) -> None:
        """Make the folders of a file and remember those that were not there."""
        absent = [each for each in path.parents if not each.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        self.made.extend(str(each) for each in absent if str(each) not in self.made)

    def _read(self) -> None:
        if not self.exists:
            return
        try:
            document = json.loads(self._record.read_text("utf-8"))
            for name in ("files", "folders", "made", "blocks"):
                getattr(self, name).extend(document[name])
            self.facts = document["facts"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CannotChange(
                f"the record of what was installed cannot be read: {error}",
                hint="Remove what is left by hand, and this file.",
                path=self._record,
            ) from error


def _replace(path: Path, text: bytes) -> None:
    """Write a file whole or not at all, through a link and with the permissions that it has."""
    target = path.resolve()
    draft = target.with_name(f".{target.name}.tokenflow")
    draft.write_bytes(text)
    if target.exists():
        shutil.copymode(target, draft)
    draft.replace(target)


def _forget_compiled(path: Path) -> None:
    """Remove what Python has made of a module of ours."""
    if path.suffix == ".py":
        folder = path.parent / "__pycache__"
        for each in folder.glob(f"{path.stem}.*.pyc"):
            each.unlink(missing_ok=True)
        _remove_if_empty(folder)


def _remove_if_empty(path: Path) -> None:
    """Remove a folder or file that holds nothing; others may have put something there since."""
    if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
        path.rmdir()
    elif path.is_file() and path.stat().st_size == 0:
        path.unlink()


@contextmanager
def _changing(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise NoPermission("this may not be changed", path=error.filename or path) from error
    except OSError as error:
        raise CannotChange(
            f"this cannot be changed: {error.strerror or error}", path=error.filename or path
        ) from error
