"""DreamMotion: a shot's own latents are bent towards a prompt, held by what the model sees in them.

Text-driven video editing by space-time self-similar score distillation (Jeong, Chang, Park, Ye,
*DreamMotion: Space-Time Self-Similar Score Distillation for Zero-Shot Video Editing*, ECCV 2024).
Nothing is denoised anew and nothing trained: the gradient of a frozen video model says where the
words pull, the self-similarity of its features holds shapes and motion.
"""
