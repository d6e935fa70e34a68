"""Grids with labels: pixels are those of the images, and texts do not touch."""

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from tfwolf.pictures.grids import image_grid
from tfwolf.plots.figure_files import figure_array
from tfwolf.plots.labelled_grid import Labels, labelled_grid
from tfwolf.plots.text_size import text_width, wrapped

LABELS = {
    'none': Labels(),
    'all': Labels(
        'A title that is a good deal longer than the grid below is wide, with α, β and T = 0.7',
        ['image', 'z of A, v of B'],
        ['A: cat\nB: dog', 'A: ship\nB: frog', 'A: automobile\nB: truck'],
        'z: (1 − α) z of A + α z of B, from row to row',
        'v: (1 − β) v of A + β v of B, from column to column',
    ),
    'short': Labels('', ['α = 0', 'α = 1'], ['v of A\nβ = 0', 'β = 0.5', 'v of B\nβ = 1']),
    'axes': Labels('', (), (), 'z', 'v'),
}


def images_of(side, count=6):
    values = np.random.default_rng(0).integers(0, 250, [count, side, side, 3])
    return values.astype(np.uint8)


@pytest.mark.parametrize('dpi, scale, side', [(144, None, 8), (72, 2, 17), (300, 3, 32)])
@pytest.mark.parametrize('labels', LABELS.values(), ids=LABELS)
def test_pixels_are_exact_in_the_lower_right_or_beside_the_overhang(labels, dpi, scale, side):
    images = images_of(side)
    grid = image_grid(images, 3, scale)
    shown = figure_array(labelled_grid(images, 3, labels, scale, dpi), dpi)
    height, width, _ = grid.shape
    below = shown[-height:]
    places = [
        left
        for left in range(shown.shape[1] - width + 1)
        if np.array_equal(below[:, left : left + width], grid)
    ]
    assert len(places) == 1
    if labels == Labels():
        assert shown.shape == grid.shape


@pytest.mark.parametrize('dpi, scale, side', [(144, None, 8), (72, 1, 32), (300, 2, 32)])
@pytest.mark.parametrize('labels', [*LABELS.values()][1:], ids=[*LABELS][1:])
def test_nothing_touches_and_all_is_inside(labels, dpi, scale, side):
    figure = labelled_grid(images_of(side), 3, labels, scale, dpi)
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.texts if text.get_text()]
    boxes.append(figure.axes[0].get_window_extent(renderer))
    for box in boxes:
        assert box.x0 >= -1 and box.y0 >= -1
        assert box.x1 <= figure.bbox.width + 1 and box.y1 <= figure.bbox.height + 1
    for first, second in itertools.combinations(boxes, 2):
        assert not first.overlaps(second), (first, second)


def test_labels_have_to_fit():
    with pytest.raises(ValueError, match='`labels.rows` must be 2 texts; got 1'):
        labelled_grid(images_of(8), 3, Labels('', ['one']))
    with pytest.raises(ValueError, match='`scale` must be an integer of at least 1'):
        labelled_grid(images_of(8), 3, scale=0)


def test_texts_are_broken_between_words():
    assert wrapped('a bb ccc', 10, text_width('a bb', 10)) == 'a bb\nccc'
    assert wrapped('a\nlonglonglong b', 10, 20) == 'a\nlonglonglong\nb'
    assert text_width('mm\ni', 10) == text_width('mm', 10) == 2 * text_width('mm', 5)
