"""What the panel knows and does, without Qt: widgets show these values and call these methods."""
