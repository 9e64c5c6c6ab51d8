"""How the threads of the numerical libraries wait for each other."""

import os

_SPINS = "6000"
"""Some ten microseconds. Threads that sleep at once make a training step on two idle cores 1.4 times slower; threads
that spin for long (the default) make it several times slower as soon as anything else wants a core."""


def wait_briefly() -> None:
    """Let idle OpenMP threads spin for a moment before they sleep, unless the user's environment says otherwise.

    To be called before torch or llama.cpp is imported: GNU's OpenMP runtime reads this when it is loaded (libgomp
    manual, GOMP_SPINCOUNT).
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
