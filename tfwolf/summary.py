"""`python -m tfwolf.summary` is `tfwolf summary`."""

from tfwolf.cli.main import run

if __name__ == '__main__':
    run('summary')
