"""Groups of flags that several commands share."""

from __future__ import annotations

from tfwolf.cli.flags import Flags
from tfwolf.core.choices import PLOT_FORMATS, PRECISIONS, SPLITS, STRATEGIES, WEIGHTS
from tfwolf.runs.pretrained_names import pretrained_names


def experiment(options: Flags) -> None:
    """Define the flags of an experiment's configuration."""
    options.group('Experiment')
    options.repeated(
        'gin_file',
        "Gin file, or name of a shipped experiment such as 'digits' (`tfwolf list`). Later files "
        'override earlier ones.',
        'FILE',
    )
    options.repeated(
        'gin_param',
        'One gin binding, such as "train.batch_size = 32". Overrides files.',
        '"NAME = VALUE"',
    )
    options.choice(
        'precision',
        None,
        PRECISIONS,
        'Type in which the networks compute. Log-determinants, actnorm, 1x1 convolutions and '
        'priors keep the type of the weights. tf32: float32, but GPUs may round the factors of all '
        'products in training steps. Default: as configured.',
    )
    options.repeated(
        'plugin',
        'Python module that registers your own parts (networks, data sources, evaluators).',
        'MODULE',
    )
    options.integer('seed', 0, 'Seed of weights, image order and noise.', lower_bound=0)


def data(options: Flags) -> None:
    """Define the flags of where data are."""
    options.group('Data')
    options.path(
        'data_dir',
        None,
        "Folder with TensorFlow Datasets' prepared data. Default: the folder that the run was "
        "trained with, else TFDS's own.",
        'FOLDER',
    )
    options.boolean('download', True, 'Download and prepare missing TFDS data.')
    options.boolean(
        'accept_changed_data',
        False,
        'Go on although the images of the run have changed; all results say what has changed.',
    )


def devices(options: Flags) -> None:
    """Define the flags of what is computed on."""
    options.group('Devices')
    options.choice(
        'strategy',
        'auto',
        STRATEGIES,
        'Devices to compute on. auto: multi_worker if TF_CONFIG is set, mirrored for several '
        'GPUs, else one_device.',
    )
    options.string('tpu', None, 'With --strategy=tpu: name or address of the TPU, or local.')
    options.real('startup_timeout', 600.0, 'Seconds to wait for all workers.', lower_bound=1.0)
    options.boolean(
        'xla', None, 'Compile the layers of flow and prior with XLA. Default: on a GPU only.'
    )
    options.boolean(
        'deterministic',
        False,
        'Compute the same bits each time on the same GPU, with slower operations.',
    )


def run(options: Flags) -> None:
    """Define the flags of a run, its checkpoint and its weights."""
    options.group('Run')
    options.path('train_dir', None, 'Folder of the run.', 'FOLDER')
    pretrained(options)
    options.argument = 'train_dir'
    options.string(
        'checkpoint', 'latest', "'latest', 'best' (on validation images) or a step.", 'WHICH'
    )
    options.choice(
        'weights',
        'auto',
        WEIGHTS,
        'Trained weights or their averages (train.ema_decay; ema means averaged). auto: averages '
        'if the run has them.',
    )


def pretrained(options: Flags) -> None:
    """Define the flag of a pretrained model."""
    options.string(
        'pretrained',
        None,
        f'Instead of a run: a trained model of the package ({", ".join(pretrained_names())}).',
        'NAME',
    )


def results(options: Flags) -> None:
    """Define the flags of a tool that makes pictures or tables, including those of its run."""
    run(options)
    options.group('Output')
    options.path(
        'output_dir',
        None,
        'Folder of the results. Default: a new one in TRAIN_DIR/results/CHECKPOINT, or in '
        'results/NAME for a pretrained model.',
        'FOLDER',
    )
    options.boolean(
        'overwrite', False, 'Replace results in --output_dir that were made differently.'
    )
    options.integer('batch_size', 64, 'Images that are encoded or decoded at once.', lower_bound=1)
    experiment(options)
    data(options)


def temperatures(options: Flags, default: float = 1.0) -> None:
    """Define the flags of the temperatures of samples."""
    options.real(
        'temperature_v', default, 'Temperature of v: factor on its noise.', lower_bound=0.0
    )
    options.real(
        'temperature_z', default, "Temperature of z: factor on the prior's noise.", lower_bound=0.0
    )


def images(options: Flags, title: str = 'Images') -> None:
    """Define the flags of which images are shown, under a title."""
    options.group(title)
    options.choice('split', 'test', SPLITS, 'Split of the data set.')
    options.list(
        'positions', None, 'Positions in the split, from 0. Default: the first images.', '3,17,...'
    )
    options.repeated(
        'images', 'Your own image files instead, several separated by commas.', 'FILE,FILE,...'
    )
    options.boolean('resize', False, "Crop and resize --images to the model's image size.")


def figures(options: Flags) -> None:
    """Define the flags of the files of charts."""
    options.group('Files of pictures')
    options.list('format', ['png'], f'Files: {", ".join(PLOT_FORMATS)}.', 'NAME,...')
    options.integer(
        'dpi', 144, 'Pixels per inch of PNG, and of grids of images in PDF and SVG.', lower_bound=1
    )


def grids(options: Flags, scale: str = 'scale') -> None:
    """Define the flags of the files of grids of images; `scale` is the name of one of them."""
    figures(options)
    options.integer(
        scale,
        None,
        'Pixels of the picture for each pixel of an image. Default: small images get about 64.',
        lower_bound=1,
    )
    options.boolean('captions', True, 'Names of rows, columns and axes.')
