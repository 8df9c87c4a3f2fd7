"""What render farms need: progress in their words, paths as their machines see them, bundles."""
