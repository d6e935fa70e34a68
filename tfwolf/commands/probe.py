"""Classify by z, v and pixels with a linear classifier (Wolf, table 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags
from tfwolf.core.choices import CLASSIFIERS, FEATURES, PROTOCOLS
from tfwolf.core.paper_numbers import numbers_for

if TYPE_CHECKING:
    from tfwolf.data.dataset import ImageDataset

EXAMPLES = ('probe --train_dir=runs/cifar10_small --data_dir=DATA',)

# libsvm needs time that grows with the square of the images and more.
PAPER_NUM_TRAIN = 5000


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Probe')
    options.list(
        'features',
        None,
        f'Which: {", ".join(FEATURES)}. Default: all that the model has.',
        'NAME,...',
    )
    options.choice(
        'classifier',
        'svm',
        CLASSIFIERS,
        'Linear SVM (svm), logistic regression, or SVM with a Gaussian kernel (svm_rbf).',
    )
    options.choice(
        'protocol',
        'tuned',
        PROTOCOLS,
        'C = 1 on unscaled features (paper), or C by cross-validation on standardized features '
        '(tuned).',
    )
    options.integer(
        'num_train',
        None,
        'Training images. Default: all; with --protocol=paper the first 5,000, because libsvm '
        'takes hours for all.',
        lower_bound=2,
    )
    options.boolean('at_most', False, 'Use all images if there are fewer than --num_train.')
    options.integer('num_test', None, 'Test images. Default: all.', lower_bound=1)
    groups.results(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.analysis.coder import Coder
    from tfwolf.cli import opening
    from tfwolf.metrics.probe import describe_protocol, probe
    from tfwolf.metrics.probe_features import kept_features, labelled_images

    if options.at_most and options.num_train is None:
        raise ValueError('--at_most needs --num_train.')
    run = opening.open_run(options)
    names = options.features or [name for name in FEATURES if name != 'z' or run.model.latent.has_z]
    if 'z' not in names and not options.features:
        print('This model has no z: probing v and pixels.')
    for name in names:
        if name not in FEATURES or (name == 'z' and not run.model.latent.has_z):
            raise ValueError(
                f'--features must be some of {",".join(FEATURES)}, and z only for a model that '
                f'has one; got {name!r}.'
            )
    if run.model.latent.needs_labels and set(names) - {'pixels'}:
        print(
            'WARNING: this model makes z from the class label, and v depends on z: their '
            'accuracies say nothing about what images hold.'
        )
    if run.model.condition is not None and {'z', 'v'} & set(names):
        print(f'z and v need not hold what the condition holds, {run.model.condition.description}.')
    dataset, num_train = run.dataset, options.num_train
    if options.at_most or (num_train is None and options.protocol == 'paper'):
        num_train = min(
            num_train or PAPER_NUM_TRAIN,
            dataset.train.num_examples + dataset.validation.num_examples,
        )
    splits = labelled_images(dataset, num_train, options.num_test)
    counts = [sum(split.num_examples for split in part) for part in splits]
    print(
        f'{dataset.title}: {counts[0]:,} training and {counts[1]:,} test images; '
        f'{describe_protocol(options.protocol, options.classifier)}{_of_classes(dataset)}',
        flush=True,
    )
    # Neither classifier nor number of images: one folder holds the results of all of them, and the
    # features.
    folder = opening.result_folder(options, 'probe', run, {'dataset': dataset.title})
    parts = kept_features(
        Coder(run.model, options.batch_size),
        folder.folder,
        splits,
        names,
        (run.identity['checkpoint_sha256'], run.weights, *(dataset.classes or ())),
    )
    file = f'{options.classifier}-{options.protocol}'
    if dataset.original is not None:
        # The label is an attribute, whose results stand beside those of others.
        file = f'{dataset.class_name(1)}-{file}'
    results = {}
    for name in names:
        print(f'{name}:', flush=True)
        results[name] = probe(
            parts[0][name],
            parts[1][name],
            options.classifier,
            options.protocol,
            options.seed,
            report=lambda line: print(f'  {line}', flush=True),
        )
        # After each, for the next may take an hour.
        folder.write(_as_json(options, results, dataset, counts), file)
    folder.finish(_as_json(options, results, dataset, counts), file)
    reported = numbers_for(dataset.name).accuracies
    print(f'{"":8}{"accuracy":>10}{"95 %":>20}{"Wolf, table 4":>15}')
    for name, found in results.items():
        low, high = found.interval_95
        paper = f'{reported[name]:15.2%}' if name in reported else ''
        print(
            f'{name:8}{found.accuracy:10.2%}{f"{low:.2%} to {high:.2%}":>20}{paper}'
            + ('' if found.converged else '   did not converge')
        )


def _of_classes(dataset: ImageDataset) -> str:
    return f'; {" or ".join(dataset.classes)}' if dataset.original and dataset.classes else ''


def _as_json(options: Flags, results: dict, dataset: ImageDataset, counts: list[int]) -> dict:
    import sklearn

    from tfwolf.metrics.probe import describe_protocol

    reported = numbers_for(dataset.name).accuracies
    paper = {f'paper_accuracy_{name}': reported[name] for name in results if name in reported}
    return {
        **{f'accuracy_{name}': found.accuracy for name, found in results.items()},
        **paper,
        'features': {name: found._asdict() for name, found in results.items()},
        'classes': dataset.classes,
        'num_train': counts[0],
        'num_test': counts[1],
        **options.chosen('classifier', 'protocol'),
        'protocol_in_words': describe_protocol(options.protocol, options.classifier),
        'scikit_learn': sklearn.__version__,
    }
