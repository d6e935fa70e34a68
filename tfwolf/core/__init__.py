"""What every room uses: variables, seeds, argument checks, atomic files, parts that gin files name."""
