"""Show what z and v hold: attributes, manifold, compression, larger samples."""

from __future__ import annotations

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags
from tfwolf.core.choices import LATENT_PARTS

EXAMPLES = (
    'latents --train_dir=runs/cifar10_small --data_dir=DATA --show=compression,manifold',
    'latents --train_dir=runs/faces --show=attribute --attribute=Smiling',
)


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Pictures')
    options.list(
        'show',
        None,
        f'Which: {", ".join(LATENT_PARTS)}. Default: all that are possible.',
        'NAME,...',
    )
    options.integer('num_images', 8, 'Images of attribute, compression and shuffle.', lower_bound=1)
    options.string(
        'attribute', None, 'Attribute that is added and removed, such as Smiling.', 'NAME'
    )
    options.string(
        'label', '0', 'Class that is added and removed instead: its name or number.', 'CLASS'
    )
    options.choice(
        'of', None, ['z', 'v'], 'Code that the attribute moves. Default: z, if the model has one.'
    )
    options.integer(
        'num_labelled', 5000, 'Training images of which the attribute is the mean.', lower_bound=2
    )
    options.integer('num_steps', 7, 'Steps along the attribute, an odd number.', lower_bound=3)
    options.real(
        'strength', 2.0, 'Length of the last step, in distances of the means.', lower_bound=0.0
    )
    options.integer('num_angles', 12, 'Angles of the manifold, a multiple of 4.', lower_bound=4)
    options.repeated_integer(
        'scale', [2, 10], 'How many times larger extrapolated samples are.', lower_bound=1
    )
    options.integer('num_samples', 4, 'Extrapolated samples of each size.', lower_bound=1)
    groups.temperatures(options, 0.7)
    options.renamed('num_larger', 'num_samples')
    groups.images(options)
    groups.grids(options, 'pixel_scale')
    groups.results(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.cli import opening
    from tfwolf.cli.latent_context import Context
    from tfwolf.cli.latent_parts import PARTS

    asked = options.show
    if asked is not None and (not asked or set(asked) - PARTS.keys()):
        raise ValueError(f'--show must be some of {",".join(PARTS)}; got {",".join(asked)!r}.')
    run = opening.open_run(options)
    base = opening.results_path(options, run.train_dir, run.checkpoint, 'latents')
    context = Context(options, run, opening.coder(options, run), base)
    done = []
    for name in asked or PARTS:
        try:
            PARTS[name](context)
            done.append(name)
        except ValueError as error:
            if asked:
                raise
            print(f'{name} is skipped: {error}', flush=True)
    if not done:
        raise ValueError('None of these pictures is possible; the reasons are above.')
