"""A folder in which XLA keeps compiled functions, so that a second start does not compile again."""

from __future__ import annotations

import hashlib
import os
import pathlib

FLAGS = 'TF_XLA_FLAGS'
FOLDER_FLAG = '--tf_xla_persistent_cache_directory'


def cache_folder(deterministic: bool = False) -> pathlib.Path:
    """Return the folder of compiled functions.

    It belongs to the user. It is not part of a run: compiled functions are programs, and a run may
    come from a stranger. XLA finds a function by its content, its shapes and the type of the
    device, but not by the options of its compilation, so that each choice of them has its folder.

    Args:
        deterministic: whether functions are compiled to give equal bits each time.
    """
    root = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    options = os.environ.get('XLA_FLAGS', '').split() + ['deterministic'] * deterministic
    name = hashlib.sha256(' '.join(options).encode()).hexdigest()[:16]
    return pathlib.Path(root) / 'tfwolf' / 'xla' / name


def keep_compiled_functions(deterministic: bool = False) -> None:
    """Let TensorFlow keep what XLA compiles, and find it at the next start.

    It sets the environment variable TF_XLA_FLAGS, unless the user has set a folder there. It has no
    effect after TensorFlow has found its devices. TensorFlow creates the folder when it stores
    something.

    Args:
        deterministic: as of `cache_folder`.
    """
    flags = os.environ.get(FLAGS, '')
    if FOLDER_FLAG not in flags:
        os.environ[FLAGS] = f'{flags} {FOLDER_FLAG}={cache_folder(deterministic)}'.strip()
