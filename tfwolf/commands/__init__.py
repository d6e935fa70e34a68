"""The commands, one module each: its flags, an example, and what it does."""
