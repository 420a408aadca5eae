"""unbraid probe as its users meet it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import unbraid
from helpers.command_line import FAST, run
from helpers.tiny import TINY
from unbraid.cli.main import main
from unbraid.errors import UsageError
from unbraid.evaluation.probing import probe_encoder, target_of

FEW = ("--label-counts", "10,40", "--draws", "2")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe") / "run"
    assert main(["train", "beta_vae", TINY, *FAST, "--no-report", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def labeled(tmp_path_factory):
    """A file of images like those of the run, with labels."""
    data = unbraid.dataset(TINY)
    path = tmp_path_factory.mktemp("labeled") / "labeled.npz"
    np.savez(path, images=data.images.bytes(np.arange(240))[:, 0], labels=data.factors[:, 0] // 2)
    return path


def test_a_probe_is_a_table_curves_and_a_figure(capsys, finished):
    code, out, _ = run(capsys, "probe", finished, "--target", "x", *FEW, "--device", "cpu")
    assert code == 0
    for words in (
        "Accuracy on tiny_ellipses, x, without a penalty",
        "with an L2 penalty of 1",
        "encoder",
        "untrained",
        "pixels",
    ):
        assert words in out
    assert max(map(len, out.splitlines()[:-1])) <= 80 + 45  # the note is wrapped by the terminal
    content = json.loads((finished / "probe-tiny_ellipses-x.json").read_text())
    assert (content["target"], content["found"]["label_counts"], content["found"]["classes"]) == ("x", [10, 40], 4)
    assert [(one["codes"], one["penalty"]) for one in content["found"]["curves"]] == [
        (codes, penalty) for codes in ("encoder", "untrained", "PCA", "pixels") for penalty in (0, 1)
    ]
    with Image.open(finished / "probe-tiny_ellipses-x.png") as picture:
        assert picture.size[0] > 800
    code, _, err = run(capsys, "probe", finished, "--target", "x", *FEW)
    assert code == 2
    assert "probe-tiny_ellipses-x.json exists; give another name, or --overwrite" in err
    before = (finished / "probe-tiny_ellipses-x.json").read_bytes()
    assert run(capsys, "probe", finished, TINY, "--target", "x", *FEW, "--overwrite", "--device", "cpu")[0] == 0
    assert (finished / "probe-tiny_ellipses-x.json").read_bytes() == before


def test_other_data_are_probed_by_their_labels(capsys, finished, labeled, tmp_path):
    code, out, _ = run(
        capsys, "probe", finished, f"npz:{labeled}", *FEW, "--test-share", "0.5", "--device", "cpu", "-o", tmp_path / "a.json"
    )
    assert code == 0
    assert "Of 120 held-out images" in " ".join(out.split())
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "a.png"}


def test_what_is_refused(capsys, finished, labeled, tmp_path):
    small = tmp_path / "small.npz"
    np.savez(small, images=np.zeros((20, 28, 28), np.uint8), labels=np.arange(20) % 2)
    plain = tmp_path / "plain.npz"
    np.savez(plain, images=np.zeros((20, 32, 32), np.uint8))
    (tmp_path / "plain.png").write_bytes(b"mine")
    for tokens, words in (
        ((), "name one of its factors: --target x (x, y, scale, orientation)"),
        (("--target", "labels"), "has no 'labels'; allowed: x, y, scale, orientation"),
        (("--target", "x", "--label-counts", "3"), "allowed: 4 (one per class) to 192 (all training images)"),
        (("--target", "x", "--label-counts", "ten"), "--label-counts ten: allowed are whole numbers"),
        (("--target", "x", "--penalty", "0"), "--penalty"),
        (("--target", "x", "-o", "curves.csv"), "ends in .csv; allowed: .json."),
        (("--target", "x", "-o", tmp_path / "plain.json"), "plain.png exists"),
        ((f"npz:{small}",), "takes (1, 32, 32)"),
        ((f"npz:{plain}",), "neither labels nor factors"),
        ((TINY, "--test-share", "0", "--target", "x"), "no held-out image"),
    ):
        where = () if "-o" in tokens else ("-o", tmp_path / "new.json")
        code, _, err = run(capsys, "probe", finished, *tokens, *where)
        assert (code, words in " ".join(err.split())) == (2, True), err
    assert run(capsys, "probe", tmp_path, TINY)[0] == 2


def test_a_registered_data_set_comes_in_the_size_of_the_run(finished):
    model = unbraid.load(finished, "cpu")
    assert model.matching_data("shapes").shape == (1, 32, 32)
    with pytest.raises(UsageError, match="takes"):
        model.matching_data("shapes", size=64)
    assert model.matching_data() is not model.matching_data(test_share=0.5)
    assert len(model.matching_data(test_share=0.5).test) == 120
    with pytest.raises(UsageError, match="belong to registered data sets"):
        model.matching_data(unbraid.dataset(TINY), size=32)


def test_python_gives_the_same_curves_as_the_model_itself(finished):
    model = unbraid.load(finished, "cpu")
    found = model.probe(target="scale", label_counts=[9, 30], draws=2)
    assert "Accuracy on tiny_ellipses, scale, without a penalty" in str(found)
    assert "0." in str(found)
    data = unbraid.dataset(TINY)
    assert target_of(data, "scale")[0] == "scale"
    name, curves = probe_encoder(
        model.vae,
        model.vae,
        data,
        latents=3,
        device=model.device,
        target="scale",
        label_counts=[9, 30],
        draws=2,
        kinds=("encoder", "untrained"),
    )
    assert name == "scale"
    assert {one.codes for one in curves.curves} == {"encoder", "untrained"}
    assert curves.curve("encoder") == found.found.curve("encoder")
    assert curves.curve("untrained").accuracy == curves.curve("encoder").accuracy
