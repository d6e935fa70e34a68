"""Training: devices, optimizer, training step, loop, checkpoints and summaries."""
