"""How fast and how large: what a training step, its start and everything around it cost."""
