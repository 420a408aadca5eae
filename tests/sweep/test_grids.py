"""From what a user writes to the runs that are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from unbraid.errors import UsageError
from unbraid.sweep.grids import from_file, from_options, values_of


def test_values_are_lists_and_ranges_with_their_ends() -> None:
    assert values_of("1,4,16") == [1, 4, 16]
    assert values_of("0..4") == [0, 1, 2, 3, 4]
    assert values_of("0..20..5,7") == [0, 5, 10, 15, 20, 7]
    assert values_of("1e-4,true,adam") == [1e-4, True, "adam"]
    assert values_of(r"kl\,dip_ii,kl") == ["kl,dip_ii", "kl"]
    with pytest.raises(UsageError, match=r"'4\.\.0' is no range; write FIRST\.\.LAST"):
        values_of("4..0")


def test_options_give_every_combination() -> None:
    options = {"seed": "0..1", "latent_dim": "5,10", "mirror": True, "shuffle": False}
    found = from_options("vae,beta_vae", "ellipses", options)
    assert len(found) == 8
    assert {(one.model, one.options["seed"], one.options["latent_dim"]) for one in found} == {
        (model, seed, latents) for model in ("vae", "beta_vae") for seed in (0, 1) for latents in (5, 10)
    }
    assert all(one.data == "ellipses" and one.options["mirror"] is True for one in found)
    assert all(one.options["shuffle"] is False for one in found)


@pytest.mark.parametrize(("models", "data"), [("", ""), ("vae", "")])
def test_models_and_data_are_needed(models: str, data: str) -> None:
    with pytest.raises(UsageError, match="needs models and data sets"):
        from_options(models, data, {"seed": "0"})


FILE = """
model: [vae, beta_vae]
data: ellipses
steps: 100
seed: 0..1
zip:
  lr: [1e-3, 1e-4]
  batch-size: [64, 128]
"""
BLOCKS = """
data: ellipses
seed: 0..1
blocks:
  - model: vae
  - model: beta_vae
    beta: [1, 4]
    points:
      - {latent_dim: 5}
      - {latent_dim: 10, beta: 16}
"""


def test_a_file_gives_grids_and_values_that_go_together(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(FILE)
    found = from_file(path)
    assert len(found) == 8
    assert {(one.options["lr"], one.options["batch_size"]) for one in found} == {(1e-3, 64), (1e-4, 128)}


def test_a_file_gives_blocks_and_single_points(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(BLOCKS)
    found = [(one.model, one.options.get("beta"), one.options.get("latent_dim")) for one in from_file(path)]
    assert sorted(set(found), key=repr) == sorted(
        {("vae", None, None), ("beta_vae", 1, 5), ("beta_vae", 4, 5), ("beta_vae", 16, 10)}, key=repr
    )
    assert len(found) == 2 + 4 + 2


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("- 1", "is a list; allowed: names with values"),
        ("model: vae", "The sweep names no data"),
        ("{model: vae, data: ellipses, zip: {lr: [1, 2], steps: [1]}}", "lr has 2, steps has 1"),
        ("{model: vae, data: ellipses, seed: []}", "seed has no values"),
        ("{model: vae, data: ellipses, beta: [{a: 1}]}", "beta holds a mapping; allowed: numbers, text"),
        ("model: [", "is not YAML"),
        ("{model: vae, data: ellipses, seed: 0..9999999}", "a range of more than 1,000,000 values"),
    ],
)
def test_what_a_file_may_not_say(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=match):
        from_file(path)
