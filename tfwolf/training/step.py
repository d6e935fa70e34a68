"""One training step: gradients on every replica, summed, clipped, checked and applied once."""
import contextlib

import tensorflow as tf

from tfwolf import seeds, validate
from tfwolf.distributions.bits import bits_per_dim
from tfwolf.replicas import local_rows
from tfwolf.training.averages import AVERAGED, RAW
from tfwolf.training.flow_gradients import MEMORIES, STORE, flow_gradients
from tfwolf.training.strategy import check_batch_size
from tfwolf.variables import as_tensorflow, trainable_variables


class TrainStep(tf.Module):
    """The compiled step, and the counters that a checkpoint must hold with the weights.

    Args:
        strategy: a `tf.distribute` strategy; the object must be made inside its scope.
        model: a `Wolf`.
        optimizer: an `AdamW` over the model's trainable variables.
        objective: an `Objective`.
        batch_size: images per step over all replicas.
        seed: integer from which the noise of each step is derived.
        clip_norm: largest norm of the summed gradient, or None.
        averages: `WeightAverages` of the same variables, or None.
        accumulation_steps: into how many parts the flow takes each replica's images, one after the other, to save memory.
        gradient_memory: what of the flow's forward pass stays in memory for its gradient, one of `flow_gradients.MEMORIES`.
        xla: whether loss and gradients of the flow are compiled by XLA; None for where there is a GPU. The encoder never is: its batch norm
            talks to other replicas.

    Attributes:
        step: int64, number of steps taken, skipped ones included.
        skipped: int64, number of steps skipped because of a gradient that was not finite.
        skipped_in_a_row: int64, how many of them were the latest ones.
    """

    def __init__(self, strategy, model, optimizer, objective, batch_size, seed, clip_norm=None, averages=None, accumulation_steps=1,
                 gradient_memory=STORE, xla=None):
        super().__init__(name='train_step')
        if clip_norm is not None:
            validate.real('clip_norm', clip_norm, above=0)
        self._parts = lambda: (strategy, model, optimizer, objective)
        self._batch_size = batch_size
        self._local_batch_size = check_batch_size(strategy, batch_size)
        self._accumulation_steps = validate.integer('accumulation_steps', accumulation_steps, minimum=1)
        if self._local_batch_size % accumulation_steps:
            raise ValueError(f'`accumulation_steps` must divide the {self._local_batch_size} images of each replica; got '
                             f'accumulation_steps={accumulation_steps}.')
        if gradient_memory not in MEMORIES:
            raise ValueError(f'`gradient_memory` must be one of {", ".join(MEMORIES)}; got gradient_memory={gradient_memory!r}.')
        if accumulation_steps > 1 and model.flow.normalizes_over_batch:
            raise ValueError('`accumulation_steps` must be 1 for a flow with batch norm, which would normalise over each part; got '
                             f'accumulation_steps={accumulation_steps}. Use a smaller batch, or more devices.')
        if gradient_memory != STORE and model.flow.normalizes_over_batch:
            raise ValueError(f'`gradient_memory` must be {STORE!r} for a flow with batch norm, which cannot run a second time on the same '
                             f'batch; got gradient_memory={gradient_memory!r}. Use a smaller batch, or more devices.')
        replicas_talk = model.flow.normalizes_over_batch and strategy.num_replicas_in_sync > 1
        if xla is None:
            xla = bool(tf.config.list_logical_devices('GPU')) and not replicas_talk
        if xla and replicas_talk:
            raise ValueError('`xla` must be off for a flow with batch norm on several devices, since compiled code cannot talk to the others; '
                             'got xla=True. Use --noxla.')
        self._xla = xla
        self._gradient_memory = gradient_memory
        self._seed = seeds.derive(seed, 'training noise')
        self._clip_norm = clip_norm
        self.averages = averages
        self.step, self.skipped, self.skipped_in_a_row = (
            tf.Variable(0, dtype=tf.int64, trainable=False, name=name) for name in ('step', 'skipped', 'skipped_in_a_row'))

    @tf.function(autograph=False)
    def __call__(self, images, labels=None):
        """Takes one step on the global batch; returns a dict of scalars (and `kl_per_dim_nats`, `[latent_dim]`), means over it.

        Args:
            images: uint8 `[batch, height, width, channels]`, distributed over the replicas.
            labels: int64 `[batch]`, likewise; only a model whose z comes from them needs them.
        """
        strategy, model, optimizer, _ = self._parts()
        metrics, gradients, finite = strategy.run(self._replica_step, (images, labels))
        local = strategy.experimental_local_results
        metrics = {name: local(value)[0] for name, value in metrics.items()}
        finite = local(finite)[0]
        metrics['learning_rate'] = optimizer.learning_rate
        optimizer.apply(gradients, finite)
        if self.averages is not None:
            self.averages.update(finite)
        skip = tf.cast(~finite, tf.int64)
        self.step.assign_add(1)
        self.skipped.assign_add(skip)
        self.skipped_in_a_row.assign(skip * (self.skipped_in_a_row + 1))
        metrics['skipped'] = tf.identity(self.skipped)
        metrics['skipped_in_a_row'] = tf.identity(self.skipped_in_a_row)
        return metrics

    def weights_to_evaluate(self):
        """Returns a context in which the model has the weights that it is evaluated with: their averages, where there are any."""
        return contextlib.nullcontext() if self.averages is None else self.averages.in_use()

    @property
    def weights_name(self):
        """What `weights_to_evaluate` gives, 'averaged' or 'raw'."""
        return RAW if self.averages is None else AVERAGED

    def noise(self, step):
        """Returns the `Noise` of the global batch of a step."""
        seed = seeds.fold_in(seeds.tensor_seed(self._seed), step)
        return self._parts()[1].draw_noise(self._batch_size, seed)

    def _replica_step(self, images, labels):
        _, model, _, objective = self._parts()
        noise = local_rows(self.noise(self.step), self._local_batch_size)
        latent_variables = [as_tensorflow(variable) for variable in trainable_variables(model.latent)]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(latent_variables)
            inference = model.infer(images, noise, training=True, labels=labels)
            kl_loss = objective.kl_loss(inference.kl_nats, self._batch_size, model.latent.dim, self.step)
        # Each replica traces its own.
        compute = tf.function(flow_gradients, jit_compile=True, autograph=False) if self._xla else flow_gradients
        sums, of_flow, z_gradient = compute(
            model, objective, self._batch_size, inference, images, noise, self._accumulation_steps, self._gradient_memory)
        # What z costs the flow reaches encoder and prior through z.
        targets, upstream = ([kl_loss], [None]) if z_gradient is None else ([kl_loss, inference.z], [tf.ones_like(kl_loss), z_gradient])
        of_latent = tape.gradient(targets, latent_variables, upstream, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        gradients = self._in_order_of_the_model(of_flow, of_latent)
        loss = sums.pop('flow_loss') + kl_loss
        means = {name: total / self._batch_size for name, total in sums.items()}
        means['loss_nats'] = loss
        means['kl_nats'] = tf.reduce_sum(inference.kl_nats) / self._batch_size
        means['nll_nats'] = means['reconstruction_nats'] + means['kl_nats'] + means['dequantization_nats']
        if inference.kl_per_dim_nats is not None:
            means['kl_per_dim_nats'] = tf.reduce_sum(inference.kl_per_dim_nats, axis=0) / self._batch_size
        context = tf.distribute.get_replica_context()
        means, gradients = context.all_reduce('SUM', tf.nest.map_structure(tf.identity, (means, gradients)))
        means['bits_per_dim'] = bits_per_dim(means['nll_nats'], model.num_dims)
        # After the sum: every replica sees the same norm and takes the same decision.
        norm = tf.linalg.global_norm(gradients)
        finite = tf.math.is_finite(norm) & tf.math.is_finite(means['loss_nats'])
        if self._clip_norm is not None:
            scale = tf.minimum(tf.cast(1, norm.dtype), self._clip_norm / norm)
            gradients = [gradient * scale for gradient in gradients]
        means['gradient_norm'] = norm
        return means, gradients, finite

    def _in_order_of_the_model(self, of_flow, of_latent):
        """Returns the gradients of flow and latent in the order of the optimizer's variables."""
        model = self._parts()[1]
        gradient_of = {}
        for part, gradients in ((model.flow, of_flow), (model.latent, of_latent)):
            gradient_of.update(zip(map(id, trainable_variables(part)), gradients, strict=True))
        return [gradient_of[id(variable)] for variable in trainable_variables(model)]
