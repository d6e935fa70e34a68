"""The YAML block at the top of a model card, which model hubs read.

Reference: https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from tfwolf.core.choices import UNIFORM, VARIATIONAL

TASK = 'unconditional-image-generation'
TAGS = ['tfwolf', 'tensorflow', 'normalizing-flow', 'invertible-neural-network', 'image-generation']
# Words that are not strings in YAML 1.1.
RESERVED = ('y', 'n', 'yes', 'no', 'on', 'off', 'true', 'false', 'null')


def metadata(model_name: str, config: str, result: dict[str, Any] | None) -> str:
    """Return the metadata of a model as YAML, without the lines `---` around it.

    Args:
        model_name: name of the model.
        config: text of the configuration of its run.
        result: the evaluation of the exported weights, None if they were not evaluated.
    """
    dataset = training_dataset(config)
    return _yaml(
        {
            # The exporter does not know the license of the training images and of the weights.
            'license': 'unknown',
            'library_name': 'tfwolf',
            'pipeline_tag': TASK,
            'tags': TAGS,
            **({'datasets': [dataset]} if dataset else {}),
            'metrics': ['bits_per_dimension'],
            **({'model-index': _model_index(model_name, result)} if result else {}),
        }
    )


def training_dataset(config: str) -> str | None:
    """Return the name of the training data in a configuration, such as 'cifar10'.

    None for images on the local disk, whose name means nothing elsewhere, or given in Python.
    """
    found = re.findall(r"^dataset\.source\s*=\s*['\"]([^'\"]+)", config, re.MULTILINE)
    if not found:
        return None
    kind, _, location = found[-1].partition(':')
    if kind == 'tfds':
        # A hub would read 'lsun/bedroom' as the data set `bedroom` of the user `lsun`.
        return location.partition('/')[0]
    return None if location else kind


def _model_index(model_name: str, result: dict[str, Any]) -> list[dict[str, Any]]:
    kind = result.get('dequantization', UNIFORM)
    bound = 'upper bound, ' if result.get('kl_nats') or kind == VARIATIONAL else ''
    metrics = {
        'bits_per_dim': ('', f'Bits per dimension ({bound}{kind} dequantization)'),
        'bits_per_dim_iwae': (
            '_importance_weighted',
            f'Bits per dimension (importance-weighted, K = {result.get("num_samples")})',
        ),
    }
    return [
        {
            'name': model_name,
            'results': [
                {
                    'task': {'type': TASK, 'name': 'Unconditional Image Generation'},
                    'dataset': {
                        'type': result['dataset'].partition('/')[0],
                        'name': dataset_title(result),
                        'split': result['split'],
                    },
                    'metrics': [
                        {'type': f'bits_per_dimension{kind}', 'name': name, 'value': result[key]}
                        for key, (kind, name) in metrics.items()
                        if math.isfinite(result.get(key) or math.nan)
                    ],
                }
            ],
        }
    ]


def dataset_title(result: dict[str, Any]) -> str:
    """Return name and version of the images of an evaluation."""
    return ' '.join(filter(None, (result['dataset'], result.get('dataset_version'))))


def _yaml(value: Any, indent: str = '') -> str:
    """Return a dict, a list or a scalar as YAML in block style."""
    if isinstance(value, dict):
        return '\n'.join(
            f'{indent}{key}:\n{_yaml(part, indent + "  ")}'
            if isinstance(part, (dict, list))
            else f'{indent}{key}: {_yaml(part)}'
            for key, part in value.items()
        )
    if isinstance(value, list):
        return '\n'.join(f'{indent}- {_yaml(part, indent + "  ").lstrip()}' for part in value)
    if isinstance(value, float):
        # Without an exponent, which not every parser takes for a number.
        return f'{value:.6f}'
    if (
        isinstance(value, str)
        and re.fullmatch(r'[A-Za-z][\w./-]*', value)
        and value.lower() not in RESERVED
    ):
        return value
    # JSON's strings are YAML.
    return json.dumps(value, ensure_ascii=False)
