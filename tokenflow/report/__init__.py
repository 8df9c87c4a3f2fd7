"""Reports that an artist reads by looking: pages that open without a network."""
