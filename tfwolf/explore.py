"""Looks at a model in the browser: `python -m tfwolf.explore --export=exported`."""

import os
import sys
import threading
import webbrowser

# Before TensorFlow's C library is opened; its messages are not for whoever looks at pictures.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

from tfwolf.commands import main as command  # noqa: E402
from tfwolf.commands.flags import Flags  # noqa: E402
from tfwolf.explorer import backends  # noqa: E402
from tfwolf.explorer.actions import Actions  # noqa: E402
from tfwolf.explorer.description import describe  # noqa: E402
from tfwolf.explorer.refusal import Unavailable  # noqa: E402
from tfwolf.explorer.server import Server  # noqa: E402
from tfwolf.serving.c_api import ServableError  # noqa: E402


def define_flags(options: Flags) -> None:
    """Defines the flags of this command."""
    options.string(
        'export',
        None,
        'Folder of an exported model, of which the highest version is taken, or of one version.',
    )
    options.string(
        'train_dir',
        None,
        'Instead of --export: folder of a run, exported for this once, which takes half a minute.',
    )
    options.string(
        'checkpoint', 'latest', "With --train_dir: 'latest', 'best' or the number of a step."
    )
    options.string(
        'data_dir',
        None,
        'With --train_dir: folder of its data, where the size of the images is not in its '
        'configuration.',
    )
    options.string(
        'server',
        None,
        "Instead of --export: address of TensorFlow Serving's REST API, such as "
        'http://localhost:8501.',
    )
    options.string('model_name', 'wolf', 'With --server: name under which the model is served.')
    options.string(
        'host',
        '127.0.0.1',
        'Address to listen on; by default nobody else on the network can see the page.',
    )
    options.integer(
        'port', 8600, 'Port to listen on; 0 takes any free one.', lower_bound=0, upper_bound=65535
    )
    options.boolean('open', False, 'Open the page in the browser.')


def main(options: Flags) -> None:
    """Runs the command until Ctrl-C."""
    servable, details, title = open_backend(options)
    actions = Actions(servable, describe(servable.signatures, **details), title)
    server = Server(options.host, options.port, actions, options.debug)
    print(f'{title}\nLook at {server.address} (Ctrl-C ends it)', flush=True)
    threading.Thread(target=_warm_up, args=[actions], daemon=True).start()
    if options.open:
        webbrowser.open(server.address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        # At once: TensorFlow may be computing in a thread, under which the library must not be
        # taken apart.
        sys.stdout.flush()
        os._exit(0)


def open_backend(options: Flags) -> backends.Backend:
    """Returns the model that the flags name.

    Raises:
        ValueError: if they name none, or more than one.
    """
    given = [name for name in ('export', 'train_dir', 'server') if getattr(options, name)]
    if len(given) != 1:
        raise ValueError(
            'Give one of --export=FOLDER, an exported model, --train_dir=FOLDER, a run, and '
            '--server=http://HOST:PORT, a '
            f'TensorFlow Serving; got {" and ".join(f"--{name}" for name in given) or "none"}.'
        )
    if options.export:
        return backends.open_export(options.export)
    if options.server:
        return backends.open_server(options.server, options.model_name)
    print(f'Exporting {options.train_dir} ...', flush=True)
    return backends.open_run(options.train_dir, options.checkpoint, options.data_dir)


def _warm_up(actions: Actions) -> None:
    try:
        actions.warm_up()
    except (ServableError, Unavailable, ValueError) as error:
        print(f'warning: the model does not answer as it should: {error}', file=sys.stderr)


if __name__ == '__main__':
    command.run(main, define_flags, uses_tensorflow=False)
