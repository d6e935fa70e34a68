"""Shows what z and v hold: `python tools/latents.py --train_dir=runs/cifar10_small --data_dir=DATA
--show=compression,manifold`.
"""

import pathlib
import sys

sys.path.insert(
    0, str(pathlib.Path(__file__).resolve().parents[1])
)  # so that a clone that is not installed will do

from tfwolf.commands import flags, images, opening
from tfwolf.commands import main as command
from tfwolf.commands.latent_parts import PARTS, Context


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command alone."""
    options.list(
        'show', None, f'Some of {", ".join(PARTS)}; default: all that the model and its data allow.'
    )
    options.integer('num_images', 8, 'Images of attribute, compression and shuffle.', lower_bound=1)
    options.integer('label', 0, 'Class whose attribute is added and taken away.', lower_bound=0)
    options.choice(
        'of',
        None,
        ['z', 'v'],
        'What the attribute is a direction of; default: z, or v for a model without z.',
    )
    options.integer(
        'num_labelled', 5000, 'Training images that its mean is taken over, at most.', lower_bound=2
    )
    options.integer(
        'num_steps', 7, 'Steps from less to more of the attribute, an odd number.', lower_bound=3
    )
    options.real(
        'strength',
        2.0,
        'How far the last step goes, in distances between the means.',
        lower_bound=0.0,
    )
    options.integer(
        'num_angles',
        12,
        'Angles around each circle of the manifold, a multiple of 4.',
        lower_bound=4,
    )
    options.repeated_integer(
        'scale', [2, 10], 'How many times larger extrapolations are; repeatable.', lower_bound=1
    )
    options.integer('num_larger', 4, 'Samples of each size.', lower_bound=1)
    options.real(
        'temperature', 0.7, 'Temperature of v and z of the larger samples.', lower_bound=0.0
    )


def main(options: flags.Flags) -> None:
    """Runs the command."""
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
            print(f'{name} is left out: {error}', flush=True)
    if not done:
        raise ValueError('The model and its data allow none of these pictures; why stands above.')


if __name__ == '__main__':
    command.run(main, define_flags, images.define_flags, flags.results)
