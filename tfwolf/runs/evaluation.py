"""Evaluate a run: likelihood first, then further evaluators; results survive an error."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from tfwolf.core import files, validate
from tfwolf.core.choices import SPLITS
from tfwolf.core.progress import progress_bar
from tfwolf.evaluation.assessment import Assessment
from tfwolf.evaluation.likelihood import TERMS
from tfwolf.evaluation.provenance import provenance
from tfwolf.evaluation.resume_cache import ResumeCache
from tfwolf.runs.run_data import check_labels
from tfwolf.training import run_directory
from tfwolf.training.interrupts import Interrupts
from tfwolf.training.memory import check_evaluation
from tfwolf.training.weights_origin import origin_in_results


class Request(NamedTuple):
    """The arguments of `Run.evaluate`."""

    split: str
    num_samples: int
    num_images: int | None
    batch_size: int
    seed: int
    evaluators: tuple[Callable, ...]
    save: bool


def evaluate(run: Any, request: Request) -> dict:
    """Return the result of `Run.evaluate`.

    Args:
        run: a `Run`.
        request: the `Request`.

    Raises:
        ValueError: if the split is empty, or an argument is invalid.
        WorkerLost: if another worker is lost.
    """
    if request.split not in SPLITS:
        raise ValueError(
            f'`split` must be one of {", ".join(SPLITS)}; got split={request.split!r}.'
        )
    workers, dataset = run.workers, run.dataset
    with workers.together():
        workers.check_alike(
            repr(
                (
                    run.config.text,
                    os.path.basename(run.checkpoint),
                    dataset.title,
                    request._replace(evaluators=len(request.evaluators)),
                )
            )
        )
        split = dataset.split(request.split)
        check_labels(run.model, dataset, request.split)
        if request.num_images is not None:
            split = split.take(validate.integer('num_images', request.num_images, minimum=1))
        check_evaluation(run.model, min(request.batch_size, split.num_examples), run.strategy)
        about = provenance(
            dataset,
            request.split,
            split,
            run.checkpoint,
            run.weights,
            request.seed,
            run.arithmetic,
        )
        key = {
            **about,
            'num_samples': request.num_samples,
            'terms': TERMS,
            'batch_size': request.batch_size,
            'replicas': run.strategy.num_replicas_in_sync,
        }
        cache = ResumeCache(
            os.path.join(run.train_dir, run_directory.RESUME_CACHE),
            key,
            request.save and workers.is_chief,
        )
        if workers.differing(cache.position):
            cache.clear()
        with Interrupts(workers.agree_on_signal) as interrupts:
            bars = _progress_bars(interrupts, request.save and workers.is_chief)
            assessment = Assessment(
                run.model,
                split,
                request.batch_size,
                request.num_samples,
                request.seed,
                run.strategy,
                cache,
                bars,
            )
            if request.save:
                print(
                    f'{dataset.title}, {request.split}: {split.num_examples:,} {dataset.kind}; '
                    f'{run.checkpoint}',
                    flush=True,
                )
            try:
                known = (
                    {} if dataset.entropy_nats is None else {'entropy_nats': dataset.entropy_nats}
                )
                result = {
                    **assessment.likelihood(),
                    **known,
                    **about,
                    **origin_in_results(run.train_dir),
                }
                for evaluator in (None, *request.evaluators):
                    if evaluator is not None and (
                        workers.is_chief or not getattr(evaluator, 'on_chief_alone', False)
                    ):
                        result.update(evaluator(assessment))
                    # Results are written before the next evaluator can fail.
                    if request.save and workers.is_chief:
                        _write(run.train_dir, assessment, result)
            except BaseException:
                # A full disk must not hide the error.
                with contextlib.suppress(OSError):
                    cache.save()
                raise
        cache.remove()
    return result


def _progress_bars(interrupts, shown):
    @contextlib.contextmanager
    def progress(description, total, done):
        def update(count):
            bar.update(count)
            interrupts.check()

        with progress_bar(total, done, description, 'image', shown) as bar:
            yield update

    return progress


def _write(train_dir, assessment, result):
    files.write_json(os.path.join(train_dir, run_directory.EVALUATION), result)
    text = io.StringIO()
    table = csv.writer(text, lineterminator='\n')
    table.writerow(['image', *assessment.columns])
    table.writerows(
        [number, *map(float, row)] for number, row in enumerate(zip(*assessment.columns.values()))
    )
    files.write_text(os.path.join(train_dir, run_directory.IMAGES), text.getvalue())
