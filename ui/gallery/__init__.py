"""Every state of the panel and of its parts as pictures: ``python -m ui.gallery OUT``."""
