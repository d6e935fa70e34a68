"""What a trained model does to images: codes, samples, switches, interpolations, directions,
compression.
"""
