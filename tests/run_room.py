"""Runs pytest on the folders in its arguments; the main program of the test targets of BUILD."""

import sys

import pytest

if __name__ == '__main__':
    sys.exit(pytest.main(['-n', '0', *sys.argv[1:]]))
