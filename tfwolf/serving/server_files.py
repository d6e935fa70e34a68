"""The files next to the versions of an exported model: those for a server, and the client."""

from __future__ import annotations

import os
import pathlib
import re

from tfwolf.core.files import write_text
from tfwolf.serving import client
from tfwolf.serving.template_files import fill

IMAGE = 'tensorflow/serving:2.20.0'
CLIENT_FILES = ('client.py', 'client_command.py', 'client_grpc.py', 'client_rest.py')


def write_server_files(folder: str, model_name: str) -> None:
    """Write the files that serve and call an exported model; replace older ones.

    They are models.config, batching.config, monitoring.config, compose.yaml and the client.

    Args:
        folder: folder of the versions of the model.
        model_name: name of the model on the server: letters, digits, '_', '-' and '.'.

    Raises:
        ValueError: if the name has other characters, which an address cannot contain.
    """
    if not re.fullmatch(r'[A-Za-z0-9_][A-Za-z0-9_.-]*', model_name):
        raise ValueError(
            "model_name must consist of letters, digits, '_', '-' and '.', and must not start with "
            f"'-' or '.'; got {model_name!r}."
        )
    texts = {
        'models.config': fill('models.config', name=model_name),
        'batching.config': fill('batching.config', batch=client.MAX_BATCH),
        'monitoring.config': fill('monitoring.config'),
        'compose.yaml': fill('compose.yaml', name=model_name, image=IMAGE),
    }
    source = pathlib.Path(__file__).parent
    for name in CLIENT_FILES:
        texts[name] = (source / name).read_text(encoding='utf-8')
    for name, text in texts.items():
        # Atomically, because a server may read the file at the same time.
        write_text(os.path.join(folder, name), text)
