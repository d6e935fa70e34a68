"""Two settings timed in turn, each in a process of its own, so that what disturbs the machine disturbs both."""
import json
import subprocess
import sys


class Child:
    """A process that waits for requests, a line each, and answers each with a line of JSON.

    Args:
        arguments: of a Python program that calls `serve`.
    """

    def __init__(self, arguments):
        self._process = subprocess.Popen([sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, name, *arguments):
        """Returns what the function `name` of `serve` returns for these arguments.

        Raises:
            RuntimeError: if the process has ended; what it said is on stderr.
        """
        try:
            self._process.stdin.write(json.dumps([name, *arguments]) + '\n')
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            raise RuntimeError('A measured process ended before it answered; what it said stands above.') from error

    def close(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()


def serve(functions):
    """Answers requests from stdin on stdout until stdin ends; `functions` is a dict of functions that return what JSON can hold."""
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(functions[name](*arguments)), flush=True)


def run_alone(command):
    """Runs a shell command that prints a line of JSON with `step_s`, and returns that number of seconds.

    Raises:
        ValueError: if it fails or prints none.
    """
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    for line in reversed(done.stdout.splitlines()):
        try:
            return float(json.loads(line)['step_s'])
        except (ValueError, KeyError, TypeError):
            continue
    raise ValueError(f'`{command}` must print a line of JSON with step_s; it ended with exit code {done.returncode}: '
                     f'{(done.stderr or done.stdout).strip()[-500:]}')
