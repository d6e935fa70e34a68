"""Optional dependencies: the extras with which tfwolf can be installed."""

from __future__ import annotations

import importlib.util

# Extra -> the modules that its packages provide.
EXTRAS = {
    'serving': ('tensorflow_serving', 'requests'),
    'report': ('jinja2',),
    'tiff': ('tifffile',),
    'compress': ('constriction',),
    'onnx': ('tf2onnx', 'onnxruntime'),
}


def require_extra(extra: str) -> None:
    """Check that the packages of an extra are installed.

    Args:
        extra: one of `EXTRAS`.

    Raises:
        ValueError: naming the missing module and the command that installs it.
    """
    for module in EXTRAS[extra]:
        if importlib.util.find_spec(module) is None:
            raise ValueError(
                f'The Python module {module} is missing. Install it with '
                f'`pip install "tfwolf[{extra}]"`.'
            )
