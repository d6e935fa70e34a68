"""Image data: sources, splits, the order of batches, and pixels as numbers."""
