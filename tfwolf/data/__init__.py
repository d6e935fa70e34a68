"""Images: where they come from, the order they come in, and their pixels as numbers."""
