"""Networks inside flows and encoders: coupling networks, residual blocks, weight and batch norm."""
