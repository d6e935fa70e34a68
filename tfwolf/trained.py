"""A trained model out of its run's folder, for tools and notebooks: `load_trained('runs/digits').model`."""
import os
import re
from typing import NamedTuple

from absl import flags
import gin

from tfwolf import command
from tfwolf.evaluation.provenance import checkpoint_sha256, software_versions
from tfwolf.experiment import Experiment
from tfwolf.models.wolf import Wolf
from tfwolf.training.averages import CHOICES
from tfwolf.training.checkpoints import find_checkpoint, restore_model

CHECKPOINT = flags.DEFINE_string('checkpoint', 'latest', "'latest', 'best' (on validation) or the number of a step.")
WEIGHTS = flags.DEFINE_enum('weights', 'auto', CHOICES, 'The weights, or their averages (train.ema_decay; averaged and ema '
                            'are the same); auto: the averages where there are any.')


class Trained(NamedTuple):
    """A model of a run.

    Attributes:
        model: the `Wolf`, with the weights of the checkpoint.
        experiment: the `Experiment` that the run's configuration binds.
        train_dir: folder of the run.
        checkpoint: path of the checkpoint, without extension.
        weights: which of its weights, 'raw' or 'averaged'.
    """

    model: Wolf
    experiment: Experiment
    train_dir: str
    checkpoint: str
    weights: str

    @property
    def step(self):
        """Number of the training step after which the checkpoint was saved."""
        return int(re.search(r'\d+$', self.checkpoint)[0])

    @property
    def identity(self):
        """What results on this model depend on: `{'checkpoint', 'checkpoint_sha256', 'weights', 'versions'}`."""
        return {'checkpoint': os.path.basename(self.checkpoint), 'checkpoint_sha256': checkpoint_sha256(self.checkpoint),
                'weights': self.weights, 'versions': software_versions()}

    def open_dataset(self, data_dir=None, download=False):
        """Returns the `ImageDataset` that the model was trained on.

        Args:
            data_dir: folder of TensorFlow Datasets, for a source that reads it.
            download: whether what is missing may be downloaded.

        Raises:
            ValueError: if it cannot be had.
        """
        return self.experiment.open_dataset(data_dir, download)


def load_trained(train_dir, checkpoint='latest', weights='auto', gin_files=(), gin_params=(), data_dir=None):
    """Returns the `Trained` model of a run, or of an imported one.

    Gin's configuration is global: what was configured before is cleared.

    Args:
        train_dir: folder of the run.
        checkpoint: 'latest', 'best' (on validation images) or the number of a step.
        weights: 'raw', 'averaged' or 'ema' (the same), or 'auto' for the averages where there are any.
        gin_files, gin_params: files and bindings on top of the run's own, such as another source of images.
        data_dir: folder of its data, needed where the configuration does not say the size of the images.

    Raises:
        ValueError: if the folder holds no run, or the checkpoint is missing, damaged or of another model.
    """
    gin.clear_config()
    command.parse_gin([command.run_config(train_dir), *gin_files], list(gin_params))
    path = find_checkpoint(train_dir, checkpoint)
    experiment = Experiment()
    model = experiment.make_model(image_shape=experiment.find_image_shape(data_dir), seed=0)
    chosen = restore_model(model, path, weights)
    if not model.initialized.numpy():
        raise ValueError(f'{path} holds a model that was never initialised from data: it was saved before the first step. Train further.')
    return Trained(model, experiment, train_dir, path, chosen)


def trained_of_flags():
    """Returns the `Trained` model that a command's flags name, and prints which it is.

    Its networks compute in float32 unless the flags say otherwise, whatever it was trained in: in bfloat16 they invert less exactly.
    """
    params = [*(f'{name} = None' for name in command.PRECISION_BINDINGS), *command.gin_params()]
    found = load_trained(command.train_dir(), CHECKPOINT.value, WEIGHTS.value, command.GIN_FILE.value, params, command.DATA_DIR.value)
    print(f'{found.checkpoint}, {found.weights} weights', flush=True)
    return found
