"""Looks at a model in the browser: `python -m tfwolf.explore --export=exported`."""
import os
import subprocess
import sys
import tempfile
import threading
import webbrowser

from absl import app, flags

# Before TensorFlow's C library is opened; its messages are not for whoever looks at pictures.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

from tfwolf.explorer.actions import Actions  # noqa: E402
from tfwolf.explorer.description import describe  # noqa: E402
from tfwolf.explorer.export_folder import open_version, read_details  # noqa: E402
from tfwolf.explorer.refusal import Unavailable  # noqa: E402
from tfwolf.explorer.rest_servable import RestServable  # noqa: E402
from tfwolf.explorer.server import Server  # noqa: E402
from tfwolf.serving.c_api import ServableError  # noqa: E402
from tfwolf.serving.publication import find_version  # noqa: E402

EXPORT = flags.DEFINE_string('export', None, 'Folder of an exported model, of which the highest version is taken, or of one version.')
TRAIN_DIR = flags.DEFINE_string('train_dir', None, 'Instead of --export: folder of a run, exported for this once, which takes half a minute.')
CHECKPOINT = flags.DEFINE_string('checkpoint', 'latest', "With --train_dir: 'latest', 'best' or the number of a step.")
DATA_DIR = flags.DEFINE_string('data_dir', None, 'With --train_dir: folder of its data, where the size of the images is not in its configuration.')
SERVER = flags.DEFINE_string('server', None, "Instead of --export: address of TensorFlow Serving's REST API, such as http://localhost:8501.")
MODEL_NAME = flags.DEFINE_string('model_name', 'wolf', 'With --server: name under which the model is served.')
HOST = flags.DEFINE_string('host', '127.0.0.1', 'Address to listen on; by default nobody else on the network can see the page.')
PORT = flags.DEFINE_integer('port', 8600, 'Port to listen on; 0 takes any free one.', lower_bound=0, upper_bound=65535)
OPEN = flags.DEFINE_bool('open', False, 'Open the page in the browser.')
DEBUG = flags.DEFINE_bool('debug', False, 'Show the whole stack trace of an error.')

USAGE_ERROR = 2


def main():
    """Runs the command until Ctrl-C."""
    backend, details, title = open_backend()
    actions = Actions(backend, describe(backend.signatures, **details), title)
    server = Server(HOST.value, PORT.value, actions, DEBUG.value)
    print(f'{title}\nLook at {server.address} (Ctrl-C ends it)', flush=True)
    threading.Thread(target=_warm_up, args=[actions], daemon=True).start()
    if OPEN.value:
        webbrowser.open(server.address)
    server.serve_forever()


def open_backend():
    """Returns the model that the flags name, as a `Servable` or what can be called like one, its details for `describe`, and its title.

    Raises:
        ValueError: if they name none, or more than one.
    """
    sources = {'export': lambda: _open_folder(EXPORT.value), 'train_dir': _open_run, 'server': _open_server}
    given = [name for name in sources if flags.FLAGS[name].value]
    if len(given) != 1:
        raise ValueError('Give one of --export=FOLDER, an exported model, --train_dir=FOLDER, a run, and --server=http://HOST:PORT, a '
                         f'TensorFlow Serving; got {" and ".join(f"--{name}" for name in given) or "none"}.')
    return sources[given[0]]()


def _open_run():
    print(f'Exporting {TRAIN_DIR.value} ...', flush=True)
    with tempfile.TemporaryDirectory(prefix='tfwolf-') as folder:
        # In a process of its own: this one has no use for TensorFlow's Python.
        done = subprocess.run([sys.executable, '-m', 'tfwolf.export', f'--train_dir={TRAIN_DIR.value}', f'--export_dir={folder}', '--noverify',
                               f'--checkpoint={CHECKPOINT.value}', *([f'--data_dir={DATA_DIR.value}'] if DATA_DIR.value else [])],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise ValueError(done.stderr.rpartition('error: ')[2].strip() or f'The export ended with exit code {done.returncode}.')
        # What is loaded needs its files no more.
        backend, details, _ = _open_folder(folder)
    return backend, details, os.path.basename(os.path.abspath(TRAIN_DIR.value))


def _open_folder(export):
    folder = find_version(export)
    details = read_details(folder)
    return open_version(folder), details, os.path.relpath(folder, os.path.dirname(os.path.dirname(os.path.abspath(folder))))


def _open_server():
    return RestServable(SERVER.value, MODEL_NAME.value), {}, f'{MODEL_NAME.value} at {SERVER.value}'


def _warm_up(actions):
    try:
        actions.warm_up()
    except (ServableError, Unavailable, ValueError) as error:
        print(f'warning: the model does not answer as it should: {error}', file=sys.stderr)


def _parse(argv):
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        return _fail(error)


def _guarded(argv):
    if len(argv) > 1:
        _fail(f'Unknown argument {argv[1]!r}: all arguments are flags, such as --export=FOLDER. See --help.')
    try:
        main()
    except KeyboardInterrupt:
        # At once: TensorFlow may be computing in a thread, under which the library must not be taken apart.
        sys.stdout.flush()
        os._exit(0)
    except (ValueError, RuntimeError, OSError) as error:
        if DEBUG.value:
            raise
        _fail(error)


def _fail(error):
    print(f'\nerror: {error}', file=sys.stderr)
    sys.exit(USAGE_ERROR)


if __name__ == '__main__':
    app.run(_guarded, flags_parser=_parse)
