"""A small exported model, valid inputs of its signatures, and the stand-in server as a process."""

import collections
import contextlib
import io
import json
import pathlib
import subprocess
import sys

import numpy as np
from PIL import Image

from support.small_models import random_images, small_wolf
from tfwolf.core.freeze import freeze
from tfwolf.serving.c_api import Servable
from tfwolf.serving.saved_model import write_saved_model
from tfwolf.serving.server_files import write_server_files
from tfwolf.serving.signatures import Signatures

# The process, 'http://host:port', 'host:port' of gRPC, the folder of the versions, and the model
# called without a server.
Server = collections.namedtuple('Server', 'process url address folder servable')


def export(folder):
    """Write a small model as version 1, with the files next to it."""
    model = small_wolf(images=random_images(24))
    freeze(model)
    write_saved_model(Signatures(model), str(folder / '1'))
    write_server_files(str(folder), 'wolf')


@contextlib.contextmanager
def running_server(folder, errors):
    """Run the server on free ports and yield the `Server`.

    Args:
        folder: folder of the versions.
        errors: file for its stderr.
    """
    server = pathlib.Path(__file__).with_name('serving_server.py')
    command = [
        sys.executable,
        str(server),
        '--rest_api_port=0',
        '--port=0',
        '--model_name=wolf',
        f'--model_base_path={folder}',
    ]
    with (
        open(errors, 'w', encoding='utf-8') as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        try:
            ready = process.stdout.readline()
            assert ready, (
                'the server ended before it was ready: '
                f'{pathlib.Path(errors).read_text(encoding="utf-8")[-2000:]}'
            )
            ports = json.loads(ready)
            url, address = (
                f'http://127.0.0.1:{ports["rest_api_port"]}',
                f'127.0.0.1:{ports["port"]}',
            )
            yield Server(process, url, address, folder, Servable(folder / '1'))
        finally:
            process.terminate()


def resident_bytes(process):
    """Return the resident memory of a process in bytes."""
    status = pathlib.Path(f'/proc/{process.pid}/status').read_text(encoding='utf-8')
    return (
        int(next(line for line in status.splitlines() if line.startswith('VmRSS:')).split()[1])
        * 1024
    )


def good_inputs(inputs, count, seed=0):
    """Return valid inputs `{name: array}` of `count` rows."""
    random = np.random.default_rng(seed)
    make = {
        'image_bytes': lambda: as_files(random_images(count, seed=seed)),
        'seeds': lambda: random.integers(-(2**62), 2**62, (count, 2)),
        'temperature_v': lambda: random.uniform(0, 1, count).astype(np.float32),
        'temperature_z': lambda: random.uniform(0, 1, count).astype(np.float32),
        'alphas': lambda: random.uniform(0, 1, (count, 2)).astype(np.float32),
        'betas': lambda: random.uniform(0, 1, (count, 3)).astype(np.float32),
        'v': lambda: random.normal(size=(count, 8, 8, 3)).astype(np.float32),
        'z': lambda: random.normal(size=(count, 4)).astype(np.float32),
        'images': lambda: random_images(count, seed=seed),
        'images_a': lambda: random_images(count, seed=seed + 1),
        'images_b': lambda: random_images(count, seed=seed + 2),
    }
    return {name: make[name]() for name in inputs}


def as_files(images):
    """Return PNG files, an array of bytes."""
    files = np.empty(len(images), np.object_)
    for index, image in enumerate(images):
        file = io.BytesIO()
        Image.fromarray(image).save(file, 'png')
        files[index] = file.getvalue()
    return files
