"""The loss curve as a picture."""

from collections.abc import Sequence
from pathlib import Path

_SMOOTHING = 0.1
"""Share of the newest step in the exponential mean."""


def plot_losses(losses: Sequence[float], path: Path) -> None:
    """Write a PNG of the loss at every step, with its exponential mean."""
    from matplotlib.figure import Figure

    smooth, mean = [], losses[0]
    for loss in losses:
        mean += _SMOOTHING * (loss - mean)
        smooth.append(mean)
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    axes = figure.subplots()
    steps = range(1, len(losses) + 1)
    axes.plot(steps, losses, color="#9db4c8", linewidth=1, label="loss")
    axes.plot(steps, smooth, color="#1f5f8b", linewidth=2, label="smoothed")
    axes.set(xlabel="step", ylabel="loss on answer tokens", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
