"""Benchmarks: time, memory and operations of training, evaluation, sampling and served models."""
