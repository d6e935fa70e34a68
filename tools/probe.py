"""Classifies by z, v and pixels: `python tools/probe.py --train_dir=runs/cifar10_small --data_dir=DATA` (Wolf, table 4)."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # so that a clone that is not installed will do
from tfwolf import quiet  # noqa: E402  # isort: skip  (before anything that imports TensorFlow)

from absl import flags
import sklearn

from tfwolf import command, tool
from tfwolf.data.fingerprint import data_fingerprint
from tfwolf.evaluation.coder import Coder
from tfwolf.evaluation.probe import CLASSIFIERS, PROTOCOLS, describe_protocol, probe
from tfwolf.evaluation.probe_features import FEATURES, extract, labelled_images, load_features, save_features

FEATURE_NAMES = flags.DEFINE_list('features', None, f'What to classify by: some of {",".join(FEATURES)}; default: all that the model has.')
CLASSIFIER = flags.DEFINE_enum('classifier', 'svm', CLASSIFIERS, 'svm is linear, logistic is logistic regression.')
PROTOCOL = flags.DEFINE_enum('protocol', 'tuned', PROTOCOLS, 'paper: C = 1 on unscaled features; tuned: standardised features, C by cross-validation.')
NUM_TRAIN = flags.DEFINE_integer('num_train', None, 'Training images; default: all, for --protocol=paper the first 5,000, since libsvm takes hours for all.',
                                 lower_bound=2)
AT_MOST = flags.DEFINE_bool('at_most', False, 'Where there are fewer images than --num_train, take all.')
NUM_TEST = flags.DEFINE_integer('num_test', None, 'Test images; default: all.', lower_bound=1)
# libsvm needs time that grows with the square of the images and more.
PAPER_NUM_TRAIN = 5000
# Wolf, table 4: CIFAR-10, a linear SVM on all training labels.
PAPER = {'z': 0.5953, 'v': 0.1716, 'pixels': 0.3532}


def main():
    """Runs the command."""
    if AT_MOST.value and NUM_TRAIN.value is None:
        raise ValueError('--at_most says how to take --num_train; give both.')
    run = tool.trained()
    names = FEATURE_NAMES.value or [name for name in FEATURES if name != 'z' or run.model.latent.dim]
    if 'z' not in names and not FEATURE_NAMES.value:
        print('This model has no z: probing v and pixels.')
    for name in names:
        if name not in FEATURES or (name == 'z' and not run.model.latent.dim):
            raise ValueError(f'--features must be some of {",".join(FEATURES)}, and z only for a model that has one; got {name!r}.')
    if run.model.latent.num_classes is not None and set(names) - {'pixels'}:
        print('WARNING: this model makes z from the class label, and v depends on z: their accuracies say nothing about what images hold.')
    dataset = run.open_dataset(command.DATA_DIR.value, command.DOWNLOAD.value)
    num_train = NUM_TRAIN.value
    if AT_MOST.value or (num_train is None and PROTOCOL.value == 'paper'):
        num_train = min(num_train or PAPER_NUM_TRAIN, dataset.train.num_examples + dataset.validation.num_examples)
    splits = labelled_images(dataset, num_train, NUM_TEST.value)
    counts = [sum(split.num_examples for split in part) for part in splits]
    print(f'{dataset.title}: {counts[0]:,} training and {counts[1]:,} test images; {describe_protocol(PROTOCOL.value, CLASSIFIER.value)}', flush=True)
    # Neither classifier nor number of images: one folder holds the results of all of them, and the features.
    folder = tool.result_folder('probe', run, {'dataset': dataset.title})
    parts = _features(run, folder, splits, names)
    results = {}
    for name in names:
        print(f'{name}:', flush=True)
        results[name] = probe(parts[0][name], parts[1][name], CLASSIFIER.value, PROTOCOL.value, command.SEED.value,
                              report=lambda line: print(f'  {line}', flush=True))
        # After each, for the next may take an hour.
        folder.write(_as_json(results, dataset, counts), f'{CLASSIFIER.value}-{PROTOCOL.value}')
    folder.finish(_as_json(results, dataset, counts), f'{CLASSIFIER.value}-{PROTOCOL.value}')
    print(f'{"":8}{"accuracy":>10}{"95 %":>20}{"Wolf, table 4":>15}')
    for name, found in results.items():
        low, high = found.interval_95
        paper = f'{PAPER[name]:15.2%}' if dataset.name == 'cifar10' else ''
        print(f'{name:8}{found.accuracy:10.2%}{f"{low:.2%} to {high:.2%}":>20}{paper}' + ('' if found.converged else '   did not converge'))


def _features(run, folder, splits, names):
    """Returns `{name: (features, labels)}` of the training and of the test images, from files where they fit."""
    parts = []
    for part, own in zip(('train', 'test'), splits):
        fingerprint = ' '.join(data_fingerprint(split) for split in own)
        key = repr((run.identity['checkpoint_sha256'], run.weights, fingerprint))
        found = {name: load_features(folder.path(f'{part}_{name}.npz'), key) for name in names}
        missing = [name for name, arrays in found.items() if arrays is None]
        if missing:
            features, labels = extract(Coder(run.model, tool.BATCH_SIZE.value), own, missing)
            for name in missing:
                save_features(folder.path(f'{part}_{name}.npz'), features[name], labels, key)
                found[name] = (features[name], labels)
        else:
            print(f'Kept from before: {", ".join(names)} of the {"training" if part == "train" else "test"} images', flush=True)
        parts.append(found)
    return parts


def _as_json(results, dataset, counts):
    paper = {f'paper_accuracy_{name}': PAPER[name] for name in results} if dataset.name == 'cifar10' else {}
    return {**{f'accuracy_{name}': found.accuracy for name, found in results.items()}, **paper,
            'features': {name: found._asdict() for name, found in results.items()}, 'num_train': counts[0], 'num_test': counts[1],
            'classifier': CLASSIFIER.value, 'protocol': PROTOCOL.value, 'protocol_in_words': describe_protocol(PROTOCOL.value, CLASSIFIER.value),
            'scikit_learn': sklearn.__version__}


if __name__ == '__main__':
    command.run(main)
