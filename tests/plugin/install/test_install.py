"""Putting the panel into hosts and out of them again, in a copy of a home folder."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from plugin.install.__main__ import main
from plugin.install.generate import LOADED

Tree = dict[str, tuple[str, bytes, int]]

FOREIGN_INIT = b"# a line of the studio's\r\nprint('studio')  # no line break at the end"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that others have used, with programs that say they are hosts."""
    home = tmp_path / "Größe mit Raum"
    for name, text in {
        ".nuke/init.py": FOREIGN_INIT,
        ".nuke/menu.py": b"import nuke\n",
        ".config/blender/3.4/config/userpref.blend": b"BLENDER",
        ".config/blender/3.4/scripts/addons/other.py": b"bl_info = {}\n",
        ".config/blender/5.0/extensions/user_default/other/blender_manifest.toml": b"\n",
    }.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    for name in ("TOKENFLOW_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "BLENDER_USER_SCRIPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return home


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that makes a program which answers as a host does."""

    def make(name: str, answer: str) -> Path:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{answer}'\n")
        path.chmod(0o755)
        return path

    return make


def tree(folder: Path) -> Tree:
    """Return everything below a folder: kind, content and permissions."""

    def describe(path: Path) -> tuple[str, bytes, int]:
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink():
            return "link", os.fsencode(path.readlink()), 0
        return ("folder", b"", mode) if path.is_dir() else ("file", path.read_bytes(), mode)

    return {str(path.relative_to(folder)): describe(path) for path in folder.rglob("*")}


HOSTS = [
    ("blender", "blender", "Blender 3.4.1"),
    ("blender", "blender", "Blender 4.2.0"),
    ("blender", "blender", "Blender 5.0.1"),
    ("nuke", "Nuke", ""),
]


@pytest.mark.parametrize(("host", "name", "answer"), HOSTS)
def test_uninstalling_leaves_the_home_as_it_was(
    home: Path, program: Callable[[str, str], Path], host: str, name: str, answer: str
) -> None:
    program(name, answer)
    before = tree(home)
    assert main(["install", host]) == 0
    assert tree(home) != before
    assert main(["uninstall", host]) == 0
    assert tree(home) == before


@pytest.mark.parametrize(("host", "name", "answer"), HOSTS)
def test_installing_twice_is_installing_once(
    home: Path, program: Callable[[str, str], Path], host: str, name: str, answer: str
) -> None:
    program(name, answer)
    before = tree(home)
    main(["install", host])
    once = tree(home)
    assert main(["install", host]) == 0
    assert tree(home) == once
    main(["uninstall", host])
    assert tree(home) == before


@pytest.mark.parametrize(("host", "name", "answer"), HOSTS)
def test_what_others_have_is_left_alone(
    home: Path, program: Callable[[str, str], Path], host: str, name: str, answer: str
) -> None:
    program(name, answer)
    before = tree(home)
    main(["install", host])
    after = tree(home)
    changed = [each for each in before if after.get(each) != before[each]]
    assert changed == ([".nuke/init.py"] if host == "nuke" else [])
    assert (home / ".nuke/init.py").read_bytes().startswith(FOREIGN_INIT)


@pytest.mark.parametrize(
    "beginning",
    ["#!{python}\n", "#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n"],
    ids=["first line", "by a shell"],
)
def test_the_python_of_napari_is_the_one_that_its_program_names(
    home: Path, program: Callable[[str, str], Path], beginning: str
) -> None:
    packages = home / "environment/packages"
    packages.mkdir(parents=True)
    python = program("python of napari", f"napari 0.9.2\nfolder {packages}")
    napari = home / "environment/napari"
    napari.write_text(beginning.format(python=python))
    napari.chmod(0o755)
    before = tree(home)
    assert main(["install", "napari", "--program", str(napari)]) == 0
    (named,) = packages.iterdir()
    plugin = Path(named.read_text().strip())
    assert {each.name for each in plugin.iterdir()} == {
        "place.json",
        "tokenflow_napari",
        "tokenflow_napari.dist-info",
    }
    assert main(["uninstall", "napari"]) == 0
    assert tree(home) == before


@pytest.mark.parametrize("order", [("blender", "nuke"), ("nuke", "blender")])
def test_hosts_are_left_in_any_order_and_the_last_one_leaves_no_trace(
    home: Path, program: Callable[[str, str], Path], order: tuple[str, str]
) -> None:
    program("blender", "Blender 4.2.0")
    before = tree(home)
    main(["install", "blender"])
    main(["install", "nuke"])
    for host in order:
        main(["uninstall", host])
    assert tree(home) == before


def test_two_versions_of_a_host_have_it_side_by_side(
    home: Path, program: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(home)
    for version in ("4.2.0", "5.0.1"):
        main(["install", "blender", "--program", str(program("blender", f"Blender {version}"))])
    addons = [
        home / ".config/blender" / version / "extensions/user_default/tokenflow_panel/__init__.py"
        for version in ("4.2", "5.0")
    ]
    assert [each.is_file() for each in addons] == [True, True]
    capsys.readouterr()
    assert main(["uninstall", "blender"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [f"The panel is out of Blender {each} again." for each in ("4.2.0", "5.0.1")]
    assert tree(home) == before


@pytest.mark.parametrize(
    ("version", "folder"),
    [
        ("3.4.1", ".config/blender/3.4/scripts/addons/tokenflow_panel"),
        ("4.1.1", ".config/blender/4.1/scripts/addons/tokenflow_panel"),
        ("4.2.0", ".config/blender/4.2/extensions/user_default/tokenflow_panel"),
        ("5.0.1", ".config/blender/5.0/extensions/user_default/tokenflow_panel"),
    ],
)
def test_blender_gets_an_extension_from_4_2_on_and_an_addon_before(
    home: Path, program: Callable[[str, str], Path], version: str, folder: str
) -> None:
    program("blender", f"Blender {version}")
    main(["install", "blender"])
    assert (home / folder / "__init__.py").is_file()
    place = json.loads((home / folder / "place.json").read_text())
    assert Path(place["root"], "plugin/packages.py").is_file()
    assert Path(place["qt"], "PySide6").is_dir()
    assert place["python"] == sys.executable
    start = home / f".config/blender/{version[:3]}/scripts/startup/tokenflow_start.py"
    assert start.read_text() == (LOADED / "blender_start/tokenflow_start.py").read_text()


def test_what_a_host_compiles_and_a_user_adds_meanwhile_is_told_apart(
    home: Path, program: Callable[[str, str], Path]
) -> None:
    program("blender", "Blender 5.1.0")
    before = tree(home)
    main(["install", "blender"])
    version = home / ".config/blender/5.1"
    addon = version / "extensions/user_default/tokenflow_panel/__pycache__"
    addon.mkdir()
    (addon / "__init__.cpython-313.pyc").write_bytes(b"compiled")
    compiled = version / "scripts/startup/__pycache__"
    compiled.mkdir()
    (compiled / "tokenflow_start.cpython-313.pyc").write_bytes(b"compiled")
    (version / "config").mkdir()
    (version / "config/userpref.blend").write_bytes(b"the user's")
    main(["uninstall", "blender"])
    left = sorted(set(tree(home)) - set(before))
    assert [each for each in left if "." in Path(each).name[1:]] == [
        ".config/blender/5.1",
        ".config/blender/5.1/config/userpref.blend",
    ]
    assert len(left) == 3


def test_lines_that_the_user_adds_around_the_block_stay(home: Path) -> None:
    init = home / ".nuke/init.py"
    main(["install", "nuke"])
    init.write_bytes(b"first()\n" + init.read_bytes() + b"last()\n")
    main(["uninstall", "nuke"])
    assert init.read_bytes() == b"first()\n" + FOREIGN_INIT + b"last()\n"


def test_a_linked_init_stays_a_link_and_keeps_its_permissions(home: Path, tmp_path: Path) -> None:
    dotfiles = tmp_path / "dotfiles.py"
    dotfiles.write_bytes(b"studio()\n")
    dotfiles.chmod(0o640)
    init = home / ".nuke/init.py"
    init.unlink()
    init.symlink_to(dotfiles)
    main(["install", "nuke"])
    assert init.is_symlink()
    assert b"tokenflow" in dotfiles.read_bytes()
    assert stat.S_IMODE(dotfiles.stat().st_mode) == 0o640
    main(["uninstall", "nuke"])
    assert (init.is_symlink(), dotfiles.read_bytes()) == (True, b"studio()\n")


def test_an_init_that_was_not_there_is_gone_again(home: Path) -> None:
    (home / ".nuke/init.py").unlink()
    before = tree(home)
    main(["install", "nuke"])
    assert (home / ".nuke/init.py").is_file()
    main(["uninstall", "nuke"])
    assert tree(home) == before


def test_a_studio_gets_a_variable_and_no_file_of_the_users_is_changed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(home / ".nuke")
    assert main(["install", "nuke", "--studio"]) == 0
    variable, _, folder = capsys.readouterr().out.strip().partition("=")
    assert variable == "NUKE_PATH"
    assert {each.name for each in Path(folder).iterdir()} >= {"init.py", "menu.py", "place.json"}
    assert tree(home / ".nuke") == before


def test_a_host_that_is_not_there_is_named_with_what_to_do(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(home)
    assert main(["install", "blender"]) == 78
    assert "Blender is not found on this machine. Name its program" in capsys.readouterr().err
    assert tree(home) == before


@pytest.mark.parametrize(
    ("host", "name", "answer", "said"),
    [
        ("blender", "blender", "Blender 2.93.0", "this is Blender 2.93.0, and the panel needs 3.4"),
        ("blender", "blender", "I am a shell", "does not say which Blender it is"),
        ("maya", "maya", "", "'maya' is no host. There are standalone, blender, nuke, napari"),
    ],
)
def test_a_host_that_cannot_take_it_is_refused_and_nothing_is_written(
    home: Path,
    program: Callable[[str, str], Path],
    capsys: pytest.CaptureFixture[str],
    host: str,
    name: str,
    answer: str,
    said: str,
) -> None:
    program(name, answer)
    before = tree(home)
    assert main(["install", host]) in (2, 78)
    assert said in capsys.readouterr().err
    assert tree(home) == before


def test_an_old_nuke_is_known_by_its_folder(home: Path, tmp_path: Path) -> None:
    nuke = tmp_path / "Nuke13.2v4" / "Nuke13.2"
    nuke.parent.mkdir()
    nuke.write_text("#!/bin/sh\n")
    nuke.chmod(0o755)
    assert main(["install", "nuke", "--program", str(nuke)]) == 78


def test_uninstalling_what_is_not_there_is_no_error(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(home)
    assert main(["uninstall", "blender"]) == 0
    assert "not in Blender" in capsys.readouterr().out
    assert tree(home) == before


def test_the_list_says_what_is_found_and_what_is_in(
    home: Path, program: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    program("blender", "Blender 4.2.3")

    def row(name: str) -> str:
        assert main(["list"]) == 0
        lines = capsys.readouterr().out.splitlines()
        return " ".join(next(line for line in lines if line.startswith(name)).split())

    assert row("blender").startswith("blender 4.2.3 no /")
    assert row("napari") == "napari - not found"
    assert row("standalone") == "standalone ready run tokenflow-panel"
    main(["install", "blender"])
    capsys.readouterr()
    assert row("blender").startswith("blender 4.2.3 installed /")
    (home / ".config/blender/4.2/scripts/startup/tokenflow_start.py").unlink()
    assert row("blender").startswith("blender 4.2.3 damaged /")
    program("blender", "Blender 4.3.0")
    assert row("blender").startswith("blender 4.3.0 no /")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_written_is_named(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / ".nuke").chmod(0o500)
    try:
        assert main(["install", "nuke"]) == 77
    finally:
        (home / ".nuke").chmod(0o755)
    assert ".nuke" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named_and_can_be_cleaned_up(
    home: Path, program: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    program("blender", "Blender 3.4.1")
    startup = home / ".config/blender/3.4/scripts/startup"
    startup.write_text("a file where a folder should be")
    before = tree(home)
    assert main(["install", "blender"]) == 73
    assert "startup" in capsys.readouterr().err
    assert main(["uninstall", "blender"]) == 0
    assert tree(home) == before
