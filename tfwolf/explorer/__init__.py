"""A web page that looks at a served model. Imports neither TensorFlow's Python nor what imports it,
so that it starts at once.
"""
