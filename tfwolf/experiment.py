"""What a gin file binds: a model and a data set. All names that gin files may use for parts are registered here."""
import gin
import tensorflow as tf

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
from tfwolf.training.objective import Objective
from tfwolf.training.optimizer import AdamW, WarmupDecay
from tfwolf.training.settings import Settings

# Built from Python these take their arguments as they are; only a reference such as `@Wolf` in a gin file is configured.
PARTS = (
    RefinedGlow, Glow, RealNVP, ConditionalBase, FullMatrix, PLUMatrix, invertible_conv1x1, reverse_channels, shuffle_channels,
    Additive, BoundedAffine, SigmoidAffine, Conventional, RandomHalves, horizontal_flip, pad_and_crop, FlowPrior, NormalPrior,
    Encoder, GaussianLatent, ClassLatent, LabelCondition, NoLatent, Wolf, AdamW, WarmupDecay, Objective)
for _part in PARTS:
    gin.external_configurable(_part, module='tfwolf')
gin.external_configurable(LikelihoodContribution, name='lcma', module='tfwolf')
for _activation in (tf.nn.elu, tf.nn.relu):
    gin.external_configurable(_activation, module='tfwolf')
gin.external_configurable(load_dataset, name='dataset', module='tfwolf')
TrainSettings = gin.external_configurable(Settings, name='train', module='tfwolf')


@gin.configurable('experiment', module='tfwolf')
class Experiment:
    """A model and the images it is for; in gin files `experiment`.

    Args:
        model: makes the model, called with (image_shape, seed); in gin `@Wolf`.
        dataset: loads the images, called with (data_dir, download); in gin `@dataset`.
        image_shape: (height, width, channels) that the model is for; None takes the data set's.
    """

    def __init__(self, model=None, dataset=None, image_shape=None):
        if model is None or dataset is None:
            raise ValueError('Nothing to train: bind `experiment.model` and `experiment.dataset`, as the files in gin/ do, or give '
                             'one of them, for example --gin_file=gin/digits.gin.')
        self.make_model = model
        self._load_dataset = dataset
        self._image_shape = None if image_shape is None else tuple(image_shape)

    def open_dataset(self, data_dir, download):
        """Returns the `ImageDataset`.

        Raises:
            ValueError: if it cannot be had, or its images have another shape than the model is for.
        """
        dataset = self._load_dataset(data_dir=data_dir, download=download)
        if self._image_shape not in (None, dataset.image_shape):
            raise ValueError(f'`experiment.image_shape` is {self._image_shape}, but the images of {dataset.name!r} are '
                             f'{dataset.image_shape} (height, width, channels).')
        return dataset

    def make_model_for(self, dataset, seed):
        """Returns the model for the images of an `ImageDataset`.

        Raises:
            ValueError: if its z comes from another number of class labels than the images have.
        """
        model = self.make_model(image_shape=dataset.image_shape, seed=seed)
        if model.latent.num_classes not in (None, dataset.num_classes):
            raise ValueError(f'`{type(model.latent).__name__}.num_classes` is {model.latent.num_classes}, but {dataset.name!r} has '
                             f'{dataset.num_classes or "no"} class labels.')
        return model

    def find_image_shape(self, data_dir):
        """Returns (height, width, channels), from the binding if there is one, so that no data are needed for it."""
        return self._image_shape or self.open_dataset(data_dir, download=False).image_shape
