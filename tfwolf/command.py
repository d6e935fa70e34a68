"""What every command shares: flags that end in a readable error and exit code 2, and gin files."""
import os
import re
import sys

from absl import app, flags, logging
import gin
import tensorflow as tf

from tfwolf.training import run_directory
from tfwolf.training.cluster import WorkerLost
from tfwolf.training.strategy import NAMES, make_strategy

GIN_FILE = flags.DEFINE_multi_string('gin_file', [], 'Gin file with an experiment; may be given several times, later ones win.')
GIN_PARAM = flags.DEFINE_multi_string('gin_param', [], 'One gin binding, such as "train.batch_size = 32"; wins over files.')
TRAIN_DIR = flags.DEFINE_string('train_dir', None, 'Folder of the run: checkpoints, summaries, pictures, results.')
SEED = flags.DEFINE_integer('seed', 0, 'Seed of weights, order of images and noise.', lower_bound=0)
DATA_DIR = flags.DEFINE_string('data_dir', None, "Folder of TensorFlow Datasets' prepared data.")
DOWNLOAD = flags.DEFINE_bool('download', True, 'Download and prepare TFDS data that are not in --data_dir.')
STRATEGY = flags.DEFINE_enum('strategy', 'auto', NAMES, 'Devices to compute on; multi_worker: those of all processes in TF_CONFIG; auto: '
                             'multi_worker, mirrored or one_device, whichever of them there is something for.')
TPU = flags.DEFINE_string('tpu', None, 'With --strategy=tpu: name or address of the TPU, or "local"; default: that of the environment.')
STARTUP_TIMEOUT = flags.DEFINE_float('startup_timeout', 600.0, 'Seconds after which a worker that does not come is given up.', lower_bound=1.0)
PRECISION = flags.DEFINE_enum('precision', None, ['float32', 'bfloat16'], 'What the networks compute in; log-determinants, actnorm, 1x1 '
                              'convolutions and priors stay in float32. Default: as the gin files say, float32.')
XLA = flags.DEFINE_bool('xla', None, "Compile loss and gradients of the flow with XLA. Default: on a GPU, not on a CPU, where it is slower.")
DEBUG = flags.DEFINE_bool('debug', False, 'Show the whole stack trace of an error.')

# The parts that have networks.
PRECISION_BINDINGS = ('RefinedGlow.compute_dtype', 'Glow.compute_dtype', 'RealNVP.compute_dtype', 'Encoder.compute_dtype')

# Passes of TensorFlow's graph optimiser that cost the start of a full-size model 6 s on a CPU and do not make its steps faster.
IDLE_PASSES = ('layout_optimizer', 'shape_optimization', 'loop_optimization', 'constant_folding', 'dependency_optimization', 'remapping')

USAGE_ERROR = 2
INTERRUPTED = 130

# What gin says of an argument without a value.
UNBOUND = r"No values supplied by Gin or caller for arguments: \['(?P<argument>\w+)'.*?In call to configurable '(?P<function>\w+)'"


def run(main):
    """Parses the flags and runs `main()`; what a user can mend ends in one paragraph on stderr and exit code 2."""
    def parse(argv):
        try:
            return flags.FLAGS(argv)
        except flags.Error as error:
            _fail(error)

    def guarded(argv):
        logging.set_verbosity(logging.WARNING)
        if len(argv) > 1:
            _fail(f'Unknown argument {argv[1]!r}: all arguments are flags, such as --gin_file=FILE. See --help.')
        if not tf.config.list_physical_devices('GPU'):
            tf.config.optimizer.set_experimental_options(dict.fromkeys(IDLE_PASSES, False))
        try:
            main()
        except KeyboardInterrupt as interrupt:
            interrupted(interrupt, 'What is complete has been written.')
        except (ValueError, RuntimeError, OSError) as error:
            if DEBUG.value:
                raise
            _fail(error)
        except TypeError as error:
            unbound = re.search(UNBOUND, str(error), re.DOTALL)
            if DEBUG.value or not unbound:
                raise
            name = f'{unbound["function"]}.{unbound["argument"]}'
            _fail(f'`{name}` is not bound. Bind it in the gin file or with --gin_param="{name} = ...".')
        except tf.errors.OpError as error:
            # What our own code raises while tf.data reads images arrives inside the text of another error.
            raised = re.search(r'^ValueError: (.*)$', error.message, re.MULTILINE)
            if DEBUG.value or not raised:
                raise
            _fail(raised[1])

    app.run(guarded, flags_parser=parse)


def interrupted(interrupt, message):
    """Ends the command after Ctrl-C (exit code 130) or SIGTERM (143) with a line on stderr.

    Args:
        interrupt: the `KeyboardInterrupt`, or `training.interrupts.Terminated`.
        message: what is kept, and how to go on.
    """
    print(f'\nInterrupted. {message}', file=sys.stderr)
    sys.exit(getattr(interrupt, 'exit_code', INTERRUPTED))


def _fail(error):
    # gin adds to every error in which function's call it arose.
    lines = [line for line in str(error).splitlines() if not line.startswith('  In call to configurable')]
    print('\nerror: ' + '\n'.join(lines), file=sys.stderr)
    if isinstance(error, WorkerLost):
        # TensorFlow's own goodbye would wait for the worker that is gone.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(error.exit_code)
    sys.exit(USAGE_ERROR)


def gin_params():
    """Returns the bindings given by `--gin_param` and by flags that stand for some."""
    precision = PRECISION.value
    return [*GIN_PARAM.value, *(f'{name} = {precision!r}' for name in PRECISION_BINDINGS if precision)]


def parse_gin(files, params):
    """Reads gin files and bindings; an `include` is looked up in the folder of the files and in the working directory.

    Raises:
        ValueError: if a file is missing, a line cannot be read, or a name is unknown.
    """
    for file in files:
        if not os.path.isfile(file):
            raise ValueError(f'There is no gin file {file!r} (working directory: {os.getcwd()}).')
        gin.add_config_file_search_path(os.path.dirname(os.path.abspath(file)))
    verbosity = logging.get_verbosity()
    # gin logs an error for every folder in which an include is not found before it is.
    logging.set_verbosity(logging.FATAL)
    try:
        gin.parse_config_files_and_bindings(list(files), list(params), skip_unknown=False)
    except Exception as error:  # gin lets through whatever its parser, tokenizer and imports raise
        raise ValueError(f'The gin configuration cannot be read: {error}') from error
    finally:
        logging.set_verbosity(verbosity)


def strategy():
    """Returns the strategy that the flags ask for, to be made before TensorFlow computes anything."""
    return make_strategy(STRATEGY.value, TPU.value, STARTUP_TIMEOUT.value)


def train_dir():
    """Returns the flag `--train_dir`.

    Raises:
        ValueError: if it was not given.
    """
    if not TRAIN_DIR.value:
        raise ValueError('--train_dir must be given: the folder of the run.')
    return TRAIN_DIR.value


def run_config(train_dir):
    """Returns the path of the configuration of the run in `train_dir`.

    Raises:
        ValueError: if there is no run.
    """
    config = os.path.join(train_dir, run_directory.CONFIG)
    if not os.path.isfile(config):
        raise ValueError(f'{train_dir} holds no run of tfwolf (no {run_directory.CONFIG}). Train first, or name another --train_dir.')
    return config


def config_text():
    """Returns what was asked for, as a gin file that says the same, with the seed in its first line."""
    return f'# seed = {SEED.value}\n{gin.config_str(max_line_length=120)}'


def bindings(config):
    """Returns `{name: value}` as text for every binding of a `config_text()`, the seed included."""
    found = {}
    name = None
    for line in config.splitlines():
        if line.startswith('# seed = '):
            found['seed'] = line.removeprefix('# seed = ')
        if line.startswith('#') or not line.strip():
            name = None
            continue
        match = re.match(r'([\w./@]+) = ?(.*)', line)
        if match and not line.startswith(' '):
            name = match[1]
            found[name] = match[2].rstrip('\\').strip()
        elif name is not None:
            found[name] += ' ' + line.strip().rstrip('\\').strip()
    return found
