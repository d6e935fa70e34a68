"""Serving: SavedModel export, its verification, files for a model server, and a client."""
