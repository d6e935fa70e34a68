"""Writes a version of an exported model, all its files in one folder, and verifies it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from tfwolf.core import files
from tfwolf.core.files import sha256
from tfwolf.core.freeze import freeze
from tfwolf.core.variables import count_parameters
from tfwolf.models.wolf import Wolf
from tfwolf.serving.examples import example_inputs
from tfwolf.serving.model_card import copy_picture, model_card
from tfwolf.serving.saved_model import describe, write_saved_model
from tfwolf.serving.signatures import Signatures
from tfwolf.serving.verification import Difference, check, expected_results
from tfwolf.serving.warmup import write_examples, write_warmup

WEIGHTS = os.path.join('variables', 'variables.data-00000-of-00001')


class ExportedRun(NamedTuple):
    """What an export says of the run that it is made of.

    Attributes:
        identity: what its results depend on, see `Run.identity`.
        train_dir: its folder.
        config: text of its configuration.
        classes: names of the classes, if they are known.
    """

    identity: dict
    train_dir: str
    config: str
    classes: Sequence[str] | None = None


def write_version(
    model: Wolf,
    run: ExportedRun,
    folder: str,
    model_name: str,
    seed: int = 0,
    verify: bool = True,
) -> list[Difference] | None:
    """Write SavedModel, warm-up requests, examples, description, model card and its picture.

    The weights of the model are frozen: it cannot be trained afterwards.

    Args:
        model: the restored `Wolf`.
        run: the run that it is of.
        folder: an existing folder to write to.
        model_name: name of the model on the server.
        seed: integer, for the example inputs.
        verify: whether to call every signature as a server would and compare the outputs with the
            checkpoint.

    Returns:
        list of `Difference`, or None without verification.

    Raises:
        RuntimeError: if the exported model differs from the checkpoint.
    """
    signatures, parameters = Signatures(model), count_parameters(model)
    examples = example_inputs(model, signatures, 1, seed)
    expected = expected_results(model, signatures, seed) if verify else None
    freeze(model)
    fixed = Signatures(model)
    write_saved_model(fixed, folder)
    write_warmup(folder, examples, model_name)
    write_examples(folder, examples)
    provenance = {**run.identity, 'weights_sha256': sha256(os.path.join(folder, WEIGHTS))}
    files.write_json(
        os.path.join(folder, 'signatures.json'),
        {
            'model': model_name,
            'parameters': parameters,
            **provenance,
            **describe(fixed, run.classes),
        },
    )
    differences = None if expected is None else check(folder, expected)
    files.write_text(
        os.path.join(folder, 'model_card.md'),
        model_card(
            model,
            parameters,
            provenance,
            run.train_dir,
            run.config,
            differences,
            model_name,
            copy_picture(run.train_dir, folder),
        ),
    )
    return differences
