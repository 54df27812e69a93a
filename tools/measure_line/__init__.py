"""Measures the whole line on real clips, with nothing of the code that learns or renders."""
