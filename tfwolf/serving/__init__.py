"""What a server needs: the model as a SavedModel, its proof, the files around it, and a way to call
it without the project.
"""
