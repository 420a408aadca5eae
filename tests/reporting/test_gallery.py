"""Every figure of runs: what it shows is what the runs' files hold, and what runs lack is said in words."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure
from msgspec import structs

import unbraid
from helpers.tiny import TINY
from unbraid.api import view_of
from unbraid.data.examples import example_images
from unbraid.errors import UsageError
from unbraid.evaluation.stored import read_scores, write_scores
from unbraid.figures.grids import strip, to_bytes
from unbraid.figures.heatmaps import diverging_pixels
from unbraid.figures.ranges import aggregate_moments
from unbraid.reporting.gallery.comparison import need_score, rate_of
from unbraid.reporting.gallery.latents import draw_traversals
from unbraid.reporting.gallery.registry import draw, figures
from unbraid.reporting.gallery.training import weights_of


@pytest.fixture
def views(trained):
    return [view_of(folder, device="cpu") for folder in trained]


def pixels_of(figure):
    """All images of a figure, gray ones without their equal colors, from the top and then from the left."""
    boxes = sorted((-round(ax.get_position().y1, 6), round(ax.get_position().x0, 6), i) for i, ax in enumerate(figure.axes))
    found = [np.asarray(figure.axes[i].images[0].get_array()) for _, _, i in boxes]
    return [one[..., 0] if (one == one[..., :1]).all() else one for one in found]


def labels_of(figure):
    found = [text for text in figure.texts if text.get_fontsize() == 12]
    return [text.get_text() for text in sorted(found, key=lambda text: -text.get_position()[1])]


@pytest.mark.parametrize("entry", list(figures), ids=figures.names())
def test_every_figure_is_drawn_of_runs_and_tells_what_it_shows(entry, views):
    least, most = entry.details["runs"]
    few = 2 if entry.name == "label_efficiency" else 4  # the others were not scored by the probe
    drawn = draw(entry.name, views[: most or few], {})
    assert isinstance(drawn.content, Figure)
    assert drawn.caption.endswith(".")
    assert entry.details["needs"]
    with pytest.raises(UsageError, match=f"{entry.name!r} is of"):
        draw(entry.name, views[: least - 1] if least > 1 else [], {})
    if most:
        with pytest.raises(UsageError, match=f"and {most + 1} were given"):
            draw(entry.name, views[: most + 1], {})


@pytest.mark.parametrize("name", ["traversals", "interpolation"])
def test_figures_that_move_have_frames(name, views):
    frames = draw(name, views[:1], {}, animated=True).content
    assert len(frames) > 2
    assert len({frame.shape for frame in frames}) == 1
    assert any((a != b).any() for a, b in pairwise(frames))


def test_others_do_not_move(views):
    with pytest.raises(UsageError, match="does not move; figures that can be a .gif: interpolation, traversals"):
        draw("samples", views[:1], {}, animated=True)


def test_reconstructions_are_those_of_the_models_in_order(views):
    shown = pixels_of(draw("reconstructions", views[:3], {"images": 5}).content)
    images = views[0].dataset.images.bytes(example_images(views[0].dataset, 5))
    assert set(example_images(views[0].dataset, 5)) <= set(views[0].dataset.test)
    np.testing.assert_array_equal(shown[0], strip(images))
    for pixels, view in zip(shown[1:], views, strict=False):
        np.testing.assert_array_equal(pixels, strip(to_bytes(view.model.reconstruct(images))))


def test_traversal_rows_are_sorted_by_kl_and_move_one_latent_over_two_deviations(views):
    view = views[0]
    base = int(view.dataset.test[3])
    figure = draw("traversals", [view], {"dims": 2, "columns": 5, "image": base}).content
    order = np.argsort(-view.table.kl)[:2]
    assert [label.split(" ")[0] for label in labels_of(figure)] == [f"z{j}" for j in order]
    center, deviation = aggregate_moments(view.table.mean, view.table.variance)
    code = view.model.encode(view.dataset.images.bytes(np.array([base])))[0]
    for pixels, j in zip(pixels_of(figure), order, strict=True):
        codes = np.tile(code, (5, 1))
        codes[:, j] = center[j] + deviation[j] * np.linspace(-2, 2, 5)
        np.testing.assert_array_equal(pixels, strip(to_bytes(view.model.decode(codes))))
    middle = draw("traversals", [view], {"dims": 1, "columns": 3, "base": "prior"}).content
    codes = np.zeros((3, 3), np.float32)
    codes[:, order[0]] = center[order[0]] + deviation[order[0]] * np.linspace(-2, 2, 3)
    np.testing.assert_array_equal(pixels_of(middle)[0], strip(to_bytes(view.model.decode(codes))))


def test_interpolations_go_from_code_to_code(views):
    figure = draw("interpolation", views[:1], {"rows": 1, "columns": 3}).content
    first, between, last = pixels_of(figure)
    ends = np.stack([first, last])[:, None]
    codes = views[0].model.encode(ends)
    line = np.stack([codes[0], codes.mean(0), codes[1]])
    np.testing.assert_array_equal(between, strip(to_bytes(views[0].model.decode(line))))
    assert (first != last).any()


def test_paired_traversals_take_the_latent_that_knows_the_factor(views):
    with_shares = views[0]
    shares = np.array([[0.0, 0.4, 0.0, 0.0], [0.5, 0.0, 0.0, 0.0], [0.0, 0.0, 0.6, 0.0]])
    vars(with_shares)["shares"] = shares
    figure = draw("paired_traversals", [with_shares], {"factor": "scale", "columns": 3}).content
    notes = [text.get_text() for text in figure.texts if text.get_fontsize() == 10]
    expected = int(with_shares.active_shares[:, with_shares.table.factor_names.index("scale")].argmax())
    assert notes[0].startswith(f"z{expected} ")
    assert expected == 2 or not with_shares.latents[2].active
    chosen = draw("paired_traversals", views[1:2], {"latent": 1}).content
    assert next(text.get_text() for text in chosen.texts if text.get_fontsize() == 10).startswith("z1 ")


def test_random_vectors_scale_the_same_draws(views):
    figure = draw("random_vectors", views[:1], {"small": 0.5, "large": 2.0, "draws": 20, "images": 4}).content
    small, large = pixels_of(figure)
    codes = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)[:4]
    np.testing.assert_array_equal(small, strip(to_bytes(views[0].model.decode(0.5 * codes))))
    np.testing.assert_array_equal(large, strip(to_bytes(views[0].model.decode(2 * codes))))


def test_position_maps_are_means_over_all_images_and_over_those_of_a_value(views):
    view = views[0]
    figure = draw("position_maps", [view], {"dims": 1, "by": "scale"}).content
    table = view.table
    names = list(table.factor_names)
    j = int(np.argsort(-table.kl)[0])
    center, deviation = aggregate_moments(table.mean, table.variance)
    values = (table.mean[:, j] - center[j]) / deviation[j]
    for pixels, scale in zip(pixels_of(figure), (None, 0, 1, 2), strict=False):
        wanted = np.empty((4, 4))
        for y in range(4):
            for x in range(4):
                there = (table.factors[:, names.index("x")] == x) & (table.factors[:, names.index("y")] == y)
                there &= True if scale is None else table.factors[:, names.index("scale")] == scale
                wanted[y, x] = values[there].astype(np.float64).mean()
        np.testing.assert_allclose(pixels.astype(int), diverging_pixels(wanted, 2.0), atol=1)
    headings = [text.get_text() for text in figure.texts if text.get_fontsize() == 11]
    assert headings == ["all images", "scale 0.6", "scale 0.8", "scale 1"]


def test_planes_hold_the_numbers_of_the_runs(views):
    (ax,) = draw("rate_distortion", views, {}).content.axes
    dots = np.concatenate([line.get_xydata() for line in ax.get_lines() if line.get_marker() == "."])
    wanted = {(rate_of(view), view.scored["splits"]["test"]["nll"]) for view in views}
    assert {tuple(dot) for dot in dots} == wanted
    assert rate_of(views[0]) == pytest.approx(sum(views[0].scored["kl_per_dim"]))
    (ax,) = draw("trade_off", views, {"score": "dci.completeness"}).content.axes
    dots = np.concatenate([line.get_xydata() for line in ax.get_lines() if line.get_marker() == "."])
    wanted = {(v.scored["splits"]["test"]["nll_at_mean"], v.scored["metrics"]["dci"]["completeness"]["score"]) for v in views}
    assert {tuple(dot) for dot in dots} == wanted


def test_rate_distortion_joins_what_differs_in_beta_alone(views):
    (ax,) = draw("rate_distortion", views, {}).content.axes
    curves = {line.get_label(): len(line.get_xdata()) for line in ax.get_lines() if not line.get_label().startswith("_")}
    assert curves == {"beta_vae, latents 3": 2, "beta_vae, latents 2": 1}


def test_a_grid_holds_means_over_seeds(views):
    (ax,) = draw("grid", views, {"score": "mig"}).content.axes
    drawn = np.ma.filled(ax.collections[0].get_array().astype(float), np.nan)
    mig = [view.scored["metrics"]["mig"]["score"] for view in views]
    np.testing.assert_allclose(drawn, [[np.mean(mig[:2]), mig[2]], [np.nan, mig[3]]])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["3", "2"]


def test_seeds_of_a_configuration_share_a_row(views):
    figure = draw("seeds", views, {"scores": "mig,dci.informativeness"}).content
    first, second = figure.axes
    assert [tick.get_text() for tick in first.get_yticklabels()] == [
        "beta_vae, beta 1, latents 3",
        "beta_vae, beta 4, latents 3",
        "beta_vae, beta 4, latents 2",
    ]
    dots = [line.get_xdata().tolist() for line in second.get_lines() if line.get_linestyle() == "None"]
    assert dots[0] == [view.scored["metrics"]["dci"]["informativeness"]["score"] for view in views[:2]]


def test_label_efficiency_is_that_of_the_probe(views):
    (ax,) = draw("label_efficiency", views[:2], {"factor": "x"}).content.axes
    (line,) = [line for line in ax.get_lines() if not line.get_label().startswith("_")]
    probes = [view.scored["metrics"]["linear_probe"] for view in views[:2]]
    assert line.get_ydata()[0] == pytest.approx(np.mean([probe["labels_10"]["per_factor"]["x"] for probe in probes]))
    assert line.get_xdata().tolist() == [10, 100, probes[0]["labels_1000"]["labels"]], "no two points of equally many labels"


def test_weights_are_those_of_kernels_and_matrices(views):
    found = weights_of(views[0])
    state = views[0].model.vae.state_dict()
    for network in ("encoder", "decoder"):
        own = [v for k, v in state.items() if k.startswith(f"networks.{network}.") and k.endswith("weight")]
        assert len(found[network]) == sum(one.numel() for one in own)
        assert np.sort(found[network])[-1] == max(float(one.max()) for one in own)


def test_scores_over_training_come_from_evaluations(views):
    (ax,) = draw("scores_over_training", views[:1], {"scores": "mig"}).content.axes
    logged = [entry.values["mig"] for entry in views[0].log if entry.kind == "evaluation"]
    assert len(logged) == 2
    assert ax.get_lines()[0].get_ydata().tolist() == logged


def test_importance_columns_sum_to_one(views):
    (ax,) = draw("importance", views[:1], {}).content.axes
    drawn = ax.collections[0].get_array()
    columns = np.asarray(drawn.sum(0))
    assert all(one == pytest.approx(1) or one == 0 for one in columns)  # 0 where no latent knows of a factor
    assert columns.any()


def test_the_python_function_gives_the_figure(trained):
    figure = unbraid.figure("traversals", trained[0], dims=1, device="cpu")
    expected = draw_traversals([view_of(trained[0], device="cpu")], dims=1).content
    np.testing.assert_array_equal(pixels_of(figure)[0], pixels_of(expected)[0])


REFUSED = {
    "no such latent": ("paired_traversals", {"latent": 9}, "latents from 0 to 2"),
    "no such factor": ("paired_traversals", {"factor": "hue"}, "allowed: x, y, scale, orientation"),
    "two choices": ("paired_traversals", {"factor": "x", "latent": 1}, "give one of them"),
    "no such image": ("traversals", {"image": 10_000}, "allowed: 0 to 239"),
    "no such score": ("trade_off", {"score": "sap"}, "was not scored by 'sap'; it has mig, dci, linear_probe. Score it"),
    "no such part": ("trade_off", {"score": "dci.x"}, "has no part 'x'; it has disentanglement"),
    "maps of a position": ("position_maps", {"by": "x"}, "allowed: scale, orientation"),
    "maps by a factor twice": ("position_maps", {"by": "scale,scale"}, "names a factor twice"),
    "too many maps": ("position_maps", {"by": "orientation,scale,orientation"}, "allowed: 24"),
    "no such metric": ("scores_over_training", {"scores": "dci"}, "followed during training were: "),
    "thresholds": ("assignment", {"strong": 0.1, "weak": 0.2}, "no lower"),
    "not an option": ("traversals", {"dim": 3}, "Did you mean 'dims'"),
    "out of range": ("traversals", {"dims": 0}, "at least 1"),
}


@pytest.mark.parametrize(("name", "options", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_drawn_is_refused_in_words(views, name, options, says):
    with pytest.raises(UsageError) as refused:
        draw(name, views[:1], options)
    assert says in str(refused.value)


def test_runs_on_different_data_or_likelihoods_are_refused(views, tmp_path):
    other = tmp_path / "other"
    unbraid.train("vae", TINY, out=other, steps=2, batch_size=16, test_share=0.3, likelihood="gaussian", device="cpu")
    with pytest.raises(UsageError, match="different data"):
        draw("reconstructions", [views[0], view_of(other)], {})
    third = tmp_path / "third"
    unbraid.train("vae", TINY, out=third, steps=2, batch_size=16, likelihood="gaussian", device="cpu")
    with pytest.raises(UsageError, match="likelihood 'bernoulli' and .* 'gaussian'"):
        draw("trade_off", [views[0], view_of(third)], {})
    with pytest.raises(UsageError, match="has not been scored; score it first: unbraid evaluate"):
        draw("traversals", [view_of(third)], {})
    with pytest.raises(UsageError, match="train it with --evaluate-every"):
        draw("scores_over_training", [view_of(third)], {})
    with pytest.raises(UsageError, match="has no number 'beta'"):
        draw("reconstructions_over", [view_of(third), view_of(third)], {})


def test_scores_of_an_earlier_step_are_refused(trained, tmp_path):
    folder = shutil.copytree(trained[0], tmp_path / "run")
    write_scores(folder / "metrics.json", structs.replace(read_scores(folder / "metrics.json"), step=6))
    with pytest.raises(UsageError, match="scored at step 6 and trained further since"):
        draw("traversals", [view_of(folder)], {})


def test_data_without_factors_are_refused_where_factors_are_needed(make_case):
    case = make_case(image_shape=(1, 32, 32))
    view = case.view()
    for name in ("information", "importance", "assignment"):
        with pytest.raises(UsageError, match="has no factors, and this figure needs them"):
            draw(name, [view], {})
    with pytest.raises(UsageError, match="data with no factors; heat maps need x and y"):
        draw("position_maps", [view], {})
    assert draw("traversals", [view], {"dims": 2}).content.texts


def test_codes_that_are_not_finite_are_refused(make_case):
    case = make_case()
    bad = np.full_like(case.table.mean, np.nan)
    case.table = replace(case.table, mean=bad, variance=bad, kl=np.full(4, np.nan, np.float32))
    del case.scored["information_shares"]
    view = case.view()
    for name in ("information", "importance", "assignment"):
        with pytest.raises(UsageError, match="not finite"):
            draw(name, [view], {})


def test_scores_by_name(views):
    assert need_score(views[0], "dci.completeness") == views[0].scored["metrics"]["dci"]["completeness"]
