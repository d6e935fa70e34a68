"""Training steps: replica equivalence, the optimizer's formula, skipping, clipping, resuming."""

import os

import numpy as np
import pytest
import tensorflow as tf

from support.small_models import random_images, small_flow_alone, small_wolf
from tfwolf.core.variables import named_variables, trainable_variables
from tfwolf.data.dataset import ArraySplit
from tfwolf.data.pipeline import training_batches
from tfwolf.evaluation.likelihood import evaluate_likelihood
from tfwolf.models.initialization import initialize
from tfwolf.training.averages import WeightAverages
from tfwolf.training.checkpoints import Checkpoints, find_checkpoint, restore_model
from tfwolf.training.diagnosis import first_bad_layer
from tfwolf.training.objective import Objective
from tfwolf.training.optimizer import AdamW, WarmupDecay
from tfwolf.training.settings import Settings
from tfwolf.training.step import TrainStep
from tfwolf.training.strategy import check_batch_size, make_strategy

BATCH = 8
IMAGES = random_images(64)
SPLIT = ArraySplit(lambda: (IMAGES, None), 64, IMAGES.shape[1:])


def make_run(
    strategy,
    dtype=tf.float32,
    objective=Objective(),
    clip_norm=None,
    peak=1e-2,
    make=small_wolf,
    accumulation_steps=1,
    gradient_memory='store',
    xla=False,
    **model,
):
    with strategy.scope():
        wolf = make(dtype=dtype, **model)
        optimizer = AdamW(trainable_variables(wolf), WarmupDecay(3, peak=peak), weight_decay=1e-3)
        settings = Settings(
            BATCH,
            100,
            objective=objective,
            clip_norm=clip_norm,
            accumulation_steps=accumulation_steps,
            gradient_memory=gradient_memory,
        )
        step = TrainStep(strategy, wolf, optimizer, settings, seed=1, xla=xla)
    return wolf, optimizer, step


def take_steps(strategy, step, first, last):
    batches = training_batches(SPLIT, BATCH, seed=1, first_step=first).map(
        lambda batch: batch['image']
    )
    batches = iter(strategy.experimental_distribute_dataset(batches))
    return [
        {name: value.numpy() for name, value in step(next(batches)).items()}
        for _ in range(first, last)
    ]


def weights(model):
    return {
        path: np.array(tf.convert_to_tensor(variable)) for path, variable in named_variables(model)
    }


@pytest.mark.parametrize(
    'objective, model',
    [
        (Objective(), {}),
        (Objective(kl_warmup_steps=4, free_nats_per_dim=0.3), {}),
        *(
            (Objective(), {'make': small_flow_alone, 'name': name})
            for name in ('glow', 'shallow realnvp')
        ),
        # Each batch norm talks to the other replica several times, which takes minutes to trace.
        *(
            pytest.param(
                Objective(), {'make': small_flow_alone, 'name': name}, marks=pytest.mark.slow
            )
            for name in ('realnvp', 'lagged realnvp')
        ),
    ],
    ids=['bound', 'helped', 'glow', 'shallow realnvp', 'realnvp', 'lagged realnvp'],
)
def test_two_replicas_equal_one_device(objective, model):
    """Initialisation from data, five steps, batch statistics and evaluation agree to rounding."""
    results = []
    for name in ('one_device', 'mirrored'):
        strategy = make_strategy(name)
        wolf, _, step = make_run(strategy, tf.float64, objective, clip_norm=100.0, **model)
        initialize(wolf, IMAGES[:32], seed=1)
        metrics = take_steps(strategy, step, 0, 5)
        results.append(
            (
                strategy.num_replicas_in_sync,
                metrics,
                weights(wolf),
                evaluate_likelihood(wolf, SPLIT, 24, 2, 0, strategy),
            )
        )
    (
        (one, metrics_one, weights_one, evaluated_one),
        (two, metrics_two, weights_two, evaluated_two),
    ) = results
    assert (one, two) == (1, 2)
    for first, second in zip(metrics_one, metrics_two):
        for name in first:
            np.testing.assert_allclose(second[name], first[name], rtol=1e-9, err_msg=name)
    # A shift before batch norm has no gradient but rounding, which Adam divides by epsilon = 1e-8.
    atol = 1e-8 if 'realnvp' in model.get('name', '') else 1e-9
    for path, value in weights_one.items():
        np.testing.assert_allclose(
            weights_two[path], value, rtol=1e-6, atol=atol, err_msg=str(path)
        )
    assert evaluated_one.keys() == evaluated_two.keys()
    for name, value in evaluated_one.items():
        # A spread or a gap is as exact as the numbers of order one that it is made of.
        np.testing.assert_allclose(evaluated_two[name], value, rtol=1e-9, atol=1e-9, err_msg=name)


def test_float32_replicas_equal_one_device():
    results = []
    for name in ('one_device', 'mirrored'):
        strategy = make_strategy(name)
        model, _, step = make_run(strategy, peak=1e-3)
        initialize(model, IMAGES[:32], seed=1)
        results.append([metrics['loss_nats'] for metrics in take_steps(strategy, step, 0, 5)])
    np.testing.assert_allclose(*results, rtol=1e-5)


@pytest.mark.parametrize(
    'objective, model',
    [
        (Objective(), {}),
        (Objective(kl_warmup_steps=4, free_nats_per_dim=0.3), {}),
        (Objective(), {'make': small_flow_alone, 'name': 'glow'}),
    ],
    ids=['bound', 'helped', 'glow'],
)
def test_accumulated_parts_equal_the_whole_batch(objective, model):
    """Batch norm of the encoder included: only the flow sees parts."""
    results = []
    for parts in (1, 4):
        strategy = make_strategy('one_device')
        wolf, _, step = make_run(
            strategy, tf.float64, objective, clip_norm=100.0, accumulation_steps=parts, **model
        )
        initialize(wolf, IMAGES[:32], seed=1)
        results.append((take_steps(strategy, step, 0, 4), weights(wolf)))
    (whole_metrics, whole), (metrics, parts) = results
    for first, second in zip(whole_metrics, metrics):
        assert first.keys() == second.keys()
        for name in first:
            np.testing.assert_allclose(second[name], first[name], rtol=1e-9, err_msg=name)
    for path, value in whole.items():
        np.testing.assert_allclose(parts[path], value, rtol=1e-6, atol=1e-9, err_msg=str(path))


@pytest.mark.parametrize('memory', ['recompute', 'reversible'])
@pytest.mark.parametrize(
    'model', [{}, {'make': small_flow_alone, 'name': 'glow'}], ids=['wolf', 'glow']
)
def test_gradients_with_less_memory_are_the_stored_ones(memory, model):
    """Over steps, in parts as well, with batch norm in the encoder."""
    results = []
    for arguments in ({}, {'gradient_memory': memory, 'accumulation_steps': 2}):
        strategy = make_strategy('one_device')
        wolf, _, step = make_run(strategy, tf.float64, clip_norm=100.0, **arguments, **model)
        initialize(wolf, IMAGES[:32], seed=1)
        results.append((take_steps(strategy, step, 0, 4), weights(wolf)))
    (stored_metrics, stored), (metrics, found) = results
    for first, second in zip(stored_metrics, metrics):
        for name in first:
            np.testing.assert_allclose(second[name], first[name], rtol=1e-9, err_msg=name)
    for path, value in stored.items():
        np.testing.assert_allclose(found[path], value, rtol=1e-6, atol=1e-9, err_msg=str(path))


def test_memory_of_gradients_that_cannot_be_is_refused():
    strategy = make_strategy('one_device')
    with pytest.raises(
        ValueError, match="one of store, recompute, reversible; got gradient_memory='half'"
    ):
        make_run(strategy, gradient_memory='half')
    with pytest.raises(ValueError, match="must be 'store' for a flow with batch norm"):
        make_run(strategy, gradient_memory='reversible', make=small_flow_alone, name='realnvp')


@pytest.mark.parametrize(
    'arguments',
    [
        {'gradient_memory': 'store'},
        {'gradient_memory': 'recompute'},
        {'gradient_memory': 'reversible', 'accumulation_steps': 2},
        {'make': small_flow_alone, 'name': 'glow'},
        {'make': small_flow_alone, 'name': 'shallow realnvp'},
    ],
)
def test_step_compiled_by_xla_is_the_same(arguments):
    losses = []
    for xla in (False, True):
        strategy = make_strategy('one_device')
        wolf, _, step = make_run(strategy, xla=xla, **arguments)
        initialize(wolf, IMAGES[:32], seed=1)
        losses.append([metrics['loss_nats'] for metrics in take_steps(strategy, step, 0, 2)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


@pytest.mark.parametrize('gradient_memory', ['store', 'reversible'])
def test_the_whole_step_lowers_to_stablehlo(gradient_memory):
    """Encoder, noise, gradients and optimizer: one program for any accelerator, whose weights are
    arguments and come back changed.
    """
    wolf, optimizer, step = make_run(make_strategy('one_device'), gradient_memory=gradient_memory)
    wolf.initialized.assign(True)
    whole = tf.function(step.__call__.python_function, jit_compile=True, autograph=False)
    text = whole.experimental_get_compiler_ir(
        tf.zeros([BATCH, 8, 8, 3], tf.uint8), tf.zeros([BATCH], tf.int64)
    )(stage='stablehlo')
    assert 'stablehlo.convolution' in text and 'stablehlo.while' in text
    moments = optimizer.first_moments + optimizer.second_moments
    assert text.count('output_index') >= len(trainable_variables(wolf)) + len(moments) + 1, (
        'a weight, a moment or the step does not come back'
    )


def test_replicas_compile_their_flow():
    losses = []
    for name, xla in (('one_device', False), ('mirrored', True)):
        strategy = make_strategy(name)
        wolf, _, step = make_run(strategy, xla=xla)
        initialize(wolf, IMAGES[:32], seed=1)
        losses.append([metrics['loss_nats'] for metrics in take_steps(strategy, step, 0, 2)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    with pytest.raises(ValueError, match='`xla`'):
        make_run(strategy, xla=True, make=small_flow_alone, name='realnvp')


def test_parts_that_cannot_be_are_refused():
    strategy = make_strategy('one_device')
    with pytest.raises(ValueError, match='divide the 8 images'):
        make_run(strategy, accumulation_steps=3)
    with pytest.raises(ValueError, match='batch norm'):
        make_run(strategy, accumulation_steps=2, make=small_flow_alone, name='realnvp')


def test_adamw_is_the_formula():
    """Twenty updates of one weight against the formula in NumPy, epsilon large enough to matter."""
    variable = tf.Variable([1.0, -2.0], dtype=tf.float64)
    schedule = WarmupDecay(5, peak=0.1, initial=0.01, decay=0.9)
    optimizer = AdamW([variable], schedule, weight_decay=0.3, epsilon=0.1)
    p, m, v = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    random = np.random.default_rng(0)
    for t in range(20):
        gradient = random.standard_normal(2)
        rate = 0.01 + 0.09 * t / 5 if t < 5 else 0.1 * 0.9 ** (t - 5)
        np.testing.assert_allclose(optimizer.learning_rate, rate, rtol=1e-12)
        optimizer.apply([tf.constant(gradient)], tf.constant(True))
        p = p * (1 - rate * 0.3)
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        p = p - rate * (m / (1 - 0.9 ** (t + 1))) / (np.sqrt(v / (1 - 0.999 ** (t + 1))) + 0.1)
        np.testing.assert_allclose(variable, p, rtol=1e-10)


def test_a_gradient_that_is_not_finite_changes_nothing_and_is_counted():
    strategy = make_strategy('one_device')
    model, optimizer, step = make_run(strategy)
    initialize(model, IMAGES[:32], seed=1)
    take_steps(strategy, step, 0, 2)
    bias = next(
        variable for path, variable in named_variables(model.flow) if path[-1] == 'layers.0.bias'
    )
    good = tf.identity(bias)
    bias.assign(tf.fill(bias.shape, np.float32('nan')))
    before = weights(model), [tf.identity(moment) for moment in optimizer.first_moments]
    metrics = take_steps(strategy, step, 2, 4)[-1]
    assert (
        metrics['skipped'],
        metrics['skipped_in_a_row'],
        int(step.step),
        int(optimizer.updates),
    ) == (2, 2, 4, 2)
    after = weights(model)
    for path, value in before[0].items():
        if 'running' not in path[-1]:
            np.testing.assert_array_equal(after[path], value, err_msg=str(path))
    for old, new in zip(before[1], optimizer.first_moments):
        np.testing.assert_array_equal(old, new)
    message = first_bad_layer(model, IMAGES[:BATCH], step.noise(3))
    assert 'layers.0.bias' in message and 'not finite' in message
    bias.assign(good)
    assert take_steps(strategy, step, 4, 5)[-1]['skipped_in_a_row'] == 0


def test_the_first_bad_layer_is_named():
    model = small_wolf(images=IMAGES[:32])
    scale = model.flow.layers[0].weights['layers.4.log_scale']
    scale.assign(tf.fill(scale.shape, 200.0))
    step = make_run(make_strategy('one_device'))[2]
    assert 'layer flow/0/0/4' in first_bad_layer(model, IMAGES[:BATCH], step.noise(0))


def test_clipping_bounds_the_summed_gradient():
    strategy = make_strategy('mirrored')
    model, optimizer, step = make_run(strategy, clip_norm=0.5)
    initialize(model, IMAGES[:32], seed=1)
    metrics = take_steps(strategy, step, 0, 1)[0]
    assert metrics['gradient_norm'] > 0.5
    moment_norm = tf.linalg.global_norm(
        [tf.convert_to_tensor(moment) for moment in optimizer.first_moments]
    )
    np.testing.assert_allclose(moment_norm, 0.1 * 0.5, rtol=1e-4)


def test_resuming_is_exact(tmp_path):
    """Six steps in one go, and three, a new process's worth of objects, and three more, give the
    same bits.
    """
    strategy = make_strategy('one_device')
    results = []
    for cuts in ((0, 6), (0, 3, 6)):
        folder = str(tmp_path / str(len(cuts)))
        for first, last in zip(cuts, cuts[1:]):
            model, optimizer, step = make_run(strategy)
            with strategy.scope():
                checkpoints = Checkpoints(folder, model, optimizer, step, keep=2)
            if not checkpoints.restore():
                initialize(model, IMAGES[:32], seed=1)
            take_steps(strategy, step, first, last)
            checkpoints.save()
        results.append(weights(model))
    for path, value in results[0].items():
        np.testing.assert_array_equal(results[1][path], value, err_msg=str(path))
    fresh = small_wolf(seed=9)
    restore_model(fresh, find_checkpoint(folder, '6'))
    for path, value in weights(fresh).items():
        np.testing.assert_array_equal(results[0][path], value, err_msg=str(path))
    with pytest.raises(ValueError, match='no checkpoint'):
        find_checkpoint(folder, '4')
    with pytest.raises(ValueError, match='another model'):
        restore_model(small_wolf(shape=(4, 4, 3)), find_checkpoint(folder, 'latest'))


def test_averages_are_the_formula_and_serve_evaluation(tmp_path):
    """The mean of all weights at first, then exponential; a skipped step changes nothing; two
    replicas hold one device's averages.
    """
    results = []
    for name in ('one_device', 'mirrored'):
        strategy = make_strategy(name)
        with strategy.scope():
            model = small_wolf(tf.float64, latent=None)
            variables = trainable_variables(model)
            optimizer = AdamW(variables, WarmupDecay(3, peak=1e-2), weight_decay=1e-3)
            averages = WeightAverages(variables, decay=0.7)
            step = TrainStep(
                strategy, model, optimizer, Settings(BATCH, 100), seed=1, averages=averages
            )
        initialize(model, IMAGES[:32], seed=1)
        weight = variables[0]
        started = weight.numpy()
        with step.weights_to_evaluate():
            np.testing.assert_array_equal(weight, started)
        expected, seen = 0.0, []
        for number in range(1, 7):
            take_steps(strategy, step, number - 1, number)
            seen.append(weight.numpy())
            expected = expected + max(0.3, 1 / number) * (seen[-1] - expected)
            if number == 3:
                np.testing.assert_allclose(averages.values[0], np.mean(seen, axis=0), rtol=1e-12)
        np.testing.assert_allclose(averages.values[0], expected, rtol=1e-12)
        averages.update(tf.constant(False))
        np.testing.assert_allclose(averages.values[0], expected, rtol=1e-12)
        with pytest.raises(KeyError), step.weights_to_evaluate():
            np.testing.assert_allclose(weight, expected, rtol=1e-12)
            raise KeyError('an error inside')
        np.testing.assert_array_equal(weight, seen[-1])
        results.append([tf.identity(value) for value in averages.values])
    for one, two in zip(*results):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-9)
    Checkpoints(str(tmp_path), model, optimizer, step, keep=1).save()
    for asked, got, value in (
        ('raw', 'raw', seen[-1]),
        ('auto', 'averaged', expected),
        ('averaged', 'averaged', expected),
    ):
        fresh = small_wolf(tf.float64, latent=None, seed=5)
        assert restore_model(fresh, find_checkpoint(str(tmp_path), 'latest'), asked) == got
        np.testing.assert_allclose(trainable_variables(fresh)[0], value, rtol=1e-12)
    model, optimizer, step = make_run(make_strategy('one_device'))
    Checkpoints(str(tmp_path / 'raw'), model, optimizer, step, keep=1).save()
    with pytest.raises(ValueError, match='ema_decay = 0'):
        restore_model(model, find_checkpoint(str(tmp_path / 'raw'), 'latest'), 'averaged')


def test_best_checkpoint_is_the_lowest(tmp_path):
    strategy = make_strategy('one_device')
    model, optimizer, step = make_run(strategy)
    checkpoints = Checkpoints(str(tmp_path), model, optimizer, step, keep=1)
    saved = []
    for number, value in enumerate((3.0, 4.0, 2.5, float('nan'))):
        step.step.assign(number)
        saved.append(checkpoints.save_if_best(value))
    assert saved == [True, False, True, False]
    assert os.path.basename(find_checkpoint(str(tmp_path), 'best')) == 'ckpt-2'


def test_objective_floor_and_weight():
    model = small_wolf(images=IMAGES[:32])
    terms = model.terms(IMAGES[:BATCH], model.draw_noise(BATCH, tf.constant([0, 1])))
    kl = float(tf.reduce_mean(terms.kl_nats))
    rest = float(tf.reduce_mean(terms.nll_nats)) - kl
    assert 0 < kl + 1 < 10
    loss = lambda step=100, **options: sum(
        map(
            float,
            (
                Objective(**options).flow_loss(terms, BATCH),
                Objective(**options).kl_loss(terms.kl_nats, BATCH, 4, step),
            ),
        )
    )
    assert loss() == pytest.approx(rest + kl, rel=1e-6)
    assert loss(free_nats_per_dim=5.0) == pytest.approx(rest + 20, rel=1e-6)
    assert loss(step=1, kl_warmup_steps=4) == pytest.approx(rest + kl / 4, rel=1e-6)


def test_strategy_and_batch_size_are_checked():
    with pytest.raises(ValueError, match='one_device, mirrored'):
        make_strategy('two_devices')
    assert check_batch_size(make_strategy('mirrored'), 8) == 4
    for batch_size in (1, 7):
        with pytest.raises(ValueError, match='multiple of the 2 replicas'):
            check_batch_size(make_strategy('mirrored'), batch_size)
