"""Functions of arrays that return matplotlib figures or pixels; no torch, pyplot or global state.

    from unbraid.figures import save, traversals

    save(traversals(images, labels, kl), "traversals.pdf")

Importing this package imports no matplotlib; the names below do when they are first used. Figures of whole runs:
`unbraid.figure`, `unbraid list figures`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unbraid.lazy import lazy

if TYPE_CHECKING:
    from unbraid.figures.animation import gif as gif
    from unbraid.figures.animation import moving_tiles as moving_tiles
    from unbraid.figures.assignment import assignment_table as assignment_table
    from unbraid.figures.assignment import assignments as assignments
    from unbraid.figures.heatmaps import importance_heatmap as importance_heatmap
    from unbraid.figures.heatmaps import information_heatmap as information_heatmap
    from unbraid.figures.heatmaps import means_over_positions as means_over_positions
    from unbraid.figures.heatmaps import score_grid as score_grid
    from unbraid.figures.images import interpolations as interpolations
    from unbraid.figures.images import is_blank as is_blank
    from unbraid.figures.images import paired_traversals as paired_traversals
    from unbraid.figures.images import prior_samples as prior_samples
    from unbraid.figures.images import random_vectors as random_vectors
    from unbraid.figures.images import reconstructions as reconstructions
    from unbraid.figures.images import reconstructions_over as reconstructions_over
    from unbraid.figures.images import traversals as traversals
    from unbraid.figures.kl import kl_over_training as kl_over_training
    from unbraid.figures.losses import curve_panels as curve_panels
    from unbraid.figures.losses import curves as curves
    from unbraid.figures.over_options import agreement as agreement
    from unbraid.figures.over_options import lines_over_option as lines_over_option
    from unbraid.figures.over_runs import label_curves as label_curves
    from unbraid.figures.over_runs import label_efficiency as label_efficiency
    from unbraid.figures.over_runs import seeds as seeds
    from unbraid.figures.planes import rate_distortion as rate_distortion
    from unbraid.figures.planes import trade_off as trade_off
    from unbraid.figures.positions import position_maps as position_maps
    from unbraid.figures.power_spectra import spectra as spectra
    from unbraid.figures.power_spectra import spectrum as spectrum
    from unbraid.figures.saving import save as save
    from unbraid.figures.weights import weight_histograms as weight_histograms

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "animation": ("gif", "moving_tiles"),
        "assignment": ("assignment_table", "assignments"),
        "heatmaps": ("importance_heatmap", "information_heatmap", "means_over_positions", "score_grid"),
        "images": (
            "interpolations",
            "is_blank",
            "paired_traversals",
            "prior_samples",
            "random_vectors",
            "reconstructions",
            "reconstructions_over",
            "traversals",
        ),
        "kl": ("kl_over_training",),
        "losses": ("curve_panels", "curves"),
        "over_options": ("agreement", "lines_over_option"),
        "over_runs": ("label_curves", "label_efficiency", "seeds"),
        "planes": ("rate_distortion", "trade_off"),
        "positions": ("position_maps",),
        "saving": ("save",),
        "power_spectra": ("spectra", "spectrum"),
        "weights": ("weight_histograms",),
    },
)
