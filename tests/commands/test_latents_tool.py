"""Attributes, the manifold, compression, larger samples and shuffled labels: exact where they must
be, from library and command.
"""

import functools

import numpy as np
import pytest
import tensorflow as tf

import tfwolf
from support.small_models import (
    SHAPE,
    random_images,
    residual_net,
    small_class_model,
    small_flow_alone,
    stirred_wolf,
)
from support.tool_runs import result, run_tool, train_tiny
from tfwolf.analysis.coder import Coder
from tfwolf.analysis.compression import compress, departures, kept_fractions
from tfwolf.analysis.directions import along_direction, attribute_direction, label_direction
from tfwolf.analysis.extrapolation import enlarged_flow, larger_samples
from tfwolf.analysis.label_shuffle import shuffle_labels
from tfwolf.analysis.manifold import circle, manifold
from tfwolf.analysis.sampling import draw_samples
from tfwolf.bijectors.permutation import reverse_channels
from tfwolf.bijectors.transforms import Additive, BoundedAffine
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.sources import load_dataset
from tfwolf.flows.conditional_base import ConditionalBase
from tfwolf.flows.glow import Glow
from tfwolf.flows.likelihood_contribution import LikelihoodContribution
from tfwolf.flows.realnvp import RealNVP
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.models.initialization import initialize
from tfwolf.models.label_latents import LabelCondition
from tfwolf.models.no_latent import NoLatent
from tfwolf.models.wolf import Wolf


@pytest.fixture(scope='module')
def coder():
    return Coder(stirred_wolf(), 5)


def flow_alone(flow):
    """Returns a model without z, initialized."""
    model = Wolf(SHAPE, 8, flow=flow, latent=NoLatent)
    initialize(model, random_images(32), 0)
    return model


def test_the_direction_of_a_label_is_the_difference_of_means(coder):
    images, labels = random_images(23, seed=1), np.arange(23) % 3
    split = ArraySplit(lambda: (images, labels), 23, SHAPE)
    found = label_direction(coder, split, 1)
    code = coder.encode(images)
    assert (found.num_with, found.num_without) == (8, 15)
    for part, of in zip(found.code, code):
        np.testing.assert_allclose(
            part[0], of[labels == 1].mean(axis=0) - of[labels != 1].mean(axis=0), atol=1e-5
        )
    with pytest.raises(ValueError, match='0 of 23 have label 7'):
        label_direction(coder, split, 7)
    with pytest.raises(ValueError, match='image 0 has none'):
        label_direction(coder, ArraySplit(lambda: (images, None), 23, SHAPE), 0)


def test_the_direction_of_an_attribute_is_that_of_a_label(coder):
    images, labels = random_images(23, seed=1), np.arange(23) % 3
    marks = np.stack([labels == 1, labels < 5], axis=1)
    split = ArraySplit(lambda: (images, None, marks), 23, SHAPE)
    found = attribute_direction(coder, split, 0, 'round')
    same = label_direction(coder, ArraySplit(lambda: (images, labels), 23, SHAPE), 1)
    assert (found.num_with, found.num_without) == (8, 15)
    np.testing.assert_array_equal(found.code.v, same.code.v)
    with pytest.raises(ValueError, match='23 of 23 have flat. Use more images'):
        attribute_direction(coder, split, 1, 'flat')


@pytest.mark.parametrize('of', ['z', 'v'])
def test_attributes_leave_the_image_in_the_middle(coder, of):
    images = random_images(10, seed=2)
    split = ArraySplit(lambda: (images, np.arange(10) % 2), 10, SHAPE)
    direction, code = label_direction(coder, split, 1), coder.encode(images[:3])
    found = along_direction(coder, code, direction, of, 5, 2.0)
    assert found.images.shape == (3, 5, *SHAPE)
    np.testing.assert_array_equal(found.images[:, 2], images[:3])
    moved = code._replace(**{of: getattr(code, of) - getattr(direction.code, of)})
    assert np.abs(found.images[:, 1].astype(int) - coder.decode(*moved).images).max() <= 1
    assert not np.array_equal(found.images[:, 0], images[:3])
    with pytest.raises(ValueError, match='must be odd'):
        along_direction(coder, code, direction, of, 4, 2.0)


def test_the_circle_is_exact_at_right_angles():
    cosines, sines = circle(8)
    assert cosines[[0, 2, 4, 6]].tolist() == [1, 0, -1, 0] and sines[[0, 2, 4, 6]].tolist() == [
        0,
        1,
        0,
        -1,
    ]
    np.testing.assert_allclose(cosines[1], np.sqrt(0.5))
    with pytest.raises(ValueError, match='must be a multiple of 4'):
        circle(6)


def test_the_manifold_goes_through_its_images(coder):
    images = random_images(4, seed=3)
    code = coder.encode(images)
    found = manifold(coder, code, 8)
    assert found.images.shape == (8, 8, *SHAPE) and found.finite.shape == (8, 8)
    np.testing.assert_array_equal(found.images[[0, 0, 2, 2], [0, 2, 0, 2]], images)
    c = np.sqrt(0.5)
    v = c * (c * code.v[:1] + c * code.v[1:2]) + c * (c * code.v[2:3] + c * code.v[3:])
    latent = coder.model.latent
    noise = latent.to_noise(tf.constant(code.z))
    np.testing.assert_allclose(latent.from_noise(noise), code.z, atol=1e-4)
    z = latent.from_noise(0.5 * tf.reduce_sum(noise, axis=0, keepdims=True)).numpy()
    assert (
        np.abs(
            found.images[1, 1].astype(int) - coder.decode(z, v.astype(np.float32)).images[0]
        ).max()
        <= 1
    )
    with pytest.raises(ValueError, match='four images; got 3'):
        manifold(coder, code[:3], 8)


def refined(num_steps, **others):
    return functools.partial(
        RefinedGlow,
        num_steps=num_steps,
        hidden_channels=[4] * len(num_steps),
        transform=BoundedAffine(1.0),
        **others,
    )


def test_fractions_are_those_of_the_levels():
    shape = (32, 32, 3)
    cifar10 = refined([1, [1, 1], [1, 1], 1])(image_shape=shape, condition_dim=0)
    assert kept_fractions(departures(cifar10, shape)) == [1, 0.75, 0.5, 0.375, 0.25]
    # Of the squeezed 12 channels of level 1 the last three leave first.
    depth = departures(cifar10, shape)
    squeezed = depth.reshape(16, 2, 16, 2, 3).transpose(0, 2, 1, 3, 4).reshape(16, 16, 12)
    assert (
        (squeezed[..., 9:] == 0).all()
        and (squeezed[..., 6:9] == 1).all()
        and (squeezed[..., :6] >= 2).all()
    )
    glow = Glow(
        image_shape=shape,
        condition_dim=0,
        num_levels=3,
        num_steps=1,
        hidden_channels=4,
        transform=Additive(),
        permutation=reverse_channels,
    )
    assert kept_fractions(departures(glow, shape)) == [1, 0.5, 0.25]
    real_nvp = RealNVP(
        image_shape=shape, condition_dim=0, num_scales=3, hidden_channels=4, net=residual_net(0)
    )
    assert kept_fractions(departures(real_nvp, shape)) == [1, 0.5, 0.25]
    base = ConditionalBase(image_shape=shape, condition_dim=3, flow=refined([1, [1, 1], 1]))
    assert kept_fractions(departures(base, shape)) == [1, 0.75, 0.5]


def test_arranged_dimensions_are_known_by_their_place_in_v():
    flow = functools.partial(
        Glow,
        num_levels=2,
        num_steps=1,
        hidden_channels=4,
        transform=Additive(),
        permutation=reverse_channels,
        factor_out=LikelihoodContribution(phase1_steps=1),
    )(image_shape=SHAPE, condition_dim=0)
    assert kept_fractions(departures(flow, SHAPE)) == [1, 0.5]


def test_what_is_kept_alone_decides_and_all_of_it_is_the_image(coder):
    images = random_images(6, seed=4)
    code = coder.encode(images)
    depth = departures(coder.model.flow, SHAPE)
    zeroed, resampled = compress(coder, code), compress(coder, code, seed=0)
    assert zeroed.fractions == kept_fractions(depth) and zeroed.images.shape == (
        len(zeroed.fractions),
        6,
        *SHAPE,
    )
    for found in (zeroed, resampled):
        np.testing.assert_array_equal(found.images[0], images)
    np.testing.assert_array_equal(
        zeroed.images[1], coder.decode(code.z, np.where(depth >= 1, code.v, 0)).images
    )
    # Whatever was in the places that are not kept does not matter.
    other = code._replace(v=np.where(depth >= 1, code.v, code.v + 1))
    np.testing.assert_array_equal(compress(coder, other, seed=0).images[1:], resampled.images[1:])
    assert not np.array_equal(resampled.images[1], zeroed.images[1])


def test_a_flow_that_factors_nothing_out_has_nothing_to_compress_by():
    coder = Coder(
        flow_alone(
            functools.partial(RealNVP, num_scales=1, hidden_channels=4, net=residual_net(0))
        ),
        2,
    )
    with pytest.raises(ValueError, match='factors nothing out'):
        compress(coder, coder.encode(random_images(2)))


def test_samples_can_be_larger_and_are_the_same_at_scale_1(coder):
    ordinary = draw_samples(coder, 3, 0, 0.7, 0.7)
    same = larger_samples(coder.model, 1, 3, 0, 0.7, 0.7)
    assert np.abs(same.images.astype(int) - ordinary.images).max() <= 1
    larger = larger_samples(coder.model, 2, 2, 0, 0.7, 0.7)
    assert (
        larger.images.shape == (2, 16, 16, 3)
        and larger.finite.all()
        and not np.array_equal(*larger.images)
    )
    # Far from an edge a pixel sees the same v, whatever the size: a flow without a size of its own.
    big = enlarged_flow(coder.model, 12)
    x = np.random.default_rng(0).normal(0, 0.5, (1, 96, 96, 3)).astype(np.float32)
    z = coder.model.latent.from_noise(tf.zeros([1, coder.model.latent.dim]))
    v, moved = (
        big.forward_and_log_det(tf.constant(part), z)[0].numpy()
        for part in (x, np.roll(x, 4, axis=1))
    )
    np.testing.assert_allclose(moved[:, 48:52], v[:, 44:48], atol=1e-4)


@pytest.mark.parametrize('flow', ['glow', 'realnvp'])
def test_the_flows_around_wolf_enlarge_too(flow):
    model = small_flow_alone(flow)
    initialize(model, random_images(32), 0)
    assert larger_samples(model, 2, 1, 0).images.shape == (1, 16, 16, 3)


@pytest.mark.parametrize(
    'flow',
    [
        functools.partial(
            Glow,
            num_levels=2,
            num_steps=1,
            hidden_channels=4,
            transform=Additive(),
            permutation=reverse_channels,
            factor_out=LikelihoodContribution(phase1_steps=1),
        ),
        functools.partial(ConditionalBase, flow=refined([1, [1], 1])),
    ],
    ids=['lcma', 'conditional base'],
)
def test_a_flow_of_one_size_is_refused(flow):
    model = Wolf(SHAPE, 8, flow=flow, latent=functools.partial(LabelCondition, num_classes=3))
    with pytest.raises(
        ValueError, match='The flow cannot make larger images: .* belongs to images of one size'
    ):
        enlarged_flow(model, 2)


def test_labels_are_shuffled_and_v_is_kept(coder):
    images, labels = random_images(9, seed=5), np.arange(9) % 3
    found, shuffled = shuffle_labels(Coder(small_class_model(), 4), images, labels, seed=0)
    assert sorted(shuffled) == sorted(labels) and not np.array_equal(shuffled, labels)
    kept = shuffled == labels
    assert kept.any()
    np.testing.assert_array_equal(found.images[kept], images[kept])
    assert (found.images[~kept] != images[~kept]).any(axis=(1, 2, 3)).all()
    with pytest.raises(ValueError, match='needs a model whose z comes from class labels'):
        shuffle_labels(coder, images, labels, seed=0)


def test_the_command_shows_all_that_it_can(tiny_run, tmp_path):
    out = tmp_path / 'out'
    printed, _ = run_tool(
        'latents',
        f'--train_dir={tiny_run}',
        '--num_images=3',
        '--num_labelled=300',
        '--num_angles=4',
        '--scale=2',
        '--num_samples=2',
        f'--output_dir={out}',
    )
    assert (
        'shuffle is skipped: A shuffle of labels needs a model whose z comes from class labels'
        in printed
    )
    assert sorted(path.name for path in out.iterdir()) == [
        'attribute',
        'compression',
        'extrapolation',
        'manifold',
    ]
    attribute = result(out / 'attribute')
    assert (
        attribute['num_with'] + attribute['num_without'] == 300
        and attribute['length'] > 0
        and attribute['made_from']['of'] == 'z'
    )
    assert result(out / 'compression')['fractions'] == [1, 0.5]
    assert (out / 'compression' / 'compression_zeroed.png').exists() and (
        out / 'extrapolation' / 'extrapolation_x2.png'
    ).exists()
    assert result(out / 'manifold')['places_of_the_images'] == [[0, 0], [0, 1], [1, 0], [1, 1]]


@pytest.mark.parametrize(
    'flags, message',
    [
        (['--show=shuffle'], 'A shuffle of labels needs'),
        (['--show=color'], '--show must be some of attribute,'),
        (['--show=attribute', '--num_steps=4'], 'must be odd'),
        (['--show=attribute', '--label=12'], 'must be a class from 0 to 9; got 12'),
        (['--show=manifold', '--positions=1,2'], 'four images; got 2'),
    ],
)
def test_bad_input_is_told_in_words(tiny_run, tmp_path, flags, message):
    assert (
        message
        in run_tool(
            'latents', f'--train_dir={tiny_run}', f'--output_dir={tmp_path}/out', *flags, fails=True
        )[1]
    )


@pytest.mark.slow
def test_a_model_of_classes_through_the_commands(tmp_path):
    run = train_tiny(
        tmp_path / 'run',
        '--gin_param=Wolf.latent = @ClassLatent',
        '--gin_param=ClassLatent.latent_dim = 4',
        '--gin_param=ClassLatent.num_classes = 10',
    )
    shared = f'--train_dir={run}'
    run_tool('latents', shared, '--show=shuffle', f'--output_dir={tmp_path}/latents')
    found = result(tmp_path / 'latents' / 'shuffle')
    assert (
        sorted(found['labels']) == sorted(found['shuffled'])
        and found['labels'] != found['shuffled']
        and found['num_not_finite'] == 0
    )
    run_tool('sample', shared, '--label=3', '--num_samples=4')
    assert (
        'from 0 to 9; got 10'
        in run_tool('sample', shared, '--label=10', f'--output_dir={tmp_path}/none', fails=True)[1]
    )
    run_tool('interpolate', shared, f'--output_dir={tmp_path}/grid')
    assert all(result(tmp_path / 'grid')['corners_equal'].values())
    assert (
        '1,437 training and 360 test images'
        in run_tool('probe', shared, '--features=z', '--classifier=logistic')[0]
    )
    # The label is in z.
    assert result(run / 'results' / 'ckpt-6' / 'probe', 'logistic-tuned')['accuracy_z'] == 1.0
    assert (
        'this model needs them for z'
        in run_tool(
            'switch', shared, '--images=a.png,b.png', f'--output_dir={tmp_path}/none', fails=True
        )[1]
    )


@pytest.fixture(scope='module')
def digits_with_attributes(tmp_path_factory):
    """The source of an archive of digits with the attributes 'even' and 'large'."""
    path = tmp_path_factory.mktemp('attributes') / 'digits.npz'
    digits = load_dataset('digits').train.take(1000).load(tf.range(1000, dtype=tf.int64))
    labels = digits['label'].numpy()
    np.savez(
        path,
        images=digits['image'],
        labels=labels,
        attributes=np.stack([labels % 2 == 0, labels > 4], axis=1),
        attribute_names=np.array(['even', 'large']),
    )
    return f"--gin_param=dataset.source = 'npz:{path}'"


@pytest.mark.slow
def test_an_attribute_is_a_direction(digits_with_attributes, tmp_path):
    run = train_tiny(tmp_path / 'run', digits_with_attributes)
    shared = f'--train_dir={run}', '--show=attribute'
    run_tool('latents', *shared, '--attribute=even', f'--output_dir={tmp_path}/out')
    found = result(tmp_path / 'out' / 'attribute')
    data = tfwolf.load(run).dataset
    even = data.train.load(tf.range(data.train.num_examples, dtype=tf.int64))['attributes'][:, 0]
    assert found['attribute'] == 'even' and found['num_with'] == int(even.numpy().sum())
    assert found['num_with'] + found['num_without'] == data.train.num_examples
    error = run_tool(
        'latents', *shared, '--attribute=evn', f'--output_dir={tmp_path}/no', fails=True
    )[1]
    assert "Did you mean 'even'? The attributes are even, large." in error
    label = "--gin_param=dataset.label = 'large'"
    printed = run_tool('probe', f'--train_dir={run}', '--features=pixels', label)[0]
    assert 'not large or large' in printed
    probed = result(run / 'results' / 'ckpt-6' / 'probe', 'large-svm-tuned')
    # Chance is a half.
    assert probed['classes'] == ['not large', 'large'] and probed['accuracy_pixels'] > 0.8


@pytest.mark.slow
def test_an_attribute_is_the_label_of_a_model_of_classes(digits_with_attributes, tmp_path):
    run = train_tiny(
        tmp_path / 'run',
        digits_with_attributes,
        "--gin_param=dataset.label = 'even'",
        '--gin_param=Wolf.latent = @LabelCondition',
        '--gin_param=LabelCondition.num_classes = 2',
    )
    run_tool('latents', f'--train_dir={run}', '--show=shuffle', f'--output_dir={tmp_path}/out')
    found = result(tmp_path / 'out' / 'shuffle')
    names = ('not even', 'even')
    assert found['classes'] == [names[label] for label in found['labels']]
    assert found['shuffled_classes'] == [names[label] for label in found['shuffled']]
    assert sorted(found['classes']) == sorted(found['shuffled_classes'])
