"""The local service: an HTTP door, a queue on disk, and one worker process per device."""
