"""The command line: flags, help, errors and exit codes, and how flags become runs and images."""
