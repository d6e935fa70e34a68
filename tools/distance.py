"""`python tools/distance.py` is `tfwolf distance`, for a clone that is not installed."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from tfwolf.cli.main import run  # noqa: E402

if __name__ == '__main__':
    run('distance')
