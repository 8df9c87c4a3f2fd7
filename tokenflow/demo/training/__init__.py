"""Training of the demo checkpoint from renderings; `python -m tokenflow.demo.train` runs it."""
