"""`python -m tfwolf.evaluate` is `tfwolf evaluate`."""

from tfwolf.cli.main import run

if __name__ == '__main__':
    run('evaluate')
