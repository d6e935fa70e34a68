"""Results that other tools have written of the same model."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Mapping
from typing import Any


def earlier_results(folder: str, tool: str, identity: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the results of a tool on a model, the newest first.

    They are in `FOLDER/TOOL`, `FOLDER/TOOL-2` and so on, and in that part of a report. Files that
    are damaged, and results of another checkpoint or of other weights, are left out.

    Args:
        folder: of the results of all tools, as from `cli.opening.results_parent`.
        tool: its name.
        identity: with 'checkpoint_sha256' and 'weights', as `Run.identity`.
    """
    name = glob.escape(tool)
    places = (name, f'{name}-[0-9]*', f'report/{name}')
    paths = {
        path
        for place in places
        for path in glob.glob(os.path.join(glob.escape(folder), place, '*.json'))
    }
    found = []
    for path in sorted(paths, key=lambda path: (-os.path.getmtime(path), path)):
        try:
            with open(path, encoding='utf-8') as file:
                result = json.load(file)
            made_from = result['made_from']
            same = all(
                made_from[name] == identity[name] for name in ('checkpoint_sha256', 'weights')
            )
        except (OSError, ValueError, TypeError, KeyError):
            continue
        if same and made_from.get('tool') == tool:
            found.append(result)
    return found
