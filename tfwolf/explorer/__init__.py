"""Explorer: a web page for a served model.

Imports neither TensorFlow's Python nor modules that import it, so it starts at once.
"""
