"""`python -m tfwolf.explore` is `tfwolf explore`."""

from tfwolf.cli.main import run

if __name__ == '__main__':
    run('explore')
