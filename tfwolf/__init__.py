"""tfwolf: decoupled global and local image representations by invertible flows, in TensorFlow.

Ma, Kong, Zhang and Hovy, "Decoupling Global and Local Representations via Invertible Generative Flows",
ICLR 2021, arXiv:2004.11820. The README has the module map; import what you need from its module, for example
`from tfwolf.models.wolf import Wolf`. Importing the package itself loads nothing.
"""
__version__ = '0.1.0'
