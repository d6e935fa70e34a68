"""Makes every picture and table of a run and one page of them: `python tools/report.py --train_dir=runs/cifar10_small --data_dir=DATA`."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # so that a clone that is not installed will do
from tfwolf import quiet  # noqa: E402  # isort: skip  (before anything that imports TensorFlow)

import json
import os
import shlex
import subprocess
import time
from typing import Callable, NamedTuple

from absl import flags

from tfwolf import command, tool
from tfwolf.evaluation import findings
from tfwolf.evaluation.page import Part, page
from tfwolf.evaluation.provenance import checkpoint_sha256, software_versions
from tfwolf.results import ResultFolder
from tfwolf.trained import CHECKPOINT, WEIGHTS
from tfwolf.training import run_directory
from tfwolf.training.checkpoints import find_checkpoint


class Section(NamedTuple):
    """What a section of the page is made by, and how its folder is read."""

    title: str
    explanation: str
    tool: str
    flags: tuple
    read: Callable


SECTIONS = {
    'samples': Section('Samples', 'Images drawn from the model at temperature 1.', 'sample', (), findings.of_samples),
    'temperatures': Section('Temperatures', 'Each row is the same noise at another temperature of v and z (Glow, figure 8).', 'sample',
                            ('--temperatures=0,0.25,0.6,0.7,0.8,0.9,1', '--num_samples=10'), findings.of_samples),
    'reconstructions': Section('Reconstructions', 'What comes back from z and v, and from v with other draws of z ~ q(z|x).', 'reconstruct', (),
                               findings.of_reconstructions),
    'switch': Section('Switch', 'Each image with the z of the other (Wolf, figure 1).', 'switch', (), findings.of_switch),
    'switch_within_class': Section('Switch within a class', 'The same for two images of one class (Wolf, figure 8).', 'switch', ('--within_class',),
                                   findings.of_switch),
    'interpolation': Section('Interpolation', 'h(z) by h(v) between two images (Wolf, equation 9, figure 5).', 'interpolate', (),
                             findings.of_interpolation),
    'latents': Section('What z and v hold', 'Attributes, manifold, compression and larger samples.', 'latents', (), findings.of_latents),
    'probe': Section('Probe', 'How well a linear classifier tells classes by z, v and pixels (Wolf, table 4).', 'probe', (), findings.of_probe),
    'fid': Section('Frechet distance', 'How far the features of samples are from those of images (Wolf, table 2).', 'fid', (), findings.of_fid),
}
NUM_TRAIN = flags.DEFINE_integer('num_train', 10_000, 'Training images of the probe, at most; 0 for all, which takes much longer.', lower_bound=0)
FID_FEATURES = flags.DEFINE_string('fid_features', 'inception2015', 'As --features of tools/fid.py.')
INCEPTION_WEIGHTS = flags.DEFINE_string('inception_weights', None, 'As that of tools/fid.py.')
NUM_FID_SAMPLES = flags.DEFINE_integer('num_fid_samples', 10_000, 'As --num_samples of tools/fid.py.', lower_bound=2)
PARTS = flags.DEFINE_list('parts', list(SECTIONS), 'Which parts to make; others that lie in the folder are shown too.')
# What a part's folder holds when it is complete: the command that made it, and how long that took.
FINISHED = 'finished.json'
PAGE = 'report.html'


def main():
    """Runs the command."""
    unknown = sorted(set(PARTS.value) - SECTIONS.keys())
    if unknown or not PARTS.value:
        raise ValueError(f'--parts must be some of {",".join(SECTIONS)}; got {",".join(PARTS.value)!r}.')
    train_dir = command.train_dir()
    config = command.run_config(train_dir)
    path = find_checkpoint(train_dir, CHECKPOINT.value)
    step = int(path.rsplit('-', 1)[1])
    out = tool.OUTPUT_DIR.value or os.path.join(train_dir, 'results', os.path.basename(path), 'report')
    identity = {'checkpoint': os.path.basename(path), 'checkpoint_sha256': checkpoint_sha256(path), 'asked_weights': WEIGHTS.value}
    folder = ResultFolder(out, {'tool': 'report', **identity, 'seed': command.SEED.value, 'versions': software_versions()}, step, tool.OVERWRITE.value)
    made = {}
    for name in PARTS.value:
        made[name] = _make(name, os.path.join(out, name), train_dir, step)
        # After every part, so that what is done can be read while the rest is made.
        parts = [*_likelihood(train_dir, identity['checkpoint_sha256']), *(_part(key, out, made.get(key)) for key in SECTIONS)]
        with open(config, encoding='utf-8') as file:
            text = page(f'{os.path.basename(os.path.abspath(train_dir))}, step {step:,}', _facts(identity), [part for part in parts if part], file.read())
        run_directory.write_text(folder.path(PAGE), text)
    folder.wrote(PAGE)
    failed = [name for name, problem in made.items() if problem]
    folder.finish({'made': [name for name in made if name not in failed], 'not_made': {name: made[name] for name in failed}})
    print(f'Open {folder.path(PAGE)} in a browser' + (f'; not there: {", ".join(failed)}' if failed else ''))


def _command(name, folder, train_dir, step):
    """Returns the arguments of Python that make a part."""
    section = SECTIONS[name]
    shared = [flag.serialize() for flag in (flags.FLAGS[key] for key in ('data_dir', 'download', 'seed', 'weights', 'batch_size', 'gin_file', 'gin_param'))
              if flag.present]
    own = {'probe': ['--at_most', f'--num_train={NUM_TRAIN.value}'] if NUM_TRAIN.value else [],
           'fid': [f'--features={FID_FEATURES.value}', f'--num_samples={NUM_FID_SAMPLES.value}',
                   *([f'--inception_weights={INCEPTION_WEIGHTS.value}'] if INCEPTION_WEIGHTS.value else [])]}.get(name, [])
    checkpoint = 'best' if CHECKPOINT.value == 'best' else step
    return [f'tools/{section.tool}.py', f'--train_dir={train_dir}', f'--checkpoint={checkpoint}', *section.flags, *own,
            *(part for text in shared for part in text.split('\n')), f'--output_dir={folder}']


def _make(name, folder, train_dir, step):
    """Makes a part by its tool unless it is there; returns None, or why it could not be made."""
    arguments = _command(name, folder, train_dir, step)
    finished = os.path.join(folder, FINISHED)
    if not tool.OVERWRITE.value and os.path.exists(finished) and findings.read_result(folder, 'finished')['command'] == arguments:
        print(f'{name}: there already', flush=True)
        return None
    print(f'{name}: python {shlex.join(arguments)}', flush=True)
    if os.path.exists(finished):
        os.remove(finished)
    started = time.perf_counter()
    root = pathlib.Path(__file__).resolve().parents[1]
    child = subprocess.Popen([sys.executable, str(root / arguments[0]), *arguments[1:], '--overwrite'], stderr=subprocess.PIPE)
    said = _show(child.stderr)
    if child.wait():
        return said.rpartition('error: ')[2].strip() or f'The tool ended with exit code {child.returncode}.'
    run_directory.write_json(finished, {'command': arguments, 'seconds': time.perf_counter() - started})
    return None


def _show(stream):
    """Passes a child's stderr on as it comes and returns it as text."""
    said = b''
    while piece := stream.read1():
        said += piece
        sys.stderr.buffer.write(piece)
        sys.stderr.buffer.flush()
    return said.decode(errors='replace')


def _part(name, out, problem):
    """Returns the `Part` of a folder, or of the problem that kept it from being made; None if it was never asked for."""
    section, folder = SECTIONS[name], os.path.join(out, name)
    if problem:
        return Part(section.title, section.explanation, f'python tools/{section.tool}.py', problem=problem)
    if not os.path.exists(os.path.join(folder, FINISHED)):
        return None
    finished = findings.read_result(folder, 'finished')
    found = section.read(folder)
    return Part(section.title, section.explanation, f'python {shlex.join(finished["command"])}', found.rows, found.pictures, found.notes,
                finished['seconds'])


def _likelihood(train_dir, checkpoint):
    """Returns the list of the `Part` of the run's evaluation, if it is of this checkpoint."""
    title, explanation = 'Likelihood', 'The negative evidence lower bound of held-out images, in bits per dimension.'
    path = os.path.join(train_dir, run_directory.EVALUATION)
    again = f'python -m tfwolf.evaluate --train_dir={train_dir}'
    if not os.path.exists(path):
        return [Part(title, explanation, again, problem='The run has not been evaluated.')]
    with open(path, encoding='utf-8') as file:
        result = json.load(file)
    if result['checkpoint_sha256'] != checkpoint:
        return [Part(title, explanation, again, problem=f'The evaluation in the run\'s folder is of another checkpoint, {result["checkpoint"]}.')]
    return [Part(title, explanation, again, *findings.of_evaluation(result))]


def _facts(identity):
    return {'checkpoint': identity['checkpoint'], 'SHA-256 of its index': identity['checkpoint_sha256'], 'seed': str(command.SEED.value),
            'made with': ', '.join(f'{name} {version}' for name, version in software_versions().items()),
            'made on': time.strftime('%Y-%m-%d')}


if __name__ == '__main__':
    command.run(main)
