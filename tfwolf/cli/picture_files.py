"""From flags to how the files of pictures look."""

from __future__ import annotations

from tfwolf.cli.flags import Flags
from tfwolf.core.choices import PLOT_FORMATS
from tfwolf.plots.appearance import Appearance


def appearance(options: Flags) -> Appearance:
    """Return the `Appearance` that the flags describe; flags that a command lacks have no effect.

    Raises:
        ValueError: if there is no such format.
    """
    # `export --format` is that of a model.
    formats = options.format if hasattr(options, 'dpi') else ['png']
    if not formats or set(formats) - {*PLOT_FORMATS}:
        raise ValueError(
            f'--format must be some of {",".join(PLOT_FORMATS)}; got {",".join(formats)!r}.'
        )
    # `latents --scale` is the size of extrapolated samples.
    scale = 'pixel_scale' if hasattr(options, 'pixel_scale') else 'scale'
    given = {
        'scale': getattr(options, scale, None),
        **{name: getattr(options, name) for name in ('dpi', 'captions') if hasattr(options, name)},
    }
    return Appearance(tuple(dict.fromkeys(formats)), **given)
