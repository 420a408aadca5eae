"""Failures of training are told, once, in words, with the option to turn; sound runs are left alone."""

from __future__ import annotations

import pytest

from unbraid.log_entry import Entry
from unbraid.training.fit import Silent
from unbraid.training.log import read_log
from unbraid.training.symptoms import REMEDIES, RULES, Watch, symptoms
from unbraid.zoo.registry import models, remedies, tuned

N_STEPS = 1000

SOUND_DISCRIMINATOR = {"tc_gaussian": 0.5, "tc_discriminator": 0.4, "discriminator/accuracy": 0.6}
SOUND_GAME = {
    "nll": 30.0,
    "kl": 8.0,
    "decoder/kl_fake": 7.5,
    "encoder/exp_elbo_fake": 1e-4,
    "encoder/exp_elbo_rec": 0.0,
    "encoder/clamped": 0.4,
}


def entry_at(step, values, **more):
    return Entry(kind="train", step=step, values=values, time=0.0, units={}, **more)


def log(values, *, n=100, earlier=None):
    """Entries every ten steps up to the run's end; `earlier` holds in the first half."""
    return [entry_at(10 * (i + 1), earlier if earlier and i < n // 2 else values) for i in range(n)]


def names(entries):
    return [one.name for one in symptoms(entries, N_STEPS)]


@pytest.mark.parametrize(
    ("name", "sick", "sound"),
    [
        ("posterior_collapse", {"kl": 0.09}, {"kl": 0.11}),
        ("posterior_collapse", {"kl_per_dim": [0.03, 0.03, 0.03]}, {"kl_per_dim": [0.03, 0.03, 0.05]}),
        ("capacity_missed", {"kl": 17.9, "capacity": 20.0}, {"kl": 18.1, "capacity": 20.0}),
        ("capacity_missed", {"kl": 22.1, "capacity": 20.0}, {"kl": 21.9, "capacity": 20.0}),
        ("capacity_missed", {"kl": 3.1, "capacity": 2.0}, {"kl": 2.9, "capacity": 2.0}),
        ("bound_missed", {"violation": 1.1, "multiplier": 30.0}, {"violation": 0.9, "multiplier": 30.0}),
        (
            "weak_discriminator",
            SOUND_DISCRIMINATOR | {"tc_discriminator": 0.24},
            SOUND_DISCRIMINATOR | {"tc_discriminator": 0.25},
        ),
        (
            "weak_discriminator",
            SOUND_DISCRIMINATOR | {"tc_gaussian": 0.31, "tc_discriminator": 0.0},
            SOUND_DISCRIMINATOR | {"tc_gaussian": 0.29, "tc_discriminator": 0.0},
        ),
        (
            "weak_discriminator",
            SOUND_DISCRIMINATOR | {"discriminator/accuracy": 0.52},
            SOUND_DISCRIMINATOR | {"discriminator/accuracy": 0.54},
        ),
        ("fakes_cheaper", SOUND_GAME | {"decoder/kl_fake": 6.9}, SOUND_GAME | {"decoder/kl_fake": 7.0}),
        ("no_repulsion", SOUND_GAME | {"encoder/exp_elbo_fake": 9e-7}, SOUND_GAME | {"encoder/exp_elbo_fake": 1.1e-6}),
        ("no_repulsion", SOUND_GAME | {"encoder/exp_elbo_fake": 0.0}, SOUND_GAME | {"encoder/exp_elbo_rec": 1e-3}),
        ("energies_clamped", SOUND_GAME | {"encoder/clamped": 0.51}, SOUND_GAME),
    ],
)
def test_each_shows_beyond_its_threshold_alone(name, sick, sound):
    assert names(log(sick)) == [name]
    assert names(log(sound)) == []


def test_a_capacity_near_zero_asks_for_a_kl_near_zero():
    assert names(log({"kl": 0.02, "capacity": 0.5})) == []


def test_reconstructions_that_were_better_earlier_are_lost():
    assert names(log(SOUND_GAME | {"nll": 46.0}, earlier=SOUND_GAME)) == ["relapse"]
    assert names(log(SOUND_GAME | {"nll": 44.0}, earlier=SOUND_GAME)) == []
    assert names(log({"nll": 46.0, "kl": 8.0}, earlier={"nll": 30.0, "kl": 8.0})) == []  # a growing beta does that
    assert names(log(SOUND_GAME | {"nll": -5.0}, earlier=SOUND_GAME | {"nll": -50.0})) == []


def test_one_low_entry_is_no_earlier_success():
    entries = log(SOUND_GAME)
    entries[55] = entry_at(560, SOUND_GAME | {"nll": 1.0})
    assert names(entries) == []


def test_the_beginning_is_forgiven_and_the_end_counts():
    entries = log({"kl": 0.0})
    assert names(entries[:29]) == []
    assert names(entries[:30]) == ["posterior_collapse"]
    assert names(log({"kl": 9.0}, earlier={"kl": 0.0})) == []


def test_a_mean_is_judged_over_a_tenth_of_the_run_and_five_entries_at_least():
    entries = [*log({"kl": 0.0}, n=90), entry_at(910, {"kl": 2.0})]
    assert names(entries) == []  # a mean of 0.2 over ten entries
    assert names([*entries[:90], entry_at(910, {"kl": 0.5})]) == ["posterior_collapse"]
    assert names([entry_at(250 * (i + 1), {"kl": 0.0}) for i in range(4)]) == []
    assert names([entry_at(200 * (i + 1), {"kl": 0.0}) for i in range(5)]) == ["posterior_collapse"]


def easing(weight, name="kl", kl=0.0):
    """A collapsed run whose schedule weighs a term by a function of the step."""
    return [entry_at(step, {"kl": kl}, schedule={f"weight/{name}": weight(step), "weight/nll": 1.0}) for step in STEPS]


STEPS = range(10, N_STEPS + 1, 10)


@pytest.mark.parametrize("name", ["kl", "tc_plain", "encoder/kl"])
def test_nothing_has_collapsed_while_the_regularizer_comes_down(name):
    entries = easing(lambda step: 12.0 - 8.0 * min(1.0, step / 700), name)
    told = [step for step in STEPS if names(entries[: step // 10])]
    assert told == list(range(790, N_STEPS + 1, 10))  # once a whole window has the last weight


@pytest.mark.parametrize("weight", [lambda step: 4.0, lambda step: 4.0 * min(1.0, step / 700)])
def test_a_regularizer_that_stays_or_grows_excuses_nothing(weight):
    assert names(easing(weight)[:30]) == ["posterior_collapse"]


def test_the_end_of_a_run_is_judged_whatever_its_schedule_did():
    entries = easing(lambda step: 12.0 - 8.0 * step / N_STEPS)
    assert names(entries[:-1]) == []
    assert names(entries) == ["posterior_collapse"]


def test_a_learning_rate_or_a_likelihood_that_comes_down_excuses_nothing():
    falling = {"lr": 0.0, "weight/nll": 0.0}
    entries = [entry_at(s, {"kl": 0.0}, schedule=dict.fromkeys(falling, 1.0 - s / N_STEPS)) for s in STEPS]
    assert names(entries[:50]) == ["posterior_collapse"]


def test_a_multiplier_has_half_the_run_to_grow():
    entries = log({"violation": 9.0, "multiplier": 3.0})
    assert names(entries[:49]) == []
    assert names(entries[:50]) == ["bound_missed"]


def test_an_empty_log_has_none():
    assert symptoms([], N_STEPS) == []


def test_the_model_knows_what_to_do():
    (own,) = symptoms(log({"kl": 0.0}), N_STEPS, remedies("beta_vae"))
    assert own.text.endswith("Lower --beta, raise --lr, or let beta grow from --beta-start 0 with --beta-warmup.")
    (general,) = symptoms(log({"kl": 0.0}), N_STEPS)
    assert general.text.endswith(REMEDIES["posterior_collapse"])


def test_every_rule_has_a_remedy():
    assert set(RULES) == set(REMEDIES)


@pytest.mark.parametrize("entry", list(models), ids=lambda entry: entry.name)
def test_remedies_name_symptoms_and_options_that_exist(entry):
    from unbraid.config.plan import choose
    from unbraid.config.settings import Settings
    from unbraid.options import options_of

    known = {*options_of(Settings), *choose(entry.name, "ellipses", {}).flat}
    for symptom, words in remedies(entry.name).items():
        assert symptom in RULES
        flags = [word.strip(".,") for word in words.split() if word.startswith("--")]
        assert {flag[2:].replace("-", "_") for flag in flags} <= known


class TestWatch:
    def test_tells_each_once(self):
        watch = Watch(N_STEPS, {})
        told = [(entry.step, one.name) for entry in log({"kl": 0.0}) for one in watch.look(entry)]
        assert told == [(300, "posterior_collapse")]

    def test_goes_on_where_a_log_ends(self):
        entries = log({"kl": 0.0})
        warning = Entry(kind="warning", step=300, name="posterior_collapse", values={}, time=0.0, units={})
        resumed = Watch(N_STEPS, {}, [*entries[:40], warning])
        assert [one for entry in entries[40:] for one in resumed.look(entry)] == []
        before = Watch(N_STEPS, {}, entries[:15])
        assert [entry.step for entry in entries[15:] if before.look(entry)] == [300]

    def test_looks_a_hundred_times_at_most(self, monkeypatch):
        from unbraid.training import symptoms as module

        looked = []
        monkeypatch.setattr(module, "symptoms", lambda entries, *rest: looked.append(entries[-1].step) or [])
        watch = Watch(N_STEPS, {})
        for step in range(1, N_STEPS + 1):
            watch.look(entry_at(step, {}))
        assert looked == list(range(10, N_STEPS + 1, 10))


class Listening(Silent):
    def __init__(self):
        self.heard = []

    def warn(self, message):
        self.heard.append(message)


RUN = {"steps": 40, "log_every": 2, "checkpoint_every": 25, "batch_size": 16, "evaluate_every": 0, "encoder": "burgess"}
RUN |= {"decoder": "burgess"}


@pytest.mark.parametrize(
    ("model", "options", "expected"),
    [
        ("beta_vae", {"beta": 1e4}, "posterior_collapse"),
        ("beta_vae_capacity", {"gamma": 1e-3, "capacity": 40.0, "capacity_ramp": 0.0}, "capacity_missed"),
        ("soft_intro_vae", {"beta_neg": 1e9}, "no_repulsion"),
        ("soft_intro_tcvae", {"beta_rec": 1e-9, "beta_tc_neg": 1e6}, "energies_clamped"),
    ],
)
def test_runs_that_fail_say_so_while_they_train(train_small, model, options, expected):
    monitor = Listening()
    folder = train_small(model=model, monitor=monitor, **RUN, **options).folder
    warnings = [entry for entry in read_log(folder / "log.jsonl") if entry.kind == "warning"]
    assert expected in [entry.name for entry in warnings]
    assert len(warnings) == len({entry.name for entry in warnings}) == len(monitor.heard)
    assert monitor.heard == [f"At step {entry.step}: {entry.text}" for entry in warnings]


def test_a_run_whose_beta_comes_down_is_warned_once_it_is_down(train_small):
    schedule = tuned("beta_vae", "ellipses") | {"beta": 1e4, "beta_start": 3e4}
    end = schedule["beta_warmup"] * RUN["steps"]
    monitor = Listening()
    folder = train_small(model="beta_vae", monitor=monitor, **schedule | RUN).folder
    entries = read_log(folder / "log.jsonl")
    weights = [entry.schedule["weight/kl"] for entry in entries if entry.kind == "train"]
    assert weights[0] > weights[-1] == 1e4
    (warning,) = [entry for entry in entries if entry.kind == "warning"]
    assert (warning.name, warning.step > end) == ("posterior_collapse", True)


def test_a_sound_run_is_left_alone(train_small):
    monitor = Listening()
    train_small(model="vae", monitor=monitor, **RUN, lr=2e-3)
    assert monitor.heard == []
