"""A configuration is independent of later changes in gin, and leaves the user's gin unchanged."""

import gin
import pytest
import tensorflow as tf

import tfwolf
from tfwolf.bijectors.matrix import PLUMatrix
from tfwolf.core.parts import Factory, frozen, register
from tfwolf.core.variables import count_parameters
from tfwolf.runs.config_text import bindings, modernized
from tfwolf.runs.configuration import find_gin_file, read_configuration

SYNTHETIC = [
    "dataset.source = 'synthetic'",
    'dataset.image_size = (8, 8)',
    'dataset.channels = 1',
    'dataset.validation_size = 20',
]
NARROW = [
    'RefinedGlow.num_steps = [0, [1], 1]',
    'RefinedGlow.hidden_channels = [4, 4, 4]',
    'Encoder.widths = [4]',
]


@pytest.fixture(autouse=True)
def clean_gin():
    gin.clear_config()
    yield
    gin.clear_config()


@gin.configurable(module='somebody')
def foreign(value=0):
    return value


def described(experiment, model):
    """Return properties of an experiment and its model that must not change later."""
    dataset = experiment.open_dataset()
    return (
        dataset.title,
        dataset.validation.num_examples,
        count_parameters(model),
        count_parameters(model.flow_for((8, 8, 1))),
        count_parameters(model.with_flow(hidden_channels=[4, 4, 4]).flow),
        count_parameters(experiment.make_model((8, 8, 1), seed=1)),
    )


def test_configurations_are_independent():
    first = read_configuration(['digits']).experiment()
    model = first.make_model((8, 8, 1), seed=0)
    before = described(first, model)
    second = read_configuration(['digits'], [*SYNTHETIC, *NARROW]).experiment()
    other = second.make_model((8, 8, 1), seed=0)
    of_second = described(second, other)
    assert (
        described(first, model) == before
        and before[0] == 'digits'
        and before[2:4] == (435_836, 355_060)
    )
    assert of_second[0] == 'synthetic' and of_second[1] == 20 and of_second[2] < before[2]
    # Not even direct calls of gin change them.
    gin.parse_config([*SYNTHETIC, 'RefinedGlow.hidden_channels = [7, 7, 7]', 'Wolf.num_bits = 1'])
    assert described(first, model) == before and described(second, other) == of_second
    assert model.num_bits == first.make_model((8, 8, 1), seed=0).num_bits == 4


def test_the_gin_state_of_the_user_is_unchanged():
    gin.parse_config(['foreign.value = 7', 'Wolf.num_bits = 2'], skip_unknown=False)
    foreign()
    gin.finalize()
    state = gin.config_str(), gin.operative_config_str(), gin.config_is_locked()
    with gin.config_scope('scope'):
        assert (
            read_configuration(['digits']).experiment().make_model((8, 8, 1), seed=0).num_bits == 4
        )
        assert gin.current_scope_str() == 'scope'
    with pytest.raises(ValueError):
        read_configuration(['digits'], ['Nope.x = 1'])
    assert (
        gin.config_str(),
        gin.operative_config_str(),
        gin.config_is_locked(),
    ) == state and foreign() == 7


def test_scopes_macros_and_lists_are_resolved():
    configuration = read_configuration(
        ['digits'],
        [
            'ALPHA = 0.25',
            'flow/BoundedAffine.alpha = %ALPHA',
            'prior/BoundedAffine.alpha = 0.5',
            'train.augmentations = [@horizontal_flip, @small/pad_and_crop]',
            'small/pad_and_crop.padding = 2',
            'RefinedGlow.matrix = @PLUMatrix',
        ],
    )
    wolf = configuration.experiment.arguments['model'].arguments
    assert wolf['flow'].arguments['transform'].alpha == 0.25
    assert wolf['latent'].arguments['prior'].arguments['transform'].alpha == 0.5
    assert wolf['flow'].arguments['matrix'].target is PLUMatrix
    flip, crop = configuration.settings().augmentations
    assert (flip.target, dict(crop.arguments)) == (tfwolf.horizontal_flip, {'padding': 2})
    images = tf.zeros([2, 8, 8, 1], tf.uint8)
    assert crop(flip(images, tf.constant([0, 1])), tf.constant([0, 1])).shape == images.shape


def test_a_part_that_is_a_default_is_configured_like_a_reference():
    configuration = read_configuration(['digits'], ["ConvCouplingNet.compute_dtype = 'bfloat16'"])
    net = configuration.experiment.arguments['model'].arguments['flow'].arguments['net']
    assert (
        net.arguments['compute_dtype'] == 'bfloat16'
        and 'ConvCouplingNet.compute_dtype' in configuration.operative_text
    )


def test_the_text_of_a_configuration_reproduces_it():
    configuration = read_configuration(['gin/cifar10.gin'], ['Wolf.num_bits = 5'])
    again = read_configuration(run_text=configuration.text_with_seed(3))
    assert (
        again.text == configuration.text
        and bindings(configuration.text_with_seed(3))['seed'] == '3'
    )
    assert again.operative_text == configuration.operative_text
    assert (
        'Wolf.seed' not in configuration.operative_text
        and 'AdamW.beta1 = 0.9' in configuration.operative_text
    )


@pytest.mark.parametrize(
    'params, message',
    [
        (['Wolf.num_bitz = 8'], 'num_bitz'),
        (['Nope.x = 1'], 'Nope'),
        (['train.unknown = 3'], 'unknown'),
        (['train.batch_size ='], 'cannot be read'),
        (['flow/BoundedAffine.alpha = 7'], r'`alpha` must be .* got alpha=7'),
        (['dataset.num_examples = 3'], "'digits'.*num_examples"),
        (['Wolf.flow = @foreign'], 'Register it with'),
        (["experiment.precision = 'half'"], 'precision'),
    ],
)
def test_mistakes_are_reported_before_anything_is_built(params, message):
    with pytest.raises(ValueError, match=message) as error:
        read_configuration(['digits'], params).experiment()
    assert 'In call to configurable' not in str(error.value)


def test_a_missing_argument_is_reported_with_advice():
    with pytest.raises(
        ValueError,
        match=r'`dataset.source` is not bound. Bind it .*--gin_param="dataset.source = ..."',
    ):
        read_configuration(
            params=['experiment.model = @Wolf', 'experiment.dataset = @dataset']
        ).experiment().open_dataset()
    with pytest.raises(ValueError, match='`train.batch_size` is not bound'):
        read_configuration().settings()


def test_shipped_files_are_found_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_gin_file('digits') == find_gin_file('digits.gin') == find_gin_file('gin/digits.gin')
    (tmp_path / 'digits').write_text('')
    assert find_gin_file('digits') == 'digits'
    with pytest.raises(ValueError, match='Did you mean .cifar10_small'):
        find_gin_file('cifar10_smal')


def test_bindings_of_earlier_versions_are_translated():
    by_flag = (
        "# seed = 3\nRefinedGlow.compute_dtype = 'bfloat16'\nGlow.compute_dtype = "
        "'bfloat16'\nRealNVP.compute_dtype = 'bfloat16'\n"
        "Encoder.compute_dtype = 'bfloat16'\nWolf.num_bits = 4\n"
    )
    assert bindings(modernized(by_flag)) == {
        'seed': '3',
        'experiment.precision': "'bfloat16'",
        'Wolf.num_bits': '4',
    }
    by_hand = "Glow.compute_dtype = 'bfloat16'\nRealNVP.num_blocks = 8\nRealNVP.num_scales = 2\n"
    assert bindings(modernized(by_hand)) == {
        'GlowCouplingNet.compute_dtype': "'bfloat16'",
        'ZeroConv.compute_dtype': "'bfloat16'",
        'ResidualCouplingNet.num_blocks': '8',
        'RealNVP.num_scales': '2',
    }
    current = read_configuration(['realnvp_cifar10']).text
    assert modernized(current) == current


def test_factories_have_arguments_and_report_missing_ones():
    def part(a, b=2, *, c=3):
        return a, b, c

    factory = Factory(part, {'b': 5})
    assert factory(1) == (1, 5, 3) and factory(a=1, b=7) == (1, 7, 3)
    with pytest.raises(ValueError, match='`part.a` is not bound'):
        factory()
    with pytest.raises(TypeError, match='unexpected'):
        factory(1, d=3)
    outer = Factory(part, {'a': factory, 'b': [factory]})
    changed = outer.map(lambda factory: {'c': 9})
    assert (
        changed.arguments['a'](1) == (1, 5, 9)
        and changed.arguments['b'][0](1) == (1, 5, 9)
        and factory(1) == (1, 5, 3)
    )
    # A value `@part()` from gin is made once, here, also inside lists.
    assert frozen([1, (Factory(part, {'a': 0}),)]) == [1, ((0, 2, 3),)]


def test_registered_names_are_unique_but_may_be_redefined():
    def make(result):
        @register(name='redefined')
        class Part:
            def __init__(self):
                self.result = result

        return Part

    for number in (1, 2):
        made = make(number)
        assert made().result == number
    with pytest.raises(ValueError, match="'redefined' is already the gin name of"):
        register(lambda: None, name='redefined')
