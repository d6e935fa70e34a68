"""Image arrays as pictures: grids, captions, animations. No module here calls a model."""
