"""What all commands share: their flags, their errors, and how a run and images are opened from
flags.
"""
