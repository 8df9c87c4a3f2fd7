"""TokenFlow for Nuke.

Written by plugin.install.generate from manifest.json; do not edit.

Loads the panel from where it is installed; `place.json` beside this file says where that is.
Whatever goes wrong here is written to standard error: it must never keep Nuke from starting. No
syntax newer than Python 3.7, so that an old Nuke can say what it lacks.
"""

import importlib.util
import json
import os
import sys

import nuke

OLDEST = 16
found = []  # the loader of our packages, once they can be imported


def init():
    """Let Nuke find our packages; in every mode, so nothing of Qt."""
    if nuke.NUKE_VERSION_MAJOR >= OLDEST:
        _safely(_offer)


def menu():
    """Add the panel to the Pane menu."""
    if found:
        _safely(_add)
    elif nuke.NUKE_VERSION_MAJOR < OLDEST:
        _say(
            "it needs Nuke {} or newer, whose Qt is PySide6; this is Nuke {} with PySide2".format(
                OLDEST, nuke.NUKE_VERSION_STRING
            )
        )


def _add():
    from plugin.hosts.nuke import start

    start.add_to_menu()


def _offer():
    with open(os.path.join(os.path.dirname(__file__), "place.json"), encoding="utf-8") as file:
        place = json.load(file)
    packages = os.path.join(place["root"], "plugin", "packages.py")
    if not os.path.isfile(packages):
        raise RuntimeError(
            "it is not in {} any more: run `tokenflow hosts install nuke` where it is now".format(
                place["root"]
            )
        )
    spec = importlib.util.spec_from_file_location("tokenflow_packages", packages)
    loader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loader)
    loader.offer(place["root"], None, place["python"])
    found.append(loader)


def _safely(act):
    try:
        act()
    except BaseException as error:
        _say("{}: {}".format(type(error).__name__, error))


def _say(what):
    sys.stderr.write("TokenFlow is not loaded: {}\n".format(what))
