"""Explore a model in the browser: switch, interpolate, sample and draw.

The page is served on this machine only, unless --host names another address. Its address then has
a token.
"""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags
from tfwolf.cli.run_choice import chosen_run

if TYPE_CHECKING:
    from tfwolf.explorer import backends
    from tfwolf.explorer.actions import Actions

EXAMPLES = (
    'explore --train_dir=runs/digits',
    'explore --pretrained=digits',
    'explore --export_dir=exported/digits',
    'explore --server=http://localhost:8501',
)
# TensorFlow's C library alone is used.
USES_TENSORFLOW = False


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Model (one of four)')
    options.path(
        'train_dir',
        None,
        'Folder of a run. It is exported to a temporary folder, which takes half a minute.',
        'FOLDER',
    )
    groups.pretrained(options)
    options.path(
        'export_dir', None, 'Folder of an exported model (the highest version is used).', 'FOLDER'
    )
    options.string('server', None, "Address of TensorFlow Serving's REST API.", 'http://HOST:PORT')
    options.group('Details of the model')
    options.string('checkpoint', 'latest', "With --train_dir: 'latest', 'best' or a step.", 'WHICH')
    options.path(
        'data_dir',
        None,
        'With --train_dir: folder of its data, if its configuration lacks the image size.',
        'FOLDER',
    )
    options.string('model_name', 'wolf', 'With --server: name of the model.', 'NAME')
    options.group('Page')
    options.string('host', '127.0.0.1', 'Address to listen on.', 'ADDRESS')
    options.integer(
        'port', 8600, 'Port to listen on; 0 takes any free port.', lower_bound=0, upper_bound=65535
    )
    options.list(
        'allowed_hosts',
        None,
        'Further names under which the page is opened, such as that of a proxy.',
        'NAME,NAME',
    )
    options.boolean('open', False, 'Open the page in the browser.')
    options.argument = 'train_dir'
    options.renamed('export', 'export_dir')


def main(options: Flags) -> None:
    """Run the command until Ctrl-C."""
    # Before TensorFlow's C library is loaded.
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    from tfwolf.explorer.access import check_names
    from tfwolf.explorer.actions import Actions
    from tfwolf.explorer.description import describe
    from tfwolf.explorer.server import Server

    names = options.allowed_hosts or ()
    check_names(names)
    servable, details, title = open_backend(options)
    actions = Actions(servable, describe(servable.signatures, details), title)
    server = Server(options.host, options.port, actions, options.debug, names)
    print(f'{title}\nOpen {server.address} in a browser (Ctrl-C ends the program).')
    if server.address_elsewhere:
        print(f'From another machine: {server.address_elsewhere}')
    sys.stdout.flush()
    threading.Thread(target=_warm_up, args=[actions], daemon=True).start()
    if options.open:
        webbrowser.open(server.address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        # At once: a thread may be computing in TensorFlow, which must not be unloaded under it.
        sys.stdout.flush()
        os._exit(0)


def open_backend(options: Flags) -> backends.Backend:
    """Return the model that the flags name.

    Raises:
        ValueError: if they name none, or more than one.
    """
    from tfwolf.core.extras import require_extra
    from tfwolf.explorer import backends

    names = ('export_dir', 'train_dir', 'pretrained', 'server')
    given = [name for name in names if getattr(options, name)]
    if len(given) != 1:
        raise ValueError(
            'Give one of --export_dir=FOLDER (an exported model), --train_dir=FOLDER (a run), '
            '--pretrained=NAME (a model of the package) and --server=http://HOST:PORT (TensorFlow '
            f'Serving); got {" and ".join(f"--{name}" for name in given) or "none"}.'
        )
    if options.export_dir:
        return backends.open_export(options.export_dir)
    if options.server:
        return backends.open_server(options.server, options.model_name)
    require_extra('serving')
    run = chosen_run(options) or ''
    print(f'Exporting {run} ...', flush=True)
    return backends.open_run(run, options.checkpoint, options.data_dir)


def _warm_up(actions: Actions) -> None:
    from tfwolf.explorer.refusal import Unavailable
    from tfwolf.serving.c_api import ServableError

    try:
        actions.warm_up()
    except (ServableError, Unavailable, ValueError) as error:
        print(f'warning: the model does not answer as expected: {error}', file=sys.stderr)
