"""The structure of a flow as rows of a table."""
from typing import NamedTuple


class Level(NamedTuple):
    """`num_couplings` couplings of one width on `[height, width, channels]`, after which `leaving` channels leave."""

    level: int
    height: int
    width: int
    channels: int
    num_steps: int
    num_couplings: int
    hidden_channels: int
    leaving: int
    parameters: int
