"""What a gin file binds: a model and a data set. All names that gin files may use for parts are registered here."""
import gin

from tfwolf.bijectors.glow import RefinedGlow
from tfwolf.bijectors.matrix import FullMatrix, PLUMatrix
from tfwolf.bijectors.scales import Additive, BoundedAffine
from tfwolf.data.augment import horizontal_flip, pad_and_crop
from tfwolf.data.sources import load_dataset
from tfwolf.distributions.prior import FlowPrior, NormalPrior
from tfwolf.models.encoder import Encoder
from tfwolf.models.latents import GaussianLatent, NoLatent
from tfwolf.models.wolf import Wolf
from tfwolf.training.optimizer import AdamW, WarmupDecay
from tfwolf.training.objective import Objective

# Built from Python these take their arguments as they are; only a reference such as `@Wolf` in a gin file is configured.
for _part in (RefinedGlow, FullMatrix, PLUMatrix, Additive, BoundedAffine, horizontal_flip, pad_and_crop, FlowPrior, NormalPrior,
              Encoder, GaussianLatent, NoLatent, Wolf, AdamW, WarmupDecay, Objective):
    gin.external_configurable(_part, module='tfwolf')
gin.external_configurable(load_dataset, name='dataset', module='tfwolf')


@gin.configurable(module='tfwolf')
class experiment:  # named as gin files write it
    """A model and the images it is for.

    Args:
        model: makes the model, called with (image_shape, seed); in gin `@Wolf`.
        dataset: loads the images, called with (data_dir, download); in gin `@dataset`.
    """

    def __init__(self, model=gin.REQUIRED, dataset=gin.REQUIRED):
        self.make_model = model
        self.load_dataset = dataset
