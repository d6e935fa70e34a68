"""Basics for all other rooms: variables, seeds, argument checks, files, parts, progress."""
