"""Arrays of images as pictures: grids, captions, animations. Nothing here calls a model."""
