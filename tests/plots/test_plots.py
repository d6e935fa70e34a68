"""Plots draw the numbers that they are given, and the same numbers give the same file."""

import math

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from tfwolf.plots.bound_terms import stacked_terms
from tfwolf.plots.calibration import calibration_of_v, correlation_maps
from tfwolf.plots.curves import compared_curves, learning_curves
from tfwolf.plots.density import density_figure, plane_around
from tfwolf.plots.distances import distances_of_sets
from tfwolf.plots.figure_files import figure_array, figure_bytes, write_figure
from tfwolf.plots.frechet import distance_by_number
from tfwolf.plots.latent_dimensions import active_units, kl_per_dimension
from tfwolf.plots.layers import ROUNDING, invertibility_by_layer
from tfwolf.plots.likelihoods import against_file_length, likelihood_histogram, num_bins
from tfwolf.plots.probe import probe_accuracies
from tfwolf.plots.style import COLORS, DASHES, look
from tfwolf.plots.temperature import non_finite_share, quality_over_temperature, wilson_interval

NAN = math.nan
TRAIN = {
    'step': np.array([1.0, 2, 3, 4]),
    'bits_per_dim': np.array([5.0, 4, 3.5, 3]),
    'kl_nats': np.array([1.0, NAN, 2, 3]),
    'dequantizer_nats': np.zeros(4),
}
VALIDATION = {'step': np.array([2.0, 4]), 'bits_per_dim': np.array([4.5, 3.2])}


def lines(axis):
    """Return `{label: (x, y)}` of the lines of a chart."""
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axis.lines
    }


def test_learning_curves_have_a_chart_for_each_term_that_has_values():
    figure = learning_curves(TRAIN, VALIDATION)
    assert [axis.get_ylabel() for axis in figure.axes] == ['bits/dim', 'KL of z (nats)']
    assert lines(figure.axes[0]) == {
        'training': ([1, 2, 3, 4], [5, 4, 3.5, 3]),
        'validation': ([2, 4], [4.5, 3.2]),
    }
    assert lines(figure.axes[1]) == {'training': ([1, 3, 4], [1, 2, 3])}, 'NaN is no point'
    with pytest.raises(ValueError, match='must have values of one of bits_per_dim'):
        learning_curves({'step': np.arange(2.0)})
    with pytest.raises(ValueError, match='`kl_nats` must be a vector of 2 values'):
        learning_curves({'step': np.arange(2.0), 'kl_nats': np.ones(3)})


def test_the_first_steps_are_cut_off_and_named():
    values = np.concatenate([[80.0], np.linspace(4, 3, 99)])
    (axis,) = learning_curves({'step': np.arange(100.0), 'bits_per_dim': values}).axes
    assert axis.get_ylim()[1] < 5 and axis.texts[0].get_text() == 'first steps: up to 80'


def test_runs_that_may_not_be_compared_have_charts_of_their_own():
    steps = np.array([1.0, 2])
    figure = compared_curves(
        {'cifar10': {'a': (steps, steps), 'b': (steps, 2 * steps)}, 'digits': {'c': (steps, steps)}}
    )
    assert [axis.get_title(loc='left') for axis in figure.axes] == ['cifar10', 'digits']
    assert lines(figure.axes[0]) == {'a': ([1, 2], [1, 2]), 'b': ([1, 2], [2, 4])}
    looks = [
        (line.get_color(), line.get_linestyle(), line.get_marker())
        for axis in figure.axes
        for line in axis.lines
    ]
    assert len({color for color, _, _ in looks}) == len({marker for *_, marker in looks}) == 3
    with pytest.raises(ValueError, match='at least one run'):
        compared_curves({})


def test_terms_are_stacked_to_the_bound_in_bits():
    nats = math.log(2)
    figure = stacked_terms([1, 2], [-8 * nats, -9 * nats], [nats, 2 * nats], [14 * nats] * 2,
                           [-nats, 0], 2)  # fmt: skip
    whole, small = figure.axes
    assert lines(whole)['sum'] == ([1, 2], pytest.approx([3, 3.5]))
    assert lines(small)['sum'] == ([1, 2], pytest.approx([0, 1]))
    assert [area.get_label() for area in whole.collections] == [
        'image given z', 'KL of z', 'dequantizer'
    ]  # fmt: skip
    top = whole.collections[1].get_paths()[0].vertices[:, 1]
    assert top.max() == pytest.approx(3.5) and top.min() == pytest.approx(2.5)
    assert len({area.get_hatch() for area in whole.collections}) == 3, 'apart in grey'
    with pytest.raises(ValueError, match='`kl_nats` must be finite; got 1 of 2'):
        stacked_terms([1, 2], [0, 0], [0, NAN], [0, 0], [0, 0], 2)
    assert len(stacked_terms([1, 2], [1, 1], [0, 0], [1, 1], [0, 0], 2).axes) == 1


def test_dimensions_of_z_are_sorted():
    (axis,) = kl_per_dimension([0.5, 3, 0.25, 0.25]).axes
    assert [bar.get_height() for bar in axis.patches] == [3, 0.5, 0.25, 0.25]
    assert axis.get_title(loc='left') == '4.00 nats in 4 dimensions, half of them in 1'
    (axis,) = active_units([0.001, 0.5, 0, 0.02]).axes
    assert axis.get_title(loc='left') == '2 of 4 dimensions are active'
    drawn = axis.lines[0].get_ydata()
    np.testing.assert_array_equal(drawn, [0.5, 0.02, 0.001, NAN])
    assert list(axis.lines[1].get_ydata()) == [0.01, 0.01]
    with pytest.raises(ValueError, match='`variances` must be at least 0; got -1'):
        active_units([1, -1])


def test_histograms_share_bins_and_have_extreme_images_beside():
    images, samples = np.linspace(3, 4, 100), np.linspace(3.5, 5, 50)
    dark, light = np.zeros((4, 8, 8, 3), np.uint8), np.full((4, 8, 8, 3), 200, np.uint8)
    axis, beside = likelihood_histogram(images, samples, dark, light).axes
    for polygon, values in zip(axis.patches, (images, samples)):
        xs, ys = polygon.get_xy().T
        heights, edges = np.histogram(
            values,
            np.histogram_bin_edges(np.concatenate([images, samples]), num_bins(150)),
            density=True,
        )
        assert ys.max() == pytest.approx(heights.max())
        assert (xs.min(), xs.max()) == pytest.approx((edges[0], edges[-1]))
    assert axis.get_legend().get_texts()[1].get_text() == 'samples (50), mean 4.250'
    picture = beside.images[0].get_array()
    assert picture[4, 4, 0] == 0 and picture[4, -5, 0] == 200
    assert [num_bins(count) for count in (1, 100, 10_000)] == [10, 15, 40]
    assert len(likelihood_histogram(images, [], dark, light).axes[0].patches) == 1
    with pytest.raises(ValueError, match='`images_bits` must be finite'):
        likelihood_histogram([NAN, 1], [], dark, light)


def test_bits_against_the_file():
    (axis,) = against_file_length([4, 5, 6], [3, 4.5, 7]).axes
    assert lines(axis)['equal'] == ([3, 7], [3, 7])
    assert list(axis.lines[0].get_xdata()) == [4, 5, 6]
    assert list(axis.lines[0].get_ydata()) == [3, 4.5, 7]
    assert '67% of 3 images' in axis.get_title(loc='left')


def test_quantiles_are_drawn_against_the_normal_ones_and_correlations_by_lag():
    normal = np.array([-1.0, 0, 1])
    half = np.array([[NAN, NAN, 1, 0.3, 0.2], [9, 9, 0.5, 9, 9], [9, 9, NAN, 9, 9]])
    left, right = calibration_of_v(normal, {'level 1': normal * 1.5}, {'level 1': half}).axes
    assert lines(left)['level 1'] == ([-1, 0, 1], [-0.5, 0, 0.5])
    assert lines(right)['level 1, right'] == ([1, 2], [0.3, 0.2])
    assert lines(right)['level 1, below'] == ([1], [0.5])
    with pytest.raises(ValueError, match=r'must be \[max_lag \+ 1, 2 max_lag \+ 1\]'):
        calibration_of_v(normal, {}, {'level 1': half[:2]})


def test_a_map_of_correlations_is_symmetric_about_its_center():
    half = np.array([[NAN, 1, 0.3], [0.1, 0.2, -0.4]])
    axis = correlation_maps({'level 1': half}).axes[0]
    drawn = axis.images[0].get_array().filled(NAN)
    np.testing.assert_array_equal(drawn, [[-0.4, 0.2, 0.1], [0.3, NAN, 0.3], [0.1, 0.2, -0.4]])
    assert axis.images[0].get_clim() == (-0.4, 0.4)


def test_layers_are_in_order_and_what_is_not_finite_is_crossed():
    figure = invertibility_by_layer(['A', 'B', 'A'], [1e-6, 0, 1e-3], [1, math.inf, 4])
    error, gain = figure.axes
    assert lines(error)['A'] == ([1, 3], [1e-6, 1e-3])
    assert lines(error)['B'] == ([2], [ROUNDING / 4])
    assert lines(gain)['not finite'] == ([2], [12])
    assert gain.get_yscale() == 'log'
    with pytest.raises(ValueError, match='`inverse_gain` must be a vector of 1 values'):
        invertibility_by_layer(['A'], [0], [1, 2])


def test_bars_of_the_probe_have_intervals_and_the_papers_beside():
    paper = {'z': 0.5953, 'v': 0.1716, 'pixels': 0.3532}
    (axis,) = probe_accuracies(
        ['z', 'v'], [0.4, 0.2], [[0.38, 0.42], [0.19, 0.22]], paper, chance=0.1
    ).axes
    assert [bar.get_height() for bar in axis.patches] == pytest.approx([40, 20, 59.53, 17.16])
    assert len({bar.get_hatch() for bar in axis.patches}) == 2
    (segments,) = [part for part in axis.collections if hasattr(part, 'get_segments')]
    assert [list(segment[:, 1]) for segment in segments.get_segments()] == [
        pytest.approx([38, 42]), pytest.approx([19, 22])
    ]  # fmt: skip
    assert list(axis.lines[-1].get_ydata()) == [10, 10]
    assert '59.5%' in [text.get_text() for text in axis.texts]
    assert len(probe_accuracies(['z'], [0.4], [[0.3, 0.5]]).axes[0].patches) == 1
    with pytest.raises(ValueError, match=r'`accuracies` must be in \[0, 1\]; got \[40.0\]'):
        probe_accuracies(['z'], [40], [[38, 42]])


def test_samples_over_temperature():
    bits = [[1, 2, 3], [2, 3, 4]]
    left, right = quality_over_temperature([0.5, 1], bits, np.array(bits) * 10, 3.5, 25).axes
    assert lines(left)['median of samples'] == ([0.5, 1], [2, 3])
    assert lines(left)['median of test images'][1] == [3.5, 3.5]
    band = right.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == 10 and band[:, 1].max() == 40
    with pytest.raises(ValueError, match=r'`samples_bits` must be \[2, 3\]; got shape \(1, 3\)'):
        quality_over_temperature([0.5, 1], [[1, 2, 3]], bits, 1, 1)


def test_shares_have_intervals_that_are_not_empty_at_zero():
    (axis,) = non_finite_share([0.7, 1], [0, 0.5], 100).axes
    assert list(axis.lines[0].get_ydata()) == [0, 50]
    # Wilson, 1927: with 50 of 100 the interval is 0.4038 to 0.5962; with 0 it ends at 0.0370.
    low, high = wilson_interval(np.array([0.5, 0]), 100)
    assert low == pytest.approx([0.4038, 0], abs=1e-4)
    assert high == pytest.approx([0.5962, 0.0370], abs=1e-4)
    with pytest.raises(ValueError, match=r'`shares` must be in \[0, 1\]'):
        non_finite_share([1], [2], 100)


def test_distances_by_number_of_samples():
    (axis,) = distance_by_number([64, 128], [9, 7], [2, NAN], 'pixels').axes
    assert lines(axis) == {'samples': ([64, 128], [9, 7]), 'test images': ([64], [2])}
    assert axis.get_xscale() == 'log' and axis.get_ylim()[0] == 0
    assert [label.get_text() for label in axis.get_xticklabels()] == ['64', '128']
    with pytest.raises(ValueError, match='`counts` must be positive'):
        distance_by_number([0, 1], [1, 1], None, 'pixels')


def test_distances_have_a_bar_for_each_set():
    first, second = distances_of_sets(
        ['samples', 'blur'], {'bits/dim': [0.5, 2], 'pixels': [1, 3]}, {'bits/dim': 0.1}
    ).axes
    assert [bar.get_width() for bar in first.patches] == [0.5, 2]
    assert [bar.get_width() for bar in second.patches] == [1, 3]
    assert [label.get_text() for label in first.get_yticklabels()] == ['samples', 'blur']
    assert lines(first) == {'by chance': ([0.1, 0.1], [0, 1])} and not second.lines
    with pytest.raises(ValueError, match='must be at least 0; got -1'):
        distances_of_sets(['a'], {'pixels': [-1]})
    with pytest.raises(ValueError, match='pixels'):
        distances_of_sets(['a'], {'pixels': [1, 2]})


def test_files_hold_texts_and_are_the_same_each_time(tmp_path):
    files = [
        {name: figure_bytes(kl_per_dimension([3, 1]), name) for name in ('svg', 'png', 'pdf')}
        for _ in range(2)
    ]
    assert files[0] == files[1], 'no dates'
    assert b'>dimension of z, sorted</text>' in files[0]['svg']
    paths = write_figure(str(tmp_path / 'a' / 'kl'), kl_per_dimension([3, 1]), ('png', 'svg'))
    assert paths == [f'{tmp_path}/a/kl.png', f'{tmp_path}/a/kl.svg']
    assert (tmp_path / 'a' / 'kl.png').read_bytes() == files[0]['png']
    picture = figure_array(kl_per_dimension([3, 1]))
    assert (
        picture.dtype == np.uint8 and picture.shape[2] == 3 and picture[0, 0].tolist() == [255] * 3
    )
    with pytest.raises(ValueError, match="`file_format` must be one of png, svg, pdf; got .*'gif'"):
        figure_bytes(kl_per_dimension([3, 1]), 'gif')


def small_density():
    """Return the figure of a density of four cells."""
    points = np.array([[0.0, 0.0], [1.0, 2.0]])
    return density_figure(
        plane_around(points, 2), points, points, points, points, np.log([0.1, 0.2, 0.3, 0.4])
    )


def test_the_density_is_of_its_plane_and_in_the_style_of_all_plots():
    figure = small_density()
    data, _, density, _, _, log_density = figure.axes[:6]
    assert data.get_xlim() == pytest.approx((-0.1, 1.1)), 'a tenth of the side around the data'
    assert data.get_ylim() == pytest.approx((-0.2, 2.2))
    assert np.array(density.images[0].get_array()) == pytest.approx(
        np.array([[0.1, 0.2], [0.3, 0.4]])
    )
    assert log_density.images[0].get_clim() == pytest.approx((math.log(0.4) - 12, math.log(0.4)))
    assert not data.spines['top'].get_visible() and data.get_title(loc='left') == 'data x'
    assert not any(line.get_visible() for line in density.get_xgridlines()), 'none over the colors'


@pytest.mark.parametrize('drawn', [lambda: kl_per_dimension([3, 1]), small_density])
def test_global_settings_of_matplotlib_are_neither_used_nor_changed(drawn):
    import matplotlib

    expected = figure_bytes(drawn(), 'png')
    with matplotlib.rc_context({'font.size': 30, 'axes.facecolor': 'red'}):
        before = dict(matplotlib.rcParams)
        assert figure_bytes(drawn(), 'png') == expected
        assert dict(matplotlib.rcParams) == before


def test_lines_differ_also_in_grey():
    looks = [look(number) for number in range(len(COLORS) * len(DASHES))]
    assert len(set(looks)) == len(looks)
    # Neighbors differ in dashes and marker, whatever their luminance.
    for one, other in zip(looks, looks[1:]):
        assert one.dashes != other.dashes and one.marker != other.marker
    assert all(0 <= value <= 1 for color in COLORS for value in to_rgb(color))
