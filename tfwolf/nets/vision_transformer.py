"""A vision transformer as the network of couplings on patches of an image (Jet)."""

from __future__ import annotations

import math

import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.parts import register
from tfwolf.nets.condition import Condition, check_condition
from tfwolf.nets.conditioned_net import ConditionTerms
from tfwolf.nets.precision import compute_type
from tfwolf.nets.transformer_block import TransformerBlock, dense, glorot_weight, layer_norm


@register
class VisionTransformer(ConditionTerms):
    """Dense, positions, terms of the condition, blocks of attention and dense layers, norm, dense.

    Each pixel of x is a token: a coupling on images that are squeezed by patches gives a token for
    each patch. Learned positions are added after the first layer, then a linear map of z to every
    token, which equals cross-attention to z as a single token. The last layer starts at zero, so a
    coupling with this network starts as the map of parameters zero.

    Args:
        in_channels: channels of the conditioning part.
        hidden_channels: width, the size of a token.
        out_channels: channels of the result.
        num_tokens: number of pixels of x; `Jet` passes it.
        condition_dim: size of z, or 0 for a network without z.
        seed: seed of the initial weights.
        dtype: floating type of weights and result.
        depth: number of blocks.
        num_heads: number of heads of the attention; must divide the width.
        modulates_norms: whether z also changes gain and bias of the norms of the blocks.
        compute_dtype: type of the computations inside, such as 'bfloat16'; None for `dtype`. Norms
            and the softmax are computed in at least float32.
        condition_channels: channels of the condition's image at the resolution of x; 0 for none.

    Raises:
        ValueError: if a size or a type is not allowed.

    Reference: Kolesnikov, Pinto and Tschannen, "Jet: A Modern Transformer-Based Normalizing Flow",
        2024, arXiv:2412.15129, section 3; the network: Dosovitskiy et al., "An Image is Worth 16x16
        Words", 2021, arXiv:2010.11929, equations 1 to 4.

    >>> net = tfwolf.VisionTransformer(6, 16, 12, num_tokens=4)
    >>> net(tf.ones([3, 2, 2, 6])).shape
    TensorShape([3, 2, 2, 12])
    """

    # Positions are one vector for each token, no map of an input.
    undecayed_weights = ('positions',)

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        num_tokens: int,
        condition_dim: int = 0,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        depth: int = 1,
        num_heads: int = 4,
        modulates_norms: bool = False,
        compute_dtype: str | tf.DType | None = None,
        condition_channels: int = 0,
    ) -> None:
        super().__init__(name='vision_transformer')
        width = validate.integer('hidden_channels', hidden_channels, minimum=1)
        self.compute_dtype = compute_type(compute_dtype, dtype)
        self.num_tokens: int = validate.integer('num_tokens', num_tokens, minimum=1)
        random = seeds.generator(seed, 'vision_transformer')
        self.kernel = glorot_weight((in_channels, width), random, dtype, 'kernel')
        self.bias = tf.Variable(tf.zeros([width], dtype), name='bias')
        positions = random.standard_normal((num_tokens, width)) / math.sqrt(width)
        self.positions = tf.Variable(tf.constant(positions, dtype), name='positions')
        self._add_condition_layers(condition_dim, condition_channels, width, random, dtype)
        self._modulates_norms = modulates_norms and condition_dim > 0
        self.blocks = [
            TransformerBlock(
                width, num_heads, condition_dim if self._modulates_norms else 0, random, dtype
            )
            for _ in range(validate.integer('depth', depth, minimum=1))
        ]
        self.gain = tf.Variable(tf.ones([width], dtype), name='gain')
        self.norm_bias = tf.Variable(tf.zeros([width], dtype), name='norm_bias')
        self.output_kernel = tf.Variable(
            tf.zeros([width, out_channels], dtype), name='output_kernel'
        )
        self.output_bias = tf.Variable(tf.zeros([out_channels], dtype), name='output_bias')
        # Of each block: two norms, q, k, v, what is attended to, two sums, four widths before and
        # after GELU; and the weights of the attention, num_tokens for each head and token.
        self.hidden_arrays: int = 3 + depth * (16 + math.ceil(num_heads * num_tokens / width))

    def __call__(
        self, x: tf.Tensor, condition: Condition | None = None, training: bool = False
    ) -> tf.Tensor:
        """Return `[batch, height, width, out_channels]`.

        Args:
            x: conditioning part of an image, `[batch, height, width, in_channels]`, of `num_tokens`
                pixels.
            condition: z, an image, or both, as the network was built for; see
                `tfwolf.nets.condition`.
            training: not used.

        Raises:
            ValueError: if x has another number of pixels, or a part of the condition is missing or
                has another shape.
        """
        shape = validate.static_shape('x', x.shape[1:])
        if shape[0] * shape[1] != self.num_tokens:
            raise ValueError(
                f'`x` must have num_tokens={self.num_tokens} pixels; got {shape[0]}x{shape[1]}.'
            )
        tokens = dense(_tokens(tf.cast(x, self.compute_dtype)), self.kernel, self.bias)
        tokens += tf.cast(self.positions, self.compute_dtype)
        for term in self.condition_terms(condition, x):
            tokens += _tokens(term)
        z = check_condition(condition, x, self.condition_dim) if self._modulates_norms else None
        for block in self.blocks:
            tokens = block(tokens, z)
        tokens = layer_norm(tokens, self.gain, self.norm_bias)
        y = dense(tokens, self.output_kernel, self.output_bias)
        return tf.cast(tf.reshape(y, [-1, *shape[:2], y.shape[-1]]), x.dtype)

    def initialize(self, x: tf.Tensor, condition: Condition | None = None) -> None:
        """Set the last layer to zero, so that the network returns zeros."""
        self.output_kernel.assign(tf.zeros_like(self.output_kernel))
        self.output_bias.assign(tf.zeros_like(self.output_bias))


def _tokens(x: tf.Tensor) -> tf.Tensor:
    """Return `[batch, height * width, channels]`."""
    height, width, channels = validate.static_shape('x', x.shape[1:])
    return tf.reshape(x, [-1, height * width, channels])
