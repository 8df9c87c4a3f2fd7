"""Find, check and load the weights of a latent diffusion model.

`source` finds a checkpoint by name, `folder` and `original` read the two layouts, `verify` says at
the door whether the engine can work with it, `load` turns it into a
`tokenflow.diffusion.model.Model`, `notes` and `size` say what it knows and at which resolution it
likes to work.
"""
