"""Draws samples whose noise does not depend on how many are drawn, nor on the size of batches."""
import math

import numpy as np
import tensorflow as tf

from tfwolf import seeds, validate
from tfwolf.evaluation.coder import Code, Decoded

# Noise is drawn for so many samples at a time: sample i is always the i-th of these.
BLOCK = 64
# Of v that is in memory at a time.
PART_BYTES = 2 ** 28


def draw_noise(model, num_samples, seed, first=0):
    """Returns standard normal noise, a `Code` of v `[num_samples, height, width, channels]` and of what z is made from.

    Args:
        model: a `Wolf`.
        num_samples: how many, at least 1.
        seed: integer.
        first: number of the first one.

    Returns:
        `Code`; its z is noise `[num_samples, noise_dim]`, None for a model without z.
    """
    last = validate.integer('first', first, minimum=0) + validate.integer('num_samples', num_samples, minimum=1)
    blocks = range(first // BLOCK, math.ceil(last / BLOCK))
    base = seeds.tensor_seed(seed, 'samples')

    def draw(purpose, shape):
        drawn = [seeds.normal([BLOCK, *shape], seeds.fold_in(base, block, purpose), model.dtype).numpy() for block in blocks]
        return np.concatenate(drawn)[first % BLOCK:][:num_samples]

    return Code(draw(1, [model.latent.noise_dim]) if model.latent.dim else None, draw(0, model.image_shape))


def draw_code(model, num_samples, seed, temperature_v=1.0, temperature_z=1.0, label=None, first=0):
    """Returns the `Code` of samples: v = temperature_v * noise, z = what the prior makes of temperature_z * noise.

    Args:
        model, num_samples, seed, first: see `draw_noise`; the same seed gives the same noise at every temperature.
        temperature_v, temperature_z: at least 0. A z that comes from class labels has no temperature.
        label: class of all samples, for a model whose z comes from class labels; None draws one for each.

    Raises:
        ValueError: if a temperature is negative, or there is no such class.

    Reference: Kingma and Dhariwal, "Glow", 2018, section 6, for the temperature.
    """
    validate.real('temperature_v', temperature_v, minimum=0)
    validate.real('temperature_z', temperature_z, minimum=0)
    noise = draw_noise(model, num_samples, seed, first)
    v = noise.v * np.asarray(temperature_v, noise.v.dtype)
    if label is not None:
        check_label(model, label)
        return Code(model.latent.encode(None, np.full(num_samples, label)).numpy(), v)
    if noise.z is None:
        return Code(None, v)
    # A class is drawn as the place of the largest of its noise, which at temperature 0 would be the first.
    factor = 1.0 if model.latent.num_classes else temperature_z
    return Code(model.latent.from_noise(tf.constant(noise.z * np.asarray(factor, noise.z.dtype))).numpy(), v)


def draw_samples(coder, num_samples, seed, temperature_v=1.0, temperature_z=1.0, label=None, first=0):
    """Returns the `Decoded` samples of the model of a `Coder`; arguments as in `draw_code`. Their code is in memory in parts only."""
    part = max(BLOCK, PART_BYTES // (coder.model.num_dims * coder.model.dtype.size))
    last = first + validate.integer('num_samples', num_samples, minimum=1)
    decoded = [coder.decode(*draw_code(coder.model, min(part, last - start), seed, temperature_v, temperature_z, label, start))
               for start in range(first, last, part)]
    return Decoded(*(np.concatenate(parts) for parts in zip(*decoded)))


def check_label(model, label):
    """Checks that a model has the class `label`.

    Raises:
        ValueError: if it has no classes, or not this one.
    """
    classes = model.latent.num_classes
    if classes is None:
        raise ValueError(f'`label` needs a model whose z comes from class labels (ClassLatent or LabelCondition); this one has none. Got {label}.')
    if not 0 <= label < classes:
        raise ValueError(f'`label` must be a class from 0 to {classes - 1}; got {label}.')
