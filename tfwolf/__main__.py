"""`python -m tfwolf` is the program `tfwolf`."""

from tfwolf.cli.main import main

if __name__ == '__main__':
    main()
