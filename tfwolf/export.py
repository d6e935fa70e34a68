"""`python -m tfwolf.export` is `tfwolf export`."""

from tfwolf.cli.main import run

if __name__ == '__main__':
    run('export')
