"""Training: devices, optimizer, step, loop, checkpoints, summaries.

TensorFlow is not imported here: curves and folders of runs are read without it.
"""
