"""Frechet distance of samples to images: `python tools/fid.py --train_dir=runs/cifar10 --data_dir=DATA --inception_weights=FILE` (Wolf, table 2)."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # so that a clone that is not installed will do
from tfwolf import quiet  # noqa: E402  # isort: skip  (before anything that imports TensorFlow)

import os

from absl import flags
import numpy as np

from tfwolf import command, tool
from tfwolf.data.fingerprint import data_fingerprint
from tfwolf.data.sources import load_dataset
from tfwolf.evaluation.coder import Coder
from tfwolf.evaluation.feature_moments import FeatureMoments, images_of_splits, load_moments, moments_of_images, save_moments
from tfwolf.evaluation.frechet import frechet_distance
from tfwolf.evaluation.image_features import make_extractor
from tfwolf.evaluation.sampling import draw_samples

FEATURES = flags.DEFINE_string('features', 'inception2015', 'inception2015 (whose distances alone may stand beside those of papers), keras, pixels, or a '
                               'function of your own as module:function.')
INCEPTION_WEIGHTS = flags.DEFINE_string('inception_weights', None, "File of Inception's weights; default: looked for in Keras's cache.")
NUM_SAMPLES = flags.DEFINE_integer('num_samples', 10_000, 'Samples; the distance depends on how many, and papers take 50,000.', lower_bound=2)
TEMPERATURE_V = flags.DEFINE_float('temperature_v', 1.0, "Factor on v's noise.", lower_bound=0.0)
TEMPERATURE_Z = flags.DEFINE_float('temperature_z', 1.0, 'Factor on the noise that the prior makes z from.', lower_bound=0.0)
IMAGES = flags.DEFINE_string('images', None, 'Instead of samples: a folder of image files, or an .npz with `images`.')
SPLIT = flags.DEFINE_enum('split', 'train', ['train', 'test'], 'The images to compare with; train is those of validation too.')
NUM_REFERENCE = flags.DEFINE_integer('num_reference', None, 'How many of them; default: all.', lower_bound=2)
REFERENCE = flags.DEFINE_string('reference_statistics', None, 'Instead of images of a split: a file that --save_statistics wrote.')
SAVE = flags.DEFINE_string('save_statistics', None, 'Write the statistics of the images compared with to this file.')
CHUNK = 1024
# Wolf, table 2.
PAPER = 37.52


def main():
    """Runs the command."""
    for flag in (NUM_SAMPLES, TEMPERATURE_V, TEMPERATURE_Z):
        if IMAGES.value and flag.present:
            raise ValueError(f'--{flag.name} is for samples; with --images none are drawn.')
    for flag in (SPLIT, NUM_REFERENCE, SAVE):
        if REFERENCE.value and flag.present:
            raise ValueError(f'--{flag.name} has no use with --reference_statistics, which are there already.')
    extractor = make_extractor(FEATURES.value, INCEPTION_WEIGHTS.value)
    run = tool.trained()
    reference = load_moments(REFERENCE.value) if REFERENCE.value else None
    if reference:
        reference.check_same_extractor(extractor.identity)
    shown = IMAGES.value and os.path.abspath(IMAGES.value)
    folder = tool.result_folder('fid', run, {
        'extractor': extractor.identity, 'images': shown, 'reference': reference.source if reference else None,
        **tool.settings(NUM_SAMPLES, TEMPERATURE_V, TEMPERATURE_Z, SPLIT, NUM_REFERENCE)})
    if reference is None:
        reference = _reference(run, extractor)
        if SAVE.value:
            save_moments(SAVE.value, reference)
            folder.wrote(os.path.abspath(SAVE.value))
    moments, source = _of_images(run, extractor) if IMAGES.value else _of_samples(run, extractor)
    distance = frechet_distance(moments, reference.moments)
    dim = len(moments.mean)
    few = [f'{count:,} {name}' for name, count in (('images' if IMAGES.value else 'samples', moments.count),
                                                  ('images compared with', reference.moments.count)) if count <= dim]
    if few:
        print(f'WARNING: {" and ".join(few)} are too few for {dim:,} features: the covariance is singular, and the distance far too large.')
    comparable = extractor.comparable and reference.source['dataset'] == 'cifar10'
    print(f'Frechet distance {distance:.4f} ({FEATURES.value}, {moments.count:,} against {reference.moments.count:,} images)'
          + (f"; Wolf's paper {PAPER}" if comparable else '' if extractor.comparable else '; not comparable with distances in papers'))
    folder.finish({'frechet_distance': distance, 'comparable_with_papers': extractor.comparable, 'extractor': extractor.identity, 'num_features': dim,
                   'num_images': moments.count, **source, 'num_reference': reference.moments.count, 'reference': reference.source,
                   **({'paper': PAPER} if comparable else {})})


def _reference(run, extractor):
    """Returns the `FeatureMoments` of the images of the split."""
    dataset = run.open_dataset(command.DATA_DIR.value, command.DOWNLOAD.value)
    splits = [dataset.train, dataset.validation] if SPLIT.value == 'train' else [dataset.test]
    splits = [split for split in splits if split.num_examples]
    total = sum(split.num_examples for split in splits)
    count = NUM_REFERENCE.value or total
    if count > total:
        raise ValueError(f'--num_reference must be at most {total:,}, the images of {dataset.title}, {SPLIT.value}; got {count:,}.')
    first = splits[0].take(min(count, splits[0].num_examples))
    splits = [first, *(split.take(count - first.num_examples) for split in splits[1:] if count > first.num_examples)]
    source = {'dataset': dataset.name, 'version': dataset.version, 'split': SPLIT.value,
              'data_fingerprint': [data_fingerprint(split) for split in splits]}
    moments = moments_of_images(extractor, images_of_splits(splits), count, f'Features of {dataset.title}, {SPLIT.value}')
    return FeatureMoments(moments, extractor.identity, source)


def _of_samples(run, extractor):
    """Returns the `Moments` of samples, and what a result says of them."""
    coder, not_finite = Coder(run.model, tool.BATCH_SIZE.value), []

    def batches():
        for first in range(0, NUM_SAMPLES.value, CHUNK):
            decoded = draw_samples(coder, min(CHUNK, NUM_SAMPLES.value - first), command.SEED.value, TEMPERATURE_V.value, TEMPERATURE_Z.value,
                                   first=first)
            not_finite.append(int((~decoded.finite).sum()))
            yield decoded.images

    moments = moments_of_images(extractor, batches(), NUM_SAMPLES.value, 'Features of samples')
    if sum(not_finite):
        print(f'{sum(not_finite)} samples hold values that are not finite; they count as the pictures that they decode to, black where they are broken.')
    return moments, {'num_not_finite': sum(not_finite), **tool.settings(TEMPERATURE_V, TEMPERATURE_Z)}


def _of_images(run, extractor):
    """Returns the `Moments` of the images of `--images`, and what a result says of them."""
    kind = 'npz' if os.path.isfile(IMAGES.value) else 'folder'
    height, width, channels = run.model.image_shape
    if kind == 'npz':
        images = _images_of_archive(IMAGES.value)
    else:
        found = load_dataset(f'folder:{IMAGES.value}', validation_size=0, channels=channels)
        # Some are held out as test, wherever they lie; together they are all.
        images = np.concatenate(list(images_of_splits([split for split in (found.train, found.test) if split.num_examples])))
    if images.shape[1:3] != (height, width):
        raise ValueError(f'The images of {IMAGES.value} are {images.shape[1]}x{images.shape[2]} (height x width), and the model is for {height}x{width}. '
                         'Resizing them would change the distance; give images of that size.')
    return moments_of_images(extractor, [images], len(images), f'Features of {IMAGES.value}'), {'images': os.path.abspath(IMAGES.value)}


def _images_of_archive(path):
    """Returns the array `images` of an archive as `tools/sample.py --save=npz` writes it."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            images = archive['images']
    except Exception as error:  # of zipfile, zlib and NumPy, each of another kind
        raise ValueError(f'{path} cannot be read as a NumPy archive with `images`: {error}.') from error
    if images.dtype != np.uint8 or images.ndim != 4 or len(images) < 2:
        raise ValueError(f'{path}: `images` must be uint8 [num_images, height, width, channels], at least two; got {images.dtype} {images.shape}.')
    return images


if __name__ == '__main__':
    command.run(main)
