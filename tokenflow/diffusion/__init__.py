"""Diffusion: inversion of a shot and its edit with TokenFlow, on diffusers' components."""
