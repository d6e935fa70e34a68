"""Read the results of tools that use a trained flow: unusual images, inpainting, distances."""

from __future__ import annotations

from tfwolf.report.findings import Findings, pictures_of, read_result
from tfwolf.report.page import Row


def of_anomaly(folder: str) -> Findings:
    """Return the `Findings` of `tfwolf anomaly`."""
    result = read_result(folder)
    rows = [
        Row(
            f'{name}: AUROC by {score.replace("_", " ")}',
            f'{area["value"]:.3f} (95 %: {area["low"]:.3f} to {area["high"]:.3f})',
        )
        for name, found in result['sets'].items()
        for score, area in found['auroc'].items()
    ]
    return Findings(
        rows,
        pictures_of(
            folder,
            maps='Images, and the bits of each of their pixels',
            histograms='Scores of the images of each set',
        ),
        [f'{meaning[0].upper()}{meaning[1:]}.' for meaning in result['scores'].values()],
    )


def of_inpainting(folder: str) -> Findings:
    """Return the `Findings` of `tfwolf inpaint`."""
    result = read_result(folder)
    rows = [
        Row(
            'known pixels before they are set, root mean square error',
            f'{result["known_pixels_rms_error"]:.1f} of 255',
        ),
        Row('images that are not finite', f'{result["num_not_finite"]} of {result["num_images"]}'),
        Row('steps', f'{result["made_from"]["num_steps"]:,}'),
    ]
    return Findings(
        rows, pictures_of(folder, inpainted='Images, their known pixels, and the results')
    )


def of_distance(folder: str) -> Findings:
    """Return the `Findings` of `tfwolf distance`."""
    result = read_result(folder)
    rows = [
        Row(
            f'{name}: distance in bits/dim',
            f'{found["distance"]:.3f} (by chance up to {found["by_chance"]:.3f}); '
            f'mean bits/dim times {found["ratio"]:.3f}',
        )
        for name, found in result['sets'].items()
    ]
    return Findings(rows, pictures_of(folder, distances='Distances from test images'))
