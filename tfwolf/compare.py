"""`python -m tfwolf.compare` is `tfwolf compare`."""

from tfwolf.cli.main import run

if __name__ == '__main__':
    run('compare')
