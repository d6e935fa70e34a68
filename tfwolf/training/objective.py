"""The training objective: the negative bound, with optional means against posterior collapse."""

from __future__ import annotations

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.parts import register
from tfwolf.core.replicas import sum_over_replicas
from tfwolf.models.terms import Terms


@register
class Objective:
    """Loss per image in nats: the negative bound, with options against posterior collapse.

    loss = mean(reconstruction) + weight max(mean(KL), floor) + dequantization + auxiliary terms,
    where dequantization includes log q(u|x) of a learned dequantizer.
    By default weight = 1 and floor = 0, which is the negative bound itself; in a short run it leads
    to posterior collapse, a KL near zero and a z that the flow ignores. A KL weight that grows from
    0 to 1 (KL warmup) or a floor (free bits) prevents this. Reported metrics are always those of
    the true bound.

    Args:
        kl_warmup_steps: the weight of the KL is step / kl_warmup_steps until that step, then 1
            (Bowman et al., 2016, arXiv:1511.06349). 0 disables the warmup.
        free_nats_per_dim: the floor divided by the size of z. Below the floor the KL has no
            gradient (free bits: Kingma et al., 2016, arXiv:1606.04934, appendix C.8; applied to z
            as a whole, since a flow prior couples its dimensions). 0 disables the floor.
    """

    def __init__(self, kl_warmup_steps: int = 0, free_nats_per_dim: float = 0.0) -> None:
        self._kl_warmup_steps = validate.integer('kl_warmup_steps', kl_warmup_steps, minimum=0)
        self._free_nats_per_dim = validate.real('free_nats_per_dim', free_nats_per_dim, minimum=0)

    def flow_loss(self, terms: Terms, global_batch_size: int) -> tf.Tensor:
        """Return the contribution of some images to the loss without the KL, a scalar.

        The contributions of all images of a step add up to that part of the loss.

        Args:
            terms: `Terms` of the images.
            global_batch_size: number of images of the step, over all replicas.
        """
        return (
            tf.reduce_sum(
                tf.add_n(
                    [
                        terms.reconstruction_nats,
                        terms.dequantization_nats,
                        terms.dequantizer_nats,
                        *terms.auxiliary_nats.values(),
                    ]
                )
            )
            / global_batch_size
        )

    def kl_loss(
        self, kl_nats: tf.Tensor, global_batch_size: int, latent_dim: int, step: int | tf.Tensor
    ) -> tf.Tensor:
        """Return this replica's contribution to the weighted KL, a scalar.

        Call it within the `run` of the strategy.

        Args:
            kl_nats: `[local_batch]`, KL of all images of the replica.
            global_batch_size: number of images of the step, over all replicas.
            latent_dim: size of z.
            step: scalar integer, number of the training step.
        """
        kl_share = tf.reduce_sum(kl_nats) / global_batch_size
        floor = self._free_nats_per_dim * latent_dim
        if floor > 0:
            replicas = tf.distribute.get_replica_context().num_replicas_in_sync
            mean_kl = sum_over_replicas(tf.stop_gradient(kl_share))
            kl_share = tf.where(
                mean_kl > floor,
                kl_share,
                tf.cast(floor / replicas, kl_share.dtype),
            )
        if self._kl_warmup_steps:
            kl_share *= tf.cast(
                tf.minimum(1.0, tf.cast(step, tf.float32) / self._kl_warmup_steps), kl_share.dtype
            )
        return kl_share
