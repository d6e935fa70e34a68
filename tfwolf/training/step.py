"""One training step: gradients of all replicas are summed, clipped, checked and applied once."""

from __future__ import annotations

import contextlib

import tensorflow as tf

from tfwolf.core import seeds
from tfwolf.core.compilation import Compilation, compile_layers, has_gpu
from tfwolf.core.replicas import local_rows, sum_over_replicas
from tfwolf.core.untracked import Untracked
from tfwolf.core.variables import as_tensorflow, named_variables, trainable_variables
from tfwolf.evaluation.likelihood import TERMS
from tfwolf.models.terms import Noise
from tfwolf.models.wolf import Wolf
from tfwolf.training.averages import AVERAGED, RAW, WeightAverages
from tfwolf.training.clipping import clip
from tfwolf.training.flow_gradients import STORE, flow_gradients, flow_variables
from tfwolf.training.optimizer import AdamW
from tfwolf.training.settings import Settings
from tfwolf.training.strategy import check_batch_size


class TrainStep(tf.Module):
    """The compiled training step, and the counters that are saved with the weights.

    Args:
        strategy: a `tf.distribute` strategy; create the object inside its scope.
        model: a `Wolf`.
        optimizer: an `AdamW` over the model's trainable variables.
        settings: a `Settings`, of which `objective`, `batch_size`, `clip_norm`,
            `accumulation_steps` and `gradient_memory` are used.
        seed: integer from which the noise of each step is derived.
        averages: `WeightAverages` of the same variables, or None.
        xla: whether XLA compiles the layers of flow and prior, and the encoder if there is one
            replica; None for only if there is a GPU.

    Attributes:
        step: int64, number of steps taken, including skipped ones.
        skipped: int64, number of steps skipped because of a non-finite gradient.
        skipped_in_a_row: int64, number of consecutive skipped steps up to the latest one.

    Raises:
        ValueError: if the settings do not fit the strategy or the flow.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        model: Wolf,
        optimizer: AdamW,
        settings: Settings,
        seed: int,
        averages: WeightAverages | None = None,
        xla: bool | None = None,
    ) -> None:
        super().__init__(name='train_step')
        self._parts = Untracked((strategy, model, optimizer, settings))
        self._local_batch_size = check_batch_size(strategy, settings.batch_size)
        over_batch = any(flow.normalizes_over_batch for flow in model.trained_flows)
        _check_settings(settings, self._local_batch_size, over_batch)
        communicates = over_batch and strategy.num_replicas_in_sync > 1
        if xla is None:
            xla = has_gpu() and not communicates
        if xla and communicates:
            raise ValueError(
                '`xla` must be False for a flow with batch norm on several devices, because '
                'compiled code cannot communicate between devices; got xla=True. Use --noxla.'
            )
        self._xla = xla
        self._ahead = False
        self._compilation = Untracked(Compilation(enabled=False))
        self._seed = seeds.derive(seed, 'training noise')
        self.averages = averages
        self.step, self.skipped, self.skipped_in_a_row = (
            tf.Variable(tf.zeros([], tf.int64), trainable=False, name=name)
            for name in ('step', 'skipped', 'skipped_in_a_row')
        )
        # Not in checkpoints: those are saved only where no steps are being skipped.
        self._longest_skip = Untracked(
            tf.Variable(tf.zeros([], tf.int64), trainable=False, name='longest_skip')
        )

    @tf.function(autograph=False)
    def __call__(self, images: tf.Tensor, labels: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """Take one step on the global batch, and return its metrics.

        Args:
            images: uint8 `[batch, height, width, channels]`, distributed over the replicas.
            labels: int64 `[batch]`, likewise; required if z comes from class labels.

        Returns:
            A dict of scalars (and `kl_per_dim_nats`, `[latent_dim]`), means over the global batch.
        """
        strategy, model, optimizer, _ = self._parts.value
        metrics, gradients, finite = strategy.run(self._replica_step, (images, labels))
        local = strategy.experimental_local_results
        metrics = {name: local(value)[0] for name, value in metrics.items()}
        finite = local(finite)[0]
        metrics['learning_rate'] = optimizer.learning_rate
        # In one vector, they have been set to zero if they are not finite.
        optimizer.apply(gradients, finite, checked=self._xla)
        if self.averages is not None:
            self.averages.update(finite)
        skip = tf.cast(~finite, tf.int64)
        self.step.assign_add(1)
        self.skipped.assign_add(skip)
        self.skipped_in_a_row.assign(skip * (self.skipped_in_a_row + 1))
        longest = self._longest_skip.value
        longest.assign(tf.maximum(longest, self.skipped_in_a_row))
        metrics['skipped'] = tf.identity(self.skipped)
        metrics['skipped_in_a_row'] = tf.identity(self.skipped_in_a_row)
        return metrics

    def compile_ahead(self, images: tf.Tensor, labels: tf.Tensor | None = None) -> None:
        """Trace the step before the first one, while XLA compiles its layers in parallel.

        Without XLA it does nothing: the first step traces itself.

        Args:
            images, labels: a batch as in `__call__`.
        """
        if not self._xla:
            return
        # Encoders move their running averages when they are called.
        model = self._parts.value[1]
        state = [
            as_tensorflow(variable)
            for part in (model.latent, model.dequantizer)
            for _, variable in named_variables(part)
        ]
        before = [tf.identity(variable) for variable in state]
        self._ahead = True
        try:
            self.__call__.get_concrete_function(images, labels)  # pyright: ignore[reportAttributeAccessIssue]
        finally:
            self._ahead = False
        self._compilation.value.wait()
        for variable, value in zip(state, before):
            variable.assign(value)

    @property
    def longest_skip(self) -> int:
        """Largest number of consecutive skipped steps in this process; waits for the last step."""
        return int(self._longest_skip.value.numpy())

    @property
    def optimizer(self) -> AdamW:
        """The optimizer, which is saved separately in a checkpoint."""
        return self._parts.value[2]

    def weights_to_evaluate(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which the model has its averaged weights, if there are any."""
        return contextlib.nullcontext() if self.averages is None else self.averages.in_use()

    @property
    def weights_name(self) -> str:
        """The weights that `weights_to_evaluate` sets: 'averaged' or 'raw'."""
        return RAW if self.averages is None else AVERAGED

    def noise(self, step: int | tf.Tensor) -> Noise:
        """Return the `Noise` of the global batch of a step."""
        seed = seeds.fold_in(seeds.tensor_seed(self._seed), step)
        _, model, _, settings = self._parts.value
        return model.draw_noise(settings.batch_size, seed)

    def _replica_step(self, images, labels):
        with compile_layers(self._xla, self._ahead) as self._compilation.value:
            return self._means_and_gradients(images, labels)

    def _means_and_gradients(self, images, labels):
        _, model, _, settings = self._parts.value
        objective, batch_size = settings.objective, settings.batch_size
        noise = local_rows(self.noise(self.step), self._local_batch_size)
        in_flows = {id(variable) for variable in flow_variables(model)}
        variables = [as_tensorflow(variable) for variable in trainable_variables(model)]
        other_variables = [variable for variable in variables if id(variable) not in in_flows]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(other_variables)
            inference = model.infer(images, noise, training=True, labels=labels)
            kl_loss = objective.kl_loss(inference.kl_nats, batch_size, model.latent.dim, self.step)
        sums, of_flows, upstream = flow_gradients(
            model,
            objective,
            batch_size,
            inference,
            images,
            noise,
            settings.accumulation_steps,
            settings.gradient_memory,
        )
        # The loss of the flows reaches the encoders through the gradients of z and features.
        of_others = tape.gradient(
            [kl_loss, *inference.trained],
            other_variables,
            [tf.ones_like(kl_loss), *upstream],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        trained = [*flow_variables(model), *other_variables]
        gradient_of = dict(zip(map(id, trained), [*of_flows, *of_others], strict=True))
        gradients = [gradient_of[id(variable)] for variable in variables]
        loss = sums.pop('flow_loss') + kl_loss
        means = {name: total / batch_size for name, total in sums.items()}
        means['loss_nats'] = loss
        means['kl_nats'] = tf.reduce_sum(inference.kl_nats) / batch_size
        means['nll_nats'] = tf.add_n([means[name] for name in TERMS if name in means])
        if inference.kl_per_dim_nats is not None:
            means['kl_per_dim_nats'] = tf.reduce_sum(inference.kl_per_dim_nats, axis=0) / batch_size
        means, gradients = sum_over_replicas((means, gradients))
        unit = model.values.unit
        means[unit.name] = unit.of(means['nll_nats'], model.num_dims)
        if model.values.is_continuous:
            del means['dequantization_nats']
        if 'dequantizer_nats' in means:
            nats = means['dequantizer_nats']
            means[f'dequantizer_{unit.name}'] = unit.of(nats, model.num_dims)
        # After the sum, so that every replica has the same norm and decides alike.
        clipped = clip(gradients, means['loss_nats'], settings.clip_norm, in_one_vector=self._xla)
        means['gradient_norm'] = clipped.norm
        return means, clipped.gradients, clipped.finite


def _check_settings(settings: Settings, local_batch_size: int, normalizes_over_batch: bool) -> None:
    """Raise a `ValueError` if the settings do not fit a replica's images or the flow."""
    parts, memory = settings.accumulation_steps, settings.gradient_memory
    if local_batch_size % parts:
        raise ValueError(
            f'`accumulation_steps` must divide the {local_batch_size} images of each replica; got '
            f'accumulation_steps={parts}.'
        )
    if parts > 1 and normalizes_over_batch:
        raise ValueError(
            '`accumulation_steps` must be 1 for a flow with batch norm, which would normalize '
            f'over each part; got accumulation_steps={parts}. Use a smaller batch, or more '
            'devices.'
        )
    if memory != STORE and normalizes_over_batch:
        raise ValueError(
            f'`gradient_memory` must be {STORE!r} for a flow with batch norm, which cannot run '
            f'twice on the same batch; got gradient_memory={memory!r}. Use a smaller batch, or '
            'more devices.'
        )
