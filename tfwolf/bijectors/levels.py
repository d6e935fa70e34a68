"""The structure of a flow as rows of a table."""
from typing import NamedTuple


class Level(NamedTuple):
    """`num_couplings` couplings of one width on `[height, width, channels]`, after which `leaving` channels leave.

    Backpropagation keeps about `hidden_arrays` arrays of the width of a coupling's network, for an estimate of memory.
    """

    level: int
    height: int
    width: int
    channels: int
    num_steps: int
    num_couplings: int
    hidden_channels: int
    hidden_arrays: int
    leaving: int
    parameters: int
