"""Pictures to look at: contact sheets of frames and plots of mouth openings, never kept in the repository."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from measure_line.clips import FPS
from mimictalk.evaluating.sheets import contact_sheet, difference

__all__ = ["contact_sheet", "difference", "plot_curves"]


def plot_curves(path: Path, title: str, curves: dict[str, NDArray[np.float64]]) -> None:
    """Write curves over time as a PNG, the first one as the truth in black, each under the next.

    Args:
        path: The PNG to write.
        title: Over the plot.
        curves: Name to (T,) values at 25 per second.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(14, 4), layout="constrained")
    for index, (name, values) in enumerate(curves.items()):
        style = {"color": "black", "linewidth": 1.6} if index == 0 else {"linewidth": 1.0}
        axes.plot(np.arange(len(values)) / FPS, values, label=name, **style)
    axes.set(title=title, xlabel="seconds", ylabel="mouth opening / eye distance")
    axes.legend(loc="upper right")
    figure.savefig(path, dpi=90)
    pyplot.close(figure)
