class Untracked:
    """Holds an object that TensorFlow must not track as part of the one that refers to it."""
    def __init__(self, value): self.value = value
