"""Measures of an edit, each with its recipe in its docstring."""
