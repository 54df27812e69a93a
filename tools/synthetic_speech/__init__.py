"""Synthetic speech with known mouths: Debian's synthesisers, exact phone times, co-articulation, talking
styles."""
