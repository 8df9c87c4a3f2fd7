"""Nuke 16 and later; only here is `nuke` imported. Not run inside Nuke: see docs/hosts.md."""
