"""The authors' own layout of models: their JSON configurations and state-dict names, read into
ours, and compared number by number.
"""
