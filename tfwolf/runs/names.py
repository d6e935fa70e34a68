"""Every name that gin files may use: imports the modules that register parts, and registers functions of TensorFlow."""
import importlib
import pkgutil

import tensorflow as tf

import tfwolf.bijectors
import tfwolf.data
import tfwolf.distributions
import tfwolf.evaluation
import tfwolf.models
import tfwolf.nets
import tfwolf.training
from tfwolf.parts import register

# A new module in one of these rooms need not be listed anywhere.
for _room in (tfwolf.data, tfwolf.nets, tfwolf.bijectors, tfwolf.distributions, tfwolf.models, tfwolf.evaluation, tfwolf.training):
    for _module in pkgutil.iter_modules(_room.__path__, f'{_room.__name__}.'):
        importlib.import_module(_module.name)

for _activation in (tf.nn.elu, tf.nn.relu):
    register(_activation)

# TEMPORARY
from tfwolf.bijectors.conditional_base import ConditionalBase
from tfwolf.bijectors.factor_out import Conventional, LikelihoodContribution, RandomHalves
from tfwolf.bijectors.glow import Glow
from tfwolf.bijectors.invertible_conv import invertible_conv1x1
from tfwolf.bijectors.matrix import FullMatrix, PLUMatrix
from tfwolf.bijectors.permutation import reverse_channels, shuffle_channels
from tfwolf.bijectors.realnvp import RealNVP
from tfwolf.bijectors.refined_glow import RefinedGlow
from tfwolf.bijectors.scales import Additive, BoundedAffine, SigmoidAffine
from tfwolf.data.augment import horizontal_flip, pad_and_crop
from tfwolf.data.sources import load_dataset
from tfwolf.distributions.prior import FlowPrior, NormalPrior
from tfwolf.models.encoder import Encoder
from tfwolf.models.latents import ClassLatent, GaussianLatent, LabelCondition, NoLatent
from tfwolf.models.wolf import Wolf
for _part in (
        RefinedGlow, Glow, RealNVP, ConditionalBase, FullMatrix, PLUMatrix, reverse_channels, shuffle_channels,
        Additive, BoundedAffine, SigmoidAffine, Conventional, RandomHalves, horizontal_flip, pad_and_crop, FlowPrior, NormalPrior,
        Encoder, GaussianLatent, ClassLatent, LabelCondition, NoLatent, Wolf):
    register(_part)
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.nets.glow_net import GlowCouplingNet, ZeroConv
from tfwolf.nets.residual_coupling_net import ResidualCouplingNet
for _part in (ConvCouplingNet, GlowCouplingNet, ZeroConv, ResidualCouplingNet):
    register(_part)
register(invertible_conv1x1, name='invertible_conv1x1')
register(LikelihoodContribution, name='lcma')
register(load_dataset, name='dataset')

