"""The demo: a small ray-traced world, the shot rendered in it, and the checkpoint trained on it."""
