"""`python -m tfwolf.density` is `tfwolf density`."""

from tfwolf.cli.main import run

if __name__ == '__main__':
    run('density')
