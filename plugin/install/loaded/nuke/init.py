"""Runs in every mode of Nuke, with and without a window.

Written by plugin.install.generate from manifest.json; do not edit.
"""

try:
    import tokenflow_nuke

    tokenflow_nuke.init()
except BaseException as error:
    # Whatever it is, Nuke starts.
    import sys

    sys.stderr.write(f"TokenFlow is not loaded: {error}\n")
