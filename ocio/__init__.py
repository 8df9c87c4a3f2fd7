"""Colour-managed image sequences: frames in and out, and edits merged into plates."""
