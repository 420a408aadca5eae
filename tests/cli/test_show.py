"""`unbraid show`: layers and counts of networks with their own options, alone and in a model; refusals in words."""

from __future__ import annotations

import inspect
import re

import pytest

from unbraid.cli.main import main
from unbraid.cli.show import settings_in_words
from unbraid.registries import REGISTRIES
from unbraid.zoo.recipe import Optimizer


@pytest.fixture
def shown(capsys, monkeypatch):
    from unbraid.cli import console

    monkeypatch.setattr(console.out, "width", 160)

    def show(*tokens: str, code: int = 0) -> str:
        assert main(["show", *tokens]) == code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return out if code == 0 else err

    return show


def rows(page: str, title: str) -> dict[str, tuple[str, int | None]]:
    """The layers under a title: output and parameters of each."""
    _, _, after = page.partition(title)
    assert after, f"no table {title!r} in:\n{page}"
    found = {}
    for line in after.splitlines()[3:]:
        cells = re.split(r"\s{2,}", line.strip())
        if cells[0] == "all":
            return {**found, "all": ("", int(cells[-1].replace(",", "")))}
        if len(cells) > 1:
            count = int(cells[2].replace(",", "")) if len(cells) > 2 else None
            found[cells[0]] = (cells[1], count)
    raise AssertionError(page)


def test_a_table_of_layers_by_hand(shown):
    layers = rows(shown("koller", "--image-shape", "3,28,28", "--latent-dim", "4"), "Layers, for images of 3 x 28 x 28")
    expected = {
        "Conv2d 3 -> 32, 3 x 3, ReLU": ("32 x 28 x 28", 3 * 32 * 9 + 32),
        "MaxPool2d 2 x 2": ("64 x 7 x 7", None),  # the second of two
        "Conv2d 32 -> 64, 3 x 3, ReLU": ("64 x 14 x 14", 32 * 64 * 9 + 64),
        "Flatten": ("3136", None),
        "Linear 3136 -> 256, ReLU": ("256", 3136 * 256 + 256),
        "Linear 256 -> 8": ("8", 256 * 8 + 8),
    }
    assert layers == {**expected, "all": ("", sum(count for _, count in expected.values() if count))}


def test_options_of_a_network_are_its_own(shown):
    title = "Layers, from 10 latents to images of 1 x 64 x 64"
    assert rows(shown("spatial_broadcast"), title)["all"][1] == 78_977
    page = shown("spatial_broadcast", "--kernel", "3")
    assert rows(page, title)["all"][1] == 44_481
    assert rows(page, title)["Broadcast"] == ("12 x 64 x 64", None)
    assert "ZeroPad2d left 1, right 2, top 1, bottom 2" in rows(shown("spatial_broadcast"), title)
    both = shown("--hidden=128", "--init", "normal", "higgins")  # goes to the encoder and to the decoder
    assert rows(both, "for images of 1 x 64 x 64")["all"][1] == 249_172
    assert rows(both, title)["all"][1] == 247_873
    one = shown("watters", "--hidden", "0")  # the decoder has no such option
    assert "Linear 1024 -> 20" in rows(one, "for images of 1 x 64 x 64")
    assert rows(one, title)["all"][1] == 266_241


def test_normalization_and_dropout_are_shown_where_they_stand(shown):
    layers = rows(shown("golla", "--norm", "batch", "--dropout", "0.2"), "for images of 1 x 64 x 64")
    assert layers["BatchNorm2d, ReLU"] == ("64 x 8 x 8", 128)
    assert layers["Flatten, Dropout 0.2"] == ("4096", None)


def test_a_model_is_shown_with_the_networks_that_are_asked_for(shown):
    plain = shown("vae")
    assert rows(plain, "Encoder burgess, for images of 1 x 64 x 64")["all"][1] == 252_052
    chosen = ["--encoder", "golla", "--encoder-width", "0.5", "--decoder", "spatial_broadcast", "--decoder-kernel", "3"]
    page = shown("vae", *chosen, "--image-shape", "3,20,28", "--latent-dim", "4")
    encoder = rows(page, "Encoder golla, for images of 3 x 20 x 28")
    assert encoder["Linear 384 -> 8"] == ("8", 384 * 8 + 8)  # 32 channels of 3 x 4
    assert rows(page, "Decoder spatial_broadcast, from 4 latents to images of 3 x 20 x 28")["Broadcast"][0] == "6 x 20 x 28"


def test_without_a_shape_one_is_chosen_that_is_taken(shown, monkeypatch):
    from unbraid.cli import show

    monkeypatch.setattr(show, "_SHAPES", ((1, 28, 28), (3, 128, 128), (3, 32, 32)))
    assert rows(shown("golla"), "for images of 1 x 28 x 28")
    page = shown("burgess")
    assert rows(page, "for images of 3 x 32 x 32")
    assert rows(page, "to images of 3 x 32 x 32")
    assert rows(shown("vae", "--encoder", "golla"), "Encoder golla, for images of 3 x 32 x 32")  # as its decoder wants it


def test_every_network_shows_what_it_says_of_itself(shown):
    for registry in (REGISTRIES["encoders"], REGISTRIES["decoders"]):
        for entry in registry:
            page = shown(entry.name)
            assert entry.summary in page
            assert rows(page, "Layers, f")["all"][1]


WRONG = {
    "size": (["burgess", "--image-shape", "1,28,28"], "takes images of 32 x 32 or 64 x 64 pixels, the data set has 28 x 28"),
    "size of one of two": (["vae", "--encoder", "golla", "--image-shape", "1,28,28"], "'burgess' decoder takes"),
    "value": (["spatial_broadcast", "--kernel", "6"], "6"),
    "range": (
        ["golla", "--dropout", "1"],
        "--dropout of encoder 'golla' is 1.0; allowed: a finite number at least 0",
    ),
    "range in a model": (["vae", "--encoder", "golla", "--encoder-width", "0"], "--width of encoder 'golla' is 0.0"),
    "foreign option": (["burgess", "--kernel", "3"], "--kernel"),
    "network of a network": (["burgess", "--encoder", "golla"], "--encoder"),
    "unknown network": (["vae", "--decoder", "gola"], "Did you mean 'golla'"),
    "latents": (["burgess", "--latent-dim", "0"], "at least 1"),
    "shape": (["burgess", "--image-shape", "1,64"], "1,64,64"),
    "no name": ([], "NAME"),
    "nothing like it": (
        ["pca"],
        "Unknown name 'pca'. It names no model, data set, metric, network, figure or study. See: unbraid",
    ),
    "nearly": (["ellipsis"], "Unknown name 'ellipsis'. Did you mean 'ellipses'? See: unbraid list\n"),
    "command": (["sweep"], "sweep is a command; its help explains it: unbraid sweep --help"),
    "kind": (["rates"], "list them: unbraid list rates"),
}


@pytest.mark.parametrize(("tokens", "says"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_shown_is_refused_in_words(shown, tokens, says):
    err = shown(*tokens, code=2)
    assert err.startswith("Error: ")
    assert says in err


def test_help_lists_the_options_of_what_is_shown(shown):
    page = shown("golla", "--help")
    assert all(flag in page for flag in ("--norm", "--dropout", "--width", "--image-shape"))
    page = shown("vae", "--decoder", "spatial_broadcast", "--help")
    assert all(flag in page for flag in ("--encoder", "--decoder", "--decoder-kernel"))


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (Optimizer(lr=2e-4), "adam, lr 0.0002, betas 0.9 and 0.999"),
        (Optimizer("sgd", lr=0.1, weight_decay=0.01), "sgd, lr 0.1, weight decay 0.01"),
        (
            Optimizer("adamw", lr=1e-3, weight_decay=0.1, decay="weights"),
            "adamw, lr 0.001, betas 0.9 and 0.999, weight decay 0.1 of weights alone",
        ),
        (
            Optimizer("rmsprop", lr=1e-3, milestones=(0.5, 3000), drop=0.2),
            "rmsprop, lr 0.001, times 0.2 at 50% of the run and step 3,000",
        ),
    ],
)
def test_an_optimizer_in_words(optimizer, words):
    assert settings_in_words(optimizer) == words


def test_docstrings_are_wrapped_by_the_terminal_alone():
    from unbraid.cli.show import _readable

    text = """First line.

    A paragraph that was
    wrapped by hand: at a
    width of its own.

    - an item that goes
      on here
    - another

    Args:
        codes: latents, one
            row per sample.
        factors: classes.

    .. math::

        x = y

    Raises `UsageError` for
    codes of texts.
    """
    assert _readable(inspect.cleandoc(text)).split("\n") == [
        *("First line.", "", "A paragraph that was wrapped by hand: at a width of its own.", ""),
        *("- an item that goes on here", "- another", ""),
        *("Args:", "    codes: latents, one row per sample.", "    factors: classes."),
    ]


def test_no_page_says_what_python_raises(capsys):
    from unbraid.cli.show import _readable

    for registry in REGISTRIES.values():
        for entry in registry:
            page = _readable(inspect.cleandoc(entry.factory.__doc__ or ""))
            assert "Raises" not in page, entry.name
            assert ".. math::" not in page, entry.name
