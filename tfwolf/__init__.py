"""tfwolf: decoupled global and local image representations by invertible flows, in TensorFlow.

Ma, Kong, Zhang and Hovy, "Decoupling Global and Local Representations via Invertible Generative
Flows", ICLR 2021, arXiv:2004.11820.

    import tfwolf
    run = tfwolf.fit('digits', train_dir='runs/digits')
    images = run.model.sample(16, seed=0)

Importing the package loads nothing; each name below is loaded when it is first used. It chooses
TensorFlow as the backend of Keras.
"""

from __future__ import annotations

import importlib
import os

# Before TensorFlow is imported, which imports Keras: tfwolf is written for this backend, whatever
# the user's keras.json says.
os.environ['KERAS_BACKEND'] = 'tensorflow'

__version__ = '0.3.0'

# Module of tfwolf -> the public names that it defines.
_NAMES = {
    'bijectors.actnorm': ['ActNorm'],
    'bijectors.batch_norm': ['BatchNormFlow'],
    'bijectors.base': ['FlowBijector'],
    'bijectors.chain': ['Chain'],
    'bijectors.channel_split': ['ChannelSplit'],
    'bijectors.checkerboard': ['Checkerboard'],
    'flows.conditional_base': ['ConditionalAffine', 'ConditionalBase'],
    'bijectors.coupling': ['Coupling'],
    'flows.factor_out': ['Conventional', 'RandomHalves'],
    'flows.glow': ['Glow'],
    'bijectors.invertible_conv': ['InvertibleConv1x1'],
    'bijectors.invertible_linear': ['InvertibleLinear'],
    'bijectors.logit': ['Logit'],
    'bijectors.masked_conv': ['MaskedConv'],
    'bijectors.masked_inverse': ['FixedPoint', 'RowByRow'],
    'bijectors.matrix': ['FullMatrix', 'PLUMatrix'],
    'bijectors.multiscale': ['MultiScaleSplit'],
    'bijectors.permutation': ['ChannelPermutation', 'reverse_channels', 'shuffle_channels'],
    'flows.jet': ['Jet'],
    'flows.macow': ['MaCow'],
    'flows.realnvp': ['RealNVP'],
    'flows.likelihood_contribution': ['LikelihoodContribution'],
    'flows.refined_glow': ['RefinedGlow'],
    'bijectors.rational_quadratic': ['RationalQuadratic'],
    'bijectors.reordered': ['Reordered'],
    'bijectors.repeat': ['Repeat'],
    'bijectors.transforms': [
        'Additive',
        'BoundedAffine',
        'ExpAffine',
        'ShiftAndScale',
        'SigmoidAffine',
    ],
    'bijectors.squeeze': ['Squeeze', 'Squeezed'],
    'flows.top_prior': ['TopPrior'],
    'flows.vector_realnvp': ['VectorRealNVP'],
    'coding.archive': ['compress_images', 'decompress_images'],
    'data.augment': ['horizontal_flip', 'pad_and_crop', 'random_shift'],
    'data.array_split': ['ArraySplit'],
    'data.dataset': ['ImageDataset', 'Split'],
    'data.registry': ['register_source'],
    'data.sources': ['DataSource', 'load_dataset'],
    'distributions.posterior': ['Posterior'],
    'distributions.prior': ['FlowPrior', 'NormalPrior'],
    'models.dequantizer': ['FlowDequantizer', 'UniformDequantizer'],
    'models.encoder': ['Encoder'],
    'models.feature_encoder': ['FeatureEncoder'],
    'models.gaussian_latent': ['GaussianLatent'],
    'models.image_condition': ['Grey', 'LowResolution'],
    'models.initialization': ['initialize'],
    'models.label_latents': ['ClassLatent', 'LabelCondition'],
    'models.no_latent': ['NoLatent'],
    'models.wolf': ['Wolf'],
    'nets.condition': ['VectorAndImage'],
    'nets.coupling_nets': ['ConvCouplingNet', 'DenseCouplingNet'],
    'nets.glow_net': ['GlowCouplingNet', 'ZeroConv'],
    'nets.half_plane': ['HalfPlane'],
    'nets.half_plane_net': ['HalfPlaneNet'],
    'nets.residual_coupling_net': ['ResidualCouplingNet'],
    'nets.vector_net': ['VectorNet'],
    'nets.vision_transformer': ['VisionTransformer'],
    'core.parts': ['register'],
    'evaluation.auroc': ['auroc'],
    'evaluation.likelihood_distance': ['likelihood_distance'],
    'evaluation.likelihood_map': ['likelihood_map'],
    'evaluation.vector_density': ['encode_vectors', 'log_likelihood', 'sample_vectors'],
    'runs.environment': ['Environment'],
    'runs.fit': ['fit'],
    'runs.run': ['Run', 'load'],
    'training.objective': ['Objective'],
    'training.optimizer': ['AdamW'],
    'training.schedules': ['Cooldown', 'WarmupCosine', 'WarmupDecay'],
    'training.settings': ['Settings'],
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}
__all__ = ['__version__', *sorted(_MODULE_OF)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    module = _MODULE_OF[name]
    if not module.startswith('core.'):
        importlib.import_module(f'{__name__}.core.quiet_tensorflow').import_tensorflow()
    value = getattr(importlib.import_module(f'{__name__}.{module}'), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
