"""Puts the panel into hosts and takes it away again: `tokenflow hosts`. Standard library only."""
