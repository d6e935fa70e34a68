"""Training: devices, optimizer, step, loop, checkpoints, summaries."""
