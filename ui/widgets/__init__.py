"""Thin widgets: each shows a presenter and tells it what the user did."""
