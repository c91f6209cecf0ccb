"""Spate beside its peers: the same target, the same load, the same stopwatch, in one run."""
