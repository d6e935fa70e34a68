"""The command line: flags, help, errors and exit codes, and how flags become runs and images."""

from tfwolf.core.module_search import forget_working_directory

# Before anything else is imported from there.
forget_working_directory()
