"""The flows of the papers, composed of bijectors: refined Glow, Glow, Real NVP, and factor-outs."""
