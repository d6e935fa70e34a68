"""Held-out likelihood: every image once, as the mean of K evidence lower bounds and as an importance-weighted bound."""
import math

import numpy as np
import tensorflow as tf

from tfwolf import seeds, validate
from tfwolf.data.pipeline import evaluation_batches
from tfwolf.distributions.bits import bits_per_dim
from tfwolf.replicas import local_rows


def evaluate_likelihood(model, split, batch_size, num_samples, seed, strategy, progress=None):
    """Returns a dict of means over the images of a split.

    With K samples nll_k of an image's bound in nats, `bits_per_dim` averages them (as the paper does) and `bits_per_dim_iwae` takes
    `-log(1/K sum exp(-nll_k))` (Burda, Grosse and Salakhutdinov, 2016, arXiv:1509.00519, equation 8), never above it. The noise of an
    image depends on the seed and the batch it lies in, not on the number of replicas.

    Args:
        model: a `Wolf`.
        split: `Split` of images.
        batch_size: images per batch over all replicas; the last batch is padded and masked.
        num_samples: K, at least 1.
        seed: integer.
        strategy: the `tf.distribute` strategy in whose scope the model was made.
        progress: called with the number of images done; optional.

    Returns:
        dict of floats: `bits_per_dim`, `bits_per_dim_stderr`, `bits_per_dim_iwae`, `nll_nats`, `reconstruction_nats`, `kl_nats`,
        `dequantization_nats`; and `num_images`, `num_samples`.

    Raises:
        ValueError: if a number breaks its rule.
    """
    validate.integer('num_samples', num_samples, minimum=1)
    replicas = strategy.num_replicas_in_sync
    batch_size = math.ceil(min(batch_size, split.num_examples) / replicas) * replicas
    local_batch_size = batch_size // replicas
    names = ('reconstruction_nats', 'kl_nats', 'dequantization_nats')

    @tf.function(autograph=False)
    def terms_of(images, labels, noise_seed):
        def replica_terms(images, labels):
            noise = local_rows(model.draw_noise(batch_size, noise_seed), local_batch_size)
            terms = model.terms(images, noise, labels=labels)
            return tf.stack([getattr(terms, name) for name in names], axis=-1)
        return strategy.experimental_local_results(strategy.run(replica_terms, (images, labels)))

    base = seeds.tensor_seed(seed, 'likelihood')
    dataset = strategy.experimental_distribute_dataset(evaluation_batches(split, batch_size))
    rows = []
    for number, batch in enumerate(dataset):
        mask = np.concatenate([part.numpy() for part in strategy.experimental_local_results(batch['mask'])])
        samples = [np.concatenate([part.numpy() for part in terms_of(batch['image'], batch['label'], seeds.fold_in(base, number, k))])
                   for k in range(num_samples)]
        rows.append(np.stack(samples)[:, mask])
        if progress:
            progress(int(mask.sum()))
    return _summary(np.concatenate(rows, axis=1).astype(np.float64), names, model.num_dims)


def _summary(terms, names, num_dims):
    """Returns the means for terms `[num_samples, num_images, 3]` in nats."""
    nll = terms.sum(axis=-1)
    num_samples, num_images = nll.shape
    iwae = -(np.logaddexp.reduce(-nll, axis=0) - math.log(num_samples))
    per_image = bits_per_dim(nll.mean(axis=0), num_dims)
    result = {'bits_per_dim': per_image.mean(),
              'bits_per_dim_stderr': per_image.std(ddof=1) / math.sqrt(num_images) if num_images > 1 else 0.0,
              'bits_per_dim_iwae': bits_per_dim(iwae.mean(), num_dims), 'nll_nats': nll.mean()}
    result.update(zip(names, terms.mean(axis=(0, 1))))
    return {**{name: float(value) for name, value in result.items()}, 'num_images': num_images, 'num_samples': num_samples}
