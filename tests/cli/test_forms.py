"""Options stand anywhere and are written as getopt has them, for every command that has them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from helpers.tiny import TINY
from unbraid.cli import audit, compare, evaluate_codes, explore, figure, import_, inspect, probe, report, sweep, train
from unbraid.cli.main import main
from unbraid.cli.parse import Words, parse, read
from unbraid.errors import UsageError

READERS = {
    "train": lambda tokens: read("train", train._every_argument(), tokens),
    "sweep": lambda tokens: read("sweep", sweep.arguments(), tokens),
    "evaluate": lambda tokens: read("evaluate", evaluate_codes.every_argument(), tokens),
    "audit": lambda tokens: read("audit", audit._ARGUMENTS, tokens),
    "report": lambda tokens: read("report", report._ARGUMENTS, tokens),
    "figure": lambda tokens: read("figure", figure._OWN, tokens),
    "inspect": lambda tokens: read("inspect", inspect._OWN, tokens),
    "explore": lambda tokens: read("explore", explore._ARGUMENTS, tokens),
    "compare": lambda tokens: read("compare", compare._ARGUMENTS, tokens),
    "import": lambda tokens: read("import", import_._OWN, tokens),
    "probe": lambda tokens: read("probe", probe._OWN, tokens),
}
WORDS = {
    "train": ["vae", TINY],
    "sweep": ["vae,beta_vae", TINY, "--beta=1,4", "--seed=0..4"],
    "evaluate": ["--codes", "x.csv"],
    "audit": ["x.csv"],
    "report": ["one", "two"],
    "figure": ["traversals", "one"],
    "inspect": ["photos"],
    "explore": ["one", "two"],
    "compare": ["one", "two"],
    "import": ["one", "two"],
    "probe": ["one", "two"],
}
FORMS = (["-o", "FILE"], ["-o=FILE"], ["-oFILE"], ["--out", "FILE"], ["--out=FILE"])


def test_every_command_with_a_place_to_write_is_tried():
    from importlib import import_module
    from keyword import iskeyword

    from unbraid.cli.main import COMMANDS

    for command in COMMANDS:
        source = import_module(f"unbraid.cli.{command}{'_' * iskeyword(command)}").__dict__
        assert ("out_option" in source or command == "sweep") <= (command in READERS), command


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
@pytest.mark.parametrize("command", READERS)
def test_out_is_read_in_every_form_at_every_place(command, form):
    words = WORDS[command]
    plain = READERS[command](words).given
    step = 2 if command == "evaluate" else 1
    for place in range(0, len(words) + 1, step):
        found = READERS[command]([*words[:place], *form, *words[place:]])
        assert found == Words(command, {**plain, "out": "FILE"}), place


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_figure_goes_where_it_is_told(form, place, capsys, tmp_path):
    words = ["traversals", str(tmp_path / "none")]
    form = [word.replace("FILE", str(tmp_path / "a.png")) for word in form]
    assert main(["figure", *words[:place], *form, *words[place:]]) == 2
    assert "none; give a run folder" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--unbiased", "--no-unbiased", "--unbiased=true,false"])
def test_flags_of_a_sweep_stand_anywhere_and_may_have_values(flag):
    value = {"--unbiased": True, "--no-unbiased": False}.get(flag, "true,false")
    for place in range(3):
        words = ["vae", TINY]
        found = READERS["sweep"]([*words[:place], flag, *words[place:]])
        assert found.given == {"models": "vae", "data": TINY, "unbiased": value}, place
    assert READERS["sweep"](["vae", "--unbiased", "true,false", TINY]).given["unbiased"] == "true,false"


def test_help_may_stand_anywhere_and_before_what_is_wrong(capsys):
    for tokens in (
        ["vae", TINY, "--help"],
        ["-h", "vae", TINY],
        ["vae", "--steps", "--help", TINY],
        ["vae", TINY, "--bta", "-h"],
    ):
        assert main(["train", *tokens]) == 0
        assert "--test-share" in capsys.readouterr().out


def test_after_two_dashes_words_are_words():
    assert READERS["report"](["--", "-o", "--help"]).given == {"run": ["-o", "--help"]}


WRONG = {
    "unknown": (["train", "beta_vae", TINY, "--bta", "3"], "Unknown option: --bta. Did you mean --beta? See: unbraid train"),
    "its help lists it": (["train", "beta_vae", TINY, "--bta", "3"], f"See: unbraid train beta_vae {TINY} --help"),
    "of another model": (
        ["train", "vae", TINY, "--gamma-r", "1"],
        "Unknown option: --gamma-r. It is an option of the models soft_intro_tcvae and soft_intro_vae. See: unbraid train vae",
    ),
    "unknown first": (["train", "--bta=3", "beta_vae", TINY], "Unknown option: --bta. Did you mean --beta?"),
    "unknown and its value first": (["train", "--bta", "3", "vae", TINY], "Unknown option: --bta"),
    "of another figure": (
        ["figure", "seeds", "run", "--dims", "3"],
        "Unknown option: --dims. See: unbraid figure seeds --help",
    ),
    "unknown, whose value stands where a name does": (["probe", "run", "--labels", "5,10"], "Unknown option: --labels"),
    "of a data set that is read": (["inspect", "--bta", "3"], "Unknown option: --bta. See: unbraid inspect --help"),
    "before the name of a figure": (["figure", "--bta", "3", "seeds"], "Unknown option: --bta"),
    "before the name of an importer": (["import", "--bta", "3", "x"], "Unknown option: --bta"),
    "short": (["report", "-x", "run"], "Unknown option: -x"),
    "twice": (["report", "run", "-o", "a", "--out", "b"], "multiple times"),
    "too many": (["list", "models", "datasets"], "'datasets': more words than it takes. See: unbraid list --help"),
    "whole": (["train", "vae", TINY, "--steps", "0"], "--steps of unbraid train is 0; allowed: a whole number at least 1."),
    "whole of another command": (["evaluate", "run", "--intervals", "-1"], "is -1; allowed: a whole number at least 0."),
    "text for a number": (["explore", "run", "--times", "x", "-o", "p"], "is 'x'; allowed: a whole number at least 1."),
    "half": (["figure", "grid", "run", "--dpi", "99.5"], "--dpi of unbraid figure"),
    "choice": (["train", "vae", "ellipses", "--size", "48"], "--size of data set 'ellipses' is '48'; allowed: 28, 32, 64."),
    "missing": (["export", "run"], "unbraid export needs FOLDER. See: unbraid export --help"),
}


@pytest.mark.parametrize(("tokens", "says"), WRONG.values(), ids=WRONG)
def test_refusals(tokens, says, capsys):
    assert main(tokens) == 2
    assert says in capsys.readouterr().err


def test_python_and_the_command_line_refuse_in_the_same_words(capsys):
    import unbraid

    for name, value in (("steps", 0), ("beta", -1.0), ("test_share", 1.0), ("lr", 0.0)):
        assert main(["train", "beta_vae", TINY, f"--{name.replace('_', '-')}", str(value)]) == 2
        said = capsys.readouterr().err.removeprefix("Error: ").strip()
        with pytest.raises(UsageError) as caught:
            unbraid.train("beta_vae", TINY, **{name: value})
        assert said == str(caught.value)


@pytest.mark.parametrize("form", [["-o", "~/PAGE"], ["-o=~/PAGE"], ["--out", "~/PAGE"]], ids=" ".join)
def test_a_home_folder_is_found_in_every_form(form, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    given = parse("report", "", report._ARGUMENTS, ["one", *form])
    assert given["out"] == str(tmp_path / "PAGE")


@pytest.mark.parametrize("command", ["train vae tiny_ellipses", "report one", "figure traversals one", "explore one"])
def test_the_home_folder_of_nobody_is_refused_and_no_folder_is_made(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*command.split(), "-o", "~nouser_of_unbraid/q"]) != 0
    assert "Give the path in full" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("data", "encoder"), [("dsprites", "burgess"), ("dsprites_reduced", "burgess"), ("correlated_ellipses", "burgess")]
)
def test_help_loads_no_images_of_sets_of_one_size(data, encoder, monkeypatch, capsys):
    monkeypatch.setattr("unbraid.config.plan.load_known", None)
    assert main(["train", "vae", data, "--help"]) == 0
    assert f"[default: {encoder}]" in capsys.readouterr().out


def test_help_reads_the_head_alone_of_a_file(tmp_path, monkeypatch, capsys):
    np.savez_compressed(tmp_path / "i.npz", images=np.zeros((4, 28, 28, 1), np.uint8))
    monkeypatch.setattr("unbraid.config.plan.load_known", None)
    assert main(["train", "vae", f"npz:{tmp_path / 'i.npz'}", "--channels-last", "--help"]) == 0
    assert "[default: koller]" in capsys.readouterr().out


def test_help_is_shown_whatever_the_command(capsys):
    from unbraid.cli.main import COMMANDS

    for command in COMMANDS:
        assert main([command, "--help"]) == 0
        page = capsys.readouterr().out
        assert f"Usage: unbraid {command}" in page
        assert "  [OPTIONS]" not in page
        usage = page.partition("Usage: ")[2].partition("\n")[0]
        words = {word for word in re.findall(r"[A-Z]+", usage) if word != "OPTIONS"}
        explained = page.partition("─ Arguments ─")[2].partition("╰")[0]
        assert words == set(re.findall(r"^│ [* ]*([A-Z]+)  ", explained, re.MULTILINE)), command
