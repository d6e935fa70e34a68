"""`python -m tfwolf.check_data` is `tfwolf data`."""

from tfwolf.cli.main import run

if __name__ == '__main__':
    run('data')
