"""Complete models: encoder, flow and prior combined, and their initialisation."""
