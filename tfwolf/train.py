"""`python -m tfwolf.train` is `tfwolf train`."""

from tfwolf.cli.main import run

if __name__ == '__main__':
    run('train')
