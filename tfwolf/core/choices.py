"""Values that an option may take, without TensorFlow, so that `--help` can list them at once."""

from __future__ import annotations

SPLITS = ('train', 'validation', 'test')
STRATEGIES = ('auto', 'one_device', 'mirrored', 'multi_worker', 'tpu')
# Which weights: the trained ones, or their averages (`averaged` and `ema` are the same).
WEIGHTS = ('auto', 'raw', 'averaged', 'ema')
GRADIENT_MEMORIES = ('store', 'recompute', 'reversible')
PRECISIONS = ('float32', 'tf32', 'bfloat16')
CLASSIFIERS = ('svm', 'logistic', 'svm_rbf')
PROTOCOLS = ('paper', 'tuned')
FEATURES = ('z', 'v', 'pixels')
REPORT_PARTS = (
    'samples',
    'temperatures',
    'reconstructions',
    'switch',
    'switch_within_class',
    'interpolation',
    'latents',
    'probe',
    'fid',
    'distance',
    'anomaly',
    'inpainting',
    'plots',
)
LATENT_PARTS = ('attribute', 'manifold', 'compression', 'extrapolation', 'shuffle')
PLOT_PARTS = (
    'curves',
    'terms',
    'kl',
    'likelihoods',
    'file_length',
    'calibration',
    'invertibility',
    'temperature',
    'probe',
    'frechet',
)
PLOT_FORMATS = ('png', 'svg', 'pdf')
# The noise within the bins of color values, as results name it.
UNIFORM, VARIATIONAL, NO_DEQUANTIZATION = 'uniform', 'variational', 'none'
