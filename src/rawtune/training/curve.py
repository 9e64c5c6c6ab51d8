"""The loss curve as a picture."""

from collections.abc import Collection, Sequence
from pathlib import Path

_SMOOTHING = 0.1
"""Share of the newest step in the exponential mean."""


def plot_losses(losses: Sequence[float], path: Path, flagged: Collection[int] = (), steps: Sequence[int] = ()) -> None:
    """Write a PNG of the loss at every step, with its exponential mean; steps that are ``flagged`` are marked.

    ``steps`` are the steps' numbers, from 1 on if left out.
    """
    from matplotlib.figure import Figure

    smooth, mean = [], losses[0]
    for loss in losses:
        mean += _SMOOTHING * (loss - mean)
        smooth.append(mean)
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    axes = figure.subplots()
    steps = steps or range(1, len(losses) + 1)
    axes.plot(steps, losses, color="#9db4c8", linewidth=1, label="loss")
    axes.plot(steps, smooth, color="#1f5f8b", linewidth=2, label="smoothed")
    if flagged:
        marked = {step: loss for step, loss in zip(steps, losses, strict=True) if step in flagged}
        axes.scatter(list(marked), list(marked.values()), color="#c0392b", s=24, zorder=3, label="stands out")
    axes.set(xlabel="step", ylabel="loss on answer tokens", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
