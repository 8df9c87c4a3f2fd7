"""What a host's Python gets to import of us, and what it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = (
    "import importlib.util, sys\n"
    "spec = importlib.util.spec_from_file_location('p', {file!r})\n"
    "p = importlib.util.module_from_spec(spec); spec.loader.exec_module(p)\n"
)


@pytest.fixture
def host(repository: Path, tmp_path: Path) -> object:
    """Return a function that runs a program in a bare Python, as a host's is to us."""

    def run(program: str, *folders: Path) -> subprocess.CompletedProcess[str]:
        head = HEAD.format(file=str(repository / "plugin" / "packages.py"))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TOKENFLOW")}
        environment["PYTHONPATH"] = os.pathsep.join(map(str, folders))
        return subprocess.run(
            [sys.executable, "-S", "-P", "-c", head + program],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=environment,
        )

    return run


def site_packages() -> Path:
    """Return the folder of the libraries that the service has."""
    import numpy

    return Path(numpy.__file__).parents[1]


def test_our_packages_come_and_the_libraries_beside_them_do_not(
    host: object, repository: Path, tmp_path: Path
) -> None:
    # As after `pip install`: ours and numpy in one folder.
    together = tmp_path / "site-packages"
    together.mkdir()
    for name in ("ocio", "plugin", "tokenflow", "ui"):
        (together / name).symlink_to(repository / name)
    (together / "numpy").symlink_to(site_packages() / "numpy")
    ran = host(  # type: ignore[operator]
        f"p.offer({str(together)!r})\n"
        "import ui.host, plugin.launcher\n"
        "print(importlib.util.find_spec('numpy'), [each for each in sys.path if 'site' in each])"
    )
    assert ran.stdout == "None []\n", ran.stderr


def test_qt_comes_from_our_folder_only_where_the_host_has_none(
    host: object, repository: Path, tmp_path: Path
) -> None:
    program = (
        f"p.offer({str(repository)!r}, {str(site_packages())!r})\n"
        "print(importlib.util.find_spec('PySide6').origin)"
    )
    ours = host(program).stdout.strip()  # type: ignore[operator]
    assert ours == str(site_packages() / "PySide6/__init__.py")
    (tmp_path / "theirs/PySide6").mkdir(parents=True)
    (tmp_path / "theirs/PySide6/__init__.py").touch()
    theirs = host(program, tmp_path / "theirs").stdout.strip()  # type: ignore[operator]
    assert theirs == str(tmp_path / "theirs/PySide6/__init__.py")


def test_another_add_on_with_a_package_of_our_name_keeps_it_and_we_say_so(
    host: object, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "other/ui").mkdir(parents=True)
    (tmp_path / "other/ui/__init__.py").write_text("THEIRS = True\n")
    program = (
        "try:\n"
        f"    p.offer({str(repository)!r})\n"
        "except p.CannotLoad as error:\n"
        "    print(error)\n"
        "import ui; print(ui.THEIRS)"
    )
    ran = host(program, tmp_path / "other")  # type: ignore[operator]
    assert f"brings a package named 'ui' ({tmp_path}/other/ui)" in ran.stdout
    assert ran.stdout.endswith("True\n")


def test_offering_twice_leaves_one_finder_and_withdrawing_none(
    host: object, repository: Path
) -> None:
    ran = host(  # type: ignore[operator]
        "before = len(sys.meta_path)\n"
        f"p.offer({str(repository)!r}); p.offer({str(repository)!r})\n"
        "print(len(sys.meta_path) - before)\n"
        "p.withdraw(); print(len(sys.meta_path) - before)"
    )
    assert ran.stdout.split() == ["1", "0"], ran.stderr


def test_a_python_that_is_too_old_is_told(host: object, repository: Path) -> None:
    ran = host(  # type: ignore[operator]
        "p.OLDEST_PYTHON = (9, 9)\n"
        f"try:\n    p.offer({str(repository)!r})\nexcept p.CannotLoad as error:\n    print(error)"
    )
    assert "TokenFlow needs 9.9 or newer" in ran.stdout


def test_the_services_interpreter_is_named_unless_a_studio_did(
    host: object, repository: Path
) -> None:
    program = f"import os; p.offer({str(repository)!r}, None, '/ours/python')\n"
    show = "print(os.environ['TOKENFLOW_PYTHON'])"
    assert host(program + show).stdout == "/ours/python\n"  # type: ignore[operator]
    studio = "import os; os.environ['TOKENFLOW_PYTHON'] = '/studio/python'\n"
    assert host(studio + program + show).stdout == "/studio/python\n"  # type: ignore[operator]
