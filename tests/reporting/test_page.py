"""Pages of all kinds of runs: complete, offline, well formed, repeatable."""

from __future__ import annotations

import html
from dataclasses import replace

import msgspec
import numpy as np
import pytest

import unbraid
from helpers.page_reader import read
from helpers.tiny import TINY
from unbraid.data.factor_space import FactorSpace
from unbraid.errors import CorruptFile
from unbraid.figures.series import Series
from unbraid.log_entry import Entry
from unbraid.phrases import few
from unbraid.reporting.cautions import fall_at_end
from unbraid.reporting.charts import training_loss
from unbraid.reporting.latents import SHOWN
from unbraid.reporting.numbers import decimal
from unbraid.reporting.pictures import LARGEST_FILE
from unbraid.training.run import REPORT, open_run


def test_codes_of_other_data_or_of_other_scores_are_refused(make_case):
    case = make_case()
    case.table = replace(case.table, factor_names=("a", *case.table.factor_names[1:]))
    with pytest.raises(CorruptFile, match=r"factors: \('a', .* there, \('x', .*Make both anew: unbraid evaluate"):
        case.page()
    case = make_case()
    case.scored["images"] = 12
    with pytest.raises(CorruptFile, match="images: 240 there, 12 here"):
        case.page()


def test_headline_and_labels_match_the_codes(own_latents_table):
    page = read(own_latents_table.page())
    assert "Both positions and scale have latents of their own; orientation is not coded by any single latent." in page.text
    assert f"beta_vae on {TINY}" in page.text
    labels = ["z2 · 3.0 nats · y", "z3 · 2.0 nats · scale", "z1 · 1.5 nats · x", "z0 · 0.00 nats"]
    places = [page.text.index(label) for label in labels]
    assert places == sorted(places), "rows are sorted by KL"
    assert "1 of 4 latents is dead. The latent carries no information about the image: z0." in page.text
    assert "A code that knows nothing scores 0." in page.text


def test_sections_come_in_order(own_latents_table):
    page = read(own_latents_table.page())
    wanted = ["Traversals", "Latents and factors", "Scores", "Factors", "Reconstructions", "Training", "How it was made"]
    places = [page.headings.index(heading) for heading in [*wanted, "Words and units"]]
    assert places == sorted(places)
    assert f"unbraid train beta_vae {TINY} --steps 100" in page.text


def test_data_without_factors(make_case):
    page = read(make_case(image_shape=(1, 32, 32)).page())
    assert "This data set has no factors" in page.text
    assert "the data set has no factors to name" in page.text
    assert "Scores" not in page.headings
    assert strips(page) == (4, len(page.images) - 2 - 4 - 1)


def strips(page) -> tuple[int, int]:
    """How many latents are moved from an image, and how many from the middle of the prior."""
    moved = [image["alt"] for image in page.images if image["alt"].startswith("Traversal of z")]
    return sum("from the code of image" in alt for alt in moved), sum("from the middle of the prior" in alt for alt in moved)


def test_color_images(make_case):
    page = read(make_case(image_shape=(3, 64, 64)).page())
    assert strips(page) == (4, len(page.images) - 2 - 4 - 1)
    n_strips = 2 + 2 * SHOWN + 1
    assert n_strips * LARGEST_FILE * 4 / 3 < 2_400_000, "as base64; charts and text take the rest of 3 MB"


def test_collapsed_posterior_of_an_autoencoder(make_case):
    case = make_case(beta=0.0)
    spread = np.array([1e3, 50, 2, 1e-3], np.float32)
    mean = np.random.default_rng(0).normal(size=case.table.mean.shape).astype(np.float32) * spread
    case.table = replace(
        case.table, mean=mean, variance=np.full_like(mean, 1e-13), kl=np.array([1e3, 900, 30.5, 12.0], np.float32)
    )
    page = read(case.page())
    assert "z0 · 1,000 nats" in page.text
    assert "latents are dead" not in page.text
    assert "0.00 to 0.00" not in page.text


@pytest.mark.parametrize("latent_dim", [1, 30])
def test_any_number_of_latents(make_case, latent_dim):
    page = read(make_case(latent_dim=latent_dim).page())
    assert ("the 10 most informative of 50 latents" in page.text) == (latent_dim == 50)
    assert strips(page)[0] == min(SHOWN, latent_dim)


def test_posterior_without_kl_per_latent(make_case):
    case = make_case()
    case.table = replace(case.table, kl=np.zeros(0, np.float32))
    case.scored["kl_per_dim"] = []
    case.log = [
        msgspec.structs.replace(entry, values={k: v for k, v in entry.values.items() if k != "kl_per_dim"})
        for entry in case.log
    ]
    page = read(case.page())
    assert "sorted by the variance of their means" in page.text
    assert "Not shown: run logged no KL per latent" in page.text


@pytest.mark.parametrize("entries", [0, 1])
def test_short_logs(make_case, entries):
    case = make_case()
    case.log = case.log[:entries]
    assert ("holds no training entries" in read(case.page()).text) == (entries == 0)


def test_nothing_finite(make_case):
    case = make_case()
    bad = np.full_like(case.table.mean, np.nan)
    kl = np.array([np.nan, np.inf, 1, -np.inf], np.float32)
    case.table = replace(case.table, mean=bad, variance=bad, kl=kl)
    case.log = [Entry(kind="train", step=1, values={"loss": 1e30, "nll": 1e30, "kl_per_dim": [1e30] * 4}, time=0.0, units={})]
    for split in case.scored["splits"].values():
        split.update(nll=np.nan, nll_at_mean=np.inf, terms={})
        split["log_p_bound"].update(value=np.nan, error=np.nan)
    case.scored = {key: case.scored[key] for key in ("step", "images", "of_images", "splits", "kl_per_dim", "active")}
    case.scored["metrics"] = {"gone": {"score": None}}
    page = read(case.page())
    assert "codes of this model are not finite" in page.text
    assert "The KL is not finite" in page.text


def test_images_that_may_not_be_passed_on_are_not_embedded(make_case):
    case = make_case(image_shape=(1, 32, 32))
    case.dataset = replace(case.dataset, redistributable=False)
    source = case.page()
    page = read(source)
    assert not page.images
    assert "data:image" not in source  # nor anywhere else: reconstructions and traversals show what the model remembers
    assert "may not be passed on" in page.text


def test_cautions_of_partial_and_unfinished_evaluation(make_case):
    case = make_case(limit=60, test_share=0.0)
    case.scored["step"] = 40
    text = read(case.page()).text
    assert "60 of 240 images, a fixed pseudo-random part; unbraid evaluate --evaluate-images 240 takes all of them." in text
    assert "No test images" in text
    assert "step 40 of 100" in text


def test_a_loss_that_still_falls_is_told_from_one_that_has_settled():
    steps = np.arange(1, 101)
    noise = np.random.default_rng(0).normal(size=100)
    falling = Series("loss", steps, 300.0 - steps + noise)
    fall, share = fall_at_end(falling)
    assert fall == pytest.approx(10, abs=1.5)
    assert share == pytest.approx(fall / 210, rel=0.02)
    assert fall_at_end(Series("loss", steps, 100 + noise)) == (0, 0)
    assert fall_at_end(Series("loss", steps, 100.0 + steps)) == (0, 0)
    assert fall_at_end(Series("loss", steps[:5], 300.0 - steps[:5])) == (0, 0)
    assert fall_at_end(Series("loss", steps, np.full(100, np.nan))) == (0, 0)


def test_text_of_configurations_is_escaped(make_case):
    case = make_case()
    nasty = '<b onload="x">&'
    first, *others = case.dataset.space.factors
    space = FactorSpace((replace(first, name=nasty), *others))
    case.table = replace(case.table, factor_names=space.names)
    case.dataset = replace(case.dataset, name=nasty, space=space, redistributable=False)
    page = case.page()
    assert nasty in read(page).text
    assert "<b " not in page
    assert html.escape(nasty).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page


def test_writing_twice_gives_the_same_bytes(tmp_path):
    options = {"steps": 6, "batch_size": 16, "latent_dim": 3, "log_every": 2, "evaluate_every": 3, "device": "cpu"}
    unbraid.train("beta_vae", TINY, out=tmp_path / "run", **options)
    path = unbraid.report(tmp_path / "run")
    assert path == open_run(tmp_path / "run").folder / REPORT
    first = path.read_bytes()
    assert unbraid.report(tmp_path / "run").read_bytes() == first
    assert str(tmp_path) not in first.decode()
    read(first.decode())


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.234, "1.23"), (-1.5, "−1.50"), (123.456, "123.5"), (12345.6, "12,346"), (-0.001, "0.00"), (None, "–"),
     (float("nan"), "–"), (float("inf"), "∞"), (float("-inf"), "−∞"), (3e20, "3.00e+20"), (True, "–")],
)  # fmt: skip
def test_numbers(value, shown):
    assert decimal(value) == shown


def test_lists_in_words():
    assert few(["a"]) == "a"
    assert few(["a", "b", "c"]) == "a, b and c"
    assert few(list("abcdefgh"), 4) == "a, b, c and 5 more"


def shown(case, **values):
    """The text of a page of a run whose training showed these values throughout."""
    for entry in case.log:
        if entry.kind == "train":
            entry.values.update(values)
    return read(case.page()).text


def test_failures_of_training_that_hold_at_the_end_are_told_with_the_option_to_turn(make_case):
    text = shown(make_case(), capacity=20.0)
    assert "Capacity missed" in text
    assert "The KL is 10.0 nats, below its capacity of 20.0 nats" in text
    assert "Capacity missed" not in shown(make_case(), capacity=10.5)


def test_a_collapsed_posterior_is_told_once(make_case, own_latents_table):
    case = make_case()
    case.table = replace(case.table, mean=np.zeros_like(case.table.mean), variance=np.ones_like(case.table.variance))
    assert shown(case, kl=0.0).count("Collapsed posterior") == 1
    assert "Lower --beta" in shown(own_latents_table, kl=0.0), "where some latents carry a little"


def test_a_discriminator_that_sees_less_than_there_is(make_case):
    case = make_case()
    case.scored["kl_parts"]["tc"] = {"value": 2.0, "error": 0.1}
    case.scored["splits"]["train"]["terms"]["tc_discriminator"] = 0.85
    assert "is 2.00 ± 0.10 nats as measured, of which the discriminator sees 0.85 nats." in read(case.page()).text
    for seen, error in ((0.95, 0.1), (0.85, 0.2)):
        case.scored["kl_parts"]["tc"]["error"] = error
        case.scored["splits"]["train"]["terms"]["tc_discriminator"] = seen
        assert "The discriminator sees little" not in read(case.page()).text


def test_where_players_have_losses_of_their_own_the_bound_tells_whether_it_still_falls():
    entries = [
        Entry(kind="train", step=step, values={"nll": 300.0 - step, "kl": 5.0}, time=0.0, units={}) for step in range(1, 101)
    ]
    fall, _ = fall_at_end(training_loss(entries))
    assert fall == pytest.approx(10)
    assert training_loss(entries).label == "sum of reconstruction and KL"
    rising = [msgspec.structs.replace(one, values={"nll": 300.0 - one.step, "kl": 5.0 + one.step}) for one in entries]
    assert fall_at_end(training_loss(rising)) == (0, 0)
