"""Analysis of trained models: codes, samples, switches, interpolation, directions, compression."""
