"""Opens a version of an exported model on this disk, and reads what is written beside it."""
import contextlib
import json
import os
import re
import tempfile

from tfwolf.serving.c_api import Servable, ServableError

SIGNATURES = 'signatures.json'


def open_version(folder):
    """Returns the `Servable` of a folder with a SavedModel.

    Raises:
        ValueError: if TensorFlow cannot load it.
    """
    try:
        with _without_chatter():
            return Servable(folder)
    except ServableError as error:
        raise ValueError(f'The model in {folder} cannot be loaded: {error}') from error


def read_details(folder):
    """Returns what the SavedModel itself does not say: `{'num_bits': int or None, 'num_classes': int or None}`.

    Raises:
        ValueError: if `signatures.json` is there but damaged.
    """
    path = os.path.join(folder, SIGNATURES)
    if not os.path.isfile(path):
        return {'num_bits': None, 'num_classes': None}
    try:
        with open(path, encoding='utf-8') as file:
            written = json.load(file)
        inputs = written['signatures']['sample']['inputs']
        bound = re.fullmatch(r'must be from 0 to (\d+)', inputs.get('labels', {}).get('rule', ''))
        return {'num_bits': written.get('num_bits'), 'num_classes': int(bound[1]) + 1 if bound else None}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{path} cannot be read: {type(error).__name__}: {error}. Export the model again.') from error


@contextlib.contextmanager
def _without_chatter():
    """Holds file descriptor 2 back, to which TensorFlow's library writes when it is opened; shown if it cannot be."""
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except OSError:
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
