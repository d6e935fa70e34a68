"""What the tools of pictures and tables share: their flags, the trained model, the folder of results."""
import os

from absl import flags

from tfwolf import command
from tfwolf.evaluation.coder import Coder
from tfwolf.results import ResultFolder
from tfwolf.trained import trained_of_flags

OUTPUT_DIR = flags.DEFINE_string('output_dir', None, 'Folder of the results; default: TRAIN_DIR/results/CHECKPOINT/TOOL.')
OVERWRITE = flags.DEFINE_bool('overwrite', False, 'Replace results in --output_dir that were made with other settings or of another checkpoint.')
BATCH_SIZE = flags.DEFINE_integer('batch_size', 64, 'Images that are encoded or decoded at a time.', lower_bound=1)


def trained():
    """Returns the `Trained` model that the flags name.

    Raises:
        ValueError: as `load_trained` does.
    """
    return trained_of_flags()


def coder(model):
    """Returns a `Coder` of the model with the batch size of the flags."""
    return Coder(model, BATCH_SIZE.value, show_progress=True)


def result_folder(tool, run, settings, path=None):
    """Returns the `ResultFolder` of a tool.

    Args:
        tool: its name.
        run: the `Trained` model.
        settings: `{name: JSON value}` of whatever else the results depend on, see `settings`.
        path: of the folder; None for what `--output_dir` says.
    """
    folder = path or OUTPUT_DIR.value or os.path.join(run.train_dir, 'results', os.path.basename(run.checkpoint), tool)
    made_from = {'tool': tool, **run.identity, 'seed': command.SEED.value, **settings}
    return ResultFolder(folder, made_from, run.step, OVERWRITE.value)


def settings(*given):
    """Returns `{name: value}` of flags."""
    return {flag.name: flag.value for flag in given}
