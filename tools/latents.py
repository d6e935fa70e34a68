"""Shows what z and v hold: `python tools/latents.py --train_dir=runs/cifar10_small --data_dir=DATA --show=compression,manifold`."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # so that a clone that is not installed will do
from tfwolf import quiet  # noqa: E402  # isort: skip  (before anything that imports TensorFlow)

import os

from absl import flags
import numpy as np

from tfwolf import chosen_images, command, tool
from tfwolf.evaluation.compression import compress
from tfwolf.evaluation.directions import along_direction, label_direction
from tfwolf.evaluation.extrapolation import larger_samples
from tfwolf.evaluation.grids import captioned, image_grid, marked
from tfwolf.evaluation.label_shuffle import shuffle_labels
from tfwolf.evaluation.manifold import manifold

SHOW = flags.DEFINE_list('show', None, 'Some of attribute, manifold, compression, extrapolation, shuffle; default: all that the model and its data allow.')
NUM_IMAGES = flags.DEFINE_integer('num_images', 8, 'Images of attribute, compression and shuffle.', lower_bound=1)
LABEL = flags.DEFINE_integer('label', 0, 'Class whose attribute is added and taken away.', lower_bound=0)
OF = flags.DEFINE_enum('of', None, ['z', 'v'], 'What the attribute is a direction of; default: z, or v for a model without z.')
NUM_LABELLED = flags.DEFINE_integer('num_labelled', 5000, 'Training images that its mean is taken over, at most.', lower_bound=2)
NUM_STEPS = flags.DEFINE_integer('num_steps', 7, 'Steps from less to more of the attribute, an odd number.', lower_bound=3)
STRENGTH = flags.DEFINE_float('strength', 2.0, 'How far the last step goes, in distances between the means.', lower_bound=0.0)
NUM_ANGLES = flags.DEFINE_integer('num_angles', 12, 'Angles around each circle of the manifold, a multiple of 4.', lower_bound=4)
SCALES = flags.DEFINE_multi_integer('scale', [2, 10], 'How many times larger extrapolations are; repeatable.', lower_bound=1)
NUM_LARGER = flags.DEFINE_integer('num_larger', 4, 'Samples of each size.', lower_bound=1)
TEMPERATURE = flags.DEFINE_float('temperature', 0.7, 'Temperature of v and z of the larger samples.', lower_bound=0.0)


def main():
    """Runs the command."""
    asked = SHOW.value
    if asked is not None and (not asked or set(asked) - PARTS.keys()):
        raise ValueError(f'--show must be some of {",".join(PARTS)}; got {",".join(asked)!r}.')
    run = tool.trained()
    coder = tool.coder(run.model)
    base = tool.OUTPUT_DIR.value or os.path.join(run.train_dir, 'results', os.path.basename(run.checkpoint), 'latents')
    done = []
    for name in asked or PARTS:
        try:
            PARTS[name](run, coder, os.path.join(base, name))
            done.append(name)
        except ValueError as error:
            if asked:
                raise
            print(f'{name} is left out: {error}', flush=True)
    if not done:
        raise ValueError('The model and its data allow none of these pictures; why stands above.')


def _folder(run, path, name, settings):
    return tool.result_folder(f'latents {name}', run, settings, path)


def show_attribute(run, coder, path):
    """Images with less and more of what a class has in the mean."""
    of = OF.value or ('z' if run.model.latent.dim else 'v')
    chosen = chosen_images.chosen_images(run, NUM_IMAGES.value)
    dataset = run.open_dataset(command.DATA_DIR.value, command.DOWNLOAD.value)
    if dataset.num_classes is None:
        raise ValueError(f'An attribute needs class labels; {dataset.title} has none.')
    folder = _folder(run, path, 'attribute', {**chosen.details, 'of': of, **tool.settings(LABEL, NUM_LABELLED, NUM_STEPS, STRENGTH)})
    direction = label_direction(coder, dataset.train.take(NUM_LABELLED.value), LABEL.value)
    found = along_direction(coder, coder.encode(chosen.images, chosen.labels), direction, of, NUM_STEPS.value, STRENGTH.value)
    steps = np.linspace(-STRENGTH.value, STRENGTH.value, NUM_STEPS.value)
    grid = image_grid(_flat(found, run), columns=NUM_STEPS.value)
    folder.picture('attribute', captioned(grid, (), [f'{step:+.3g}' if step else 'image' for step in steps]))
    folder.finish({'num_with': direction.num_with, 'num_without': direction.num_without, 'label': LABEL.value, 'of': of,
                   'length': float(np.linalg.norm(getattr(direction.code, of))), 'num_not_finite': _broken(found)})


def show_manifold(run, coder, path):
    """The surface through four images."""
    chosen = chosen_images.chosen_images(run, 4)
    folder = _folder(run, path, 'manifold', {**chosen.details, **tool.settings(NUM_ANGLES)})
    found = manifold(coder, coder.encode(chosen.images, chosen.labels), NUM_ANGLES.value)
    quarter = NUM_ANGLES.value // 4
    places = [(0, 0), (0, quarter), (quarter, 0), (quarter, quarter)]
    degrees = [f'{360 * number / NUM_ANGLES.value:.3g}°' for number in range(NUM_ANGLES.value)]
    folder.picture('manifold', captioned(image_grid(_flat(found, run), columns=NUM_ANGLES.value), degrees, degrees))
    folder.finish({'places_of_the_images': places, 'num_not_finite': _broken(found)})


def show_compression(run, coder, path):
    """Images of which only the coarsest part of v is kept."""
    chosen = chosen_images.chosen_images(run, NUM_IMAGES.value)
    code = coder.encode(chosen.images, chosen.labels)
    found = {'resampled': compress(coder, code, command.SEED.value), 'zeroed': compress(coder, code)}
    folder = _folder(run, path, 'compression', chosen.details)
    for name, of_rest in found.items():
        grid = image_grid(_flat(of_rest, run), columns=len(chosen.images))
        folder.picture(f'compression_{name}', captioned(grid, [f'{fraction:.4g} % of v' for fraction in 100 * np.array(of_rest.fractions)]))
    folder.finish({'fractions': found['zeroed'].fractions, 'num_not_finite': {name: _broken(of_rest) for name, of_rest in found.items()}})


def show_extrapolation(run, coder, path):
    """Samples larger than the images of training."""
    found = {scale: larger_samples(run.model, scale, NUM_LARGER.value, command.SEED.value, TEMPERATURE.value, TEMPERATURE.value)
             for scale in SCALES.value}
    folder = _folder(run, path, 'extrapolation', tool.settings(SCALES, NUM_LARGER, TEMPERATURE))
    for scale, samples in found.items():
        folder.picture(f'extrapolation_x{scale}', image_grid(marked(samples.images, samples.finite), columns=2))
    folder.finish({'num_samples': NUM_LARGER.value, 'num_not_finite': {str(scale): _broken(samples) for scale, samples in found.items()}})


def show_shuffle(run, coder, path):
    """Images decoded with the labels of others."""
    if run.model.latent.num_classes is None:
        raise ValueError('A shuffle of labels needs a model whose z comes from class labels (ClassLatent or LabelCondition); this one has none.')
    chosen = chosen_images.chosen_images(run, NUM_IMAGES.value)
    folder = _folder(run, path, 'shuffle', chosen.details)
    found, labels = shuffle_labels(coder, chosen.images, chosen.labels, command.SEED.value)
    rows = np.concatenate([chosen.images, marked(*found)])
    folder.picture('shuffle', captioned(image_grid(rows, columns=len(labels)), ['image', 'other label'],
                                        [f'{own} -> {other}' for own, other in zip(chosen.labels, labels)]))
    folder.finish({'labels': chosen.labels.tolist(), 'shuffled': labels.tolist(), 'num_not_finite': _broken(found)})


def _flat(found, run):
    """Returns the images of what has `images` and `finite` as one list, those that are not finite marked."""
    return marked(found.images.reshape(-1, *run.model.image_shape), found.finite.reshape(-1))


def _broken(found):
    return int((~found.finite).sum())


PARTS = {'attribute': show_attribute, 'manifold': show_manifold, 'compression': show_compression, 'extrapolation': show_extrapolation,
         'shuffle': show_shuffle}


if __name__ == '__main__':
    command.run(main)
