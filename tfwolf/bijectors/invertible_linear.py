"""The invertible linear map of vectors, a learned mixture of their entries (Wolf, appendix B: the prior of z)."""
from tfwolf.bijectors.base import FlowBijector, per_example


class InvertibleLinear(FlowBijector):
    """y = x W for vectors x; log|det dy/dx| = log|det W|.

    Args:
        matrix: the matrix W, a `FullMatrix` or `PLUMatrix` of the vectors' size.
        dtype: floating type, that of the matrix.
    """

    def __init__(self, matrix, dtype, name='invertible_linear'):
        super().__init__(event_ndims=1, dtype=dtype, name=name)
        self.matrix = matrix

    def forward_and_log_det(self, x, condition=None):
        """Returns y = x W and log|det W|, `[batch]` in nats."""
        return self.matrix.multiply(x), per_example(self.matrix.log_abs_det, x)

    def inverse_and_log_det(self, y, condition=None):
        """Returns x, the solution of x W = y, and -log|det W|."""
        return self.matrix.solve(y), per_example(-self.matrix.log_abs_det, y)
