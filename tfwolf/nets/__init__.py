"""Networks inside flows and encoders: weight norm, batch norm, residual blocks, coupling nets."""
