"""What goes wrong in training, told from the log in words, with the option to turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from unbraid.log_entry import Entry

WINDOW, FEWEST, PATIENCE = 0.1, 5, 0.3
"""Judged are means over the last tenth of the run's steps, and over at least so many entries of the log, once three
tenths of it are over: schedules begin low, and latents need a while to open."""
COLLAPSED = 0.1
"""Nats that all latents together carry where the posterior has collapsed."""
LEAST_CORRELATION, CHANCE = 0.3, 0.53
"""Nats of total correlation from which a discriminator has something to see, and the accuracy that it then exceeds: the
estimate of one that has learned nothing may still be a constant above 0."""
VANISHED = 1e-6
"""Where the exponentials of Soft-Intro are smaller, their gradient is too: it carries them as a factor."""
RELAPSE = 1.5
"""A reconstruction term that is so many times its own lowest value is lost."""

EASING = "easing"
"""Among the means: 1 where a term other than the likelihood lost weight during the window and the run goes on, else 0."""

Means = Mapping[str, float]


@dataclass(frozen=True)
class Symptom:
    """Something that goes wrong: its name, what it is called, what was seen, and what to do."""

    name: str
    title: str
    seen: str
    remedy: str

    @property
    def text(self) -> str:
        """What was seen and what to do."""
        return f"{self.seen} {self.remedy}"


def symptoms(log: Sequence[Entry], n_steps: int, remedies: Mapping[str, str] | None = None) -> list[Symptom]:
    """What is wrong at the last training entry of a log.

    Args:
        log: its entries, in order.
        n_steps: length of the run, as schedules know it.
        remedies: what to do about a symptom, by its name, where the model knows better than `REMEDIES`.
    """
    entries = [entry for entry in log if entry.kind == "train"]
    if not entries or entries[-1].step < PATIENCE * n_steps:
        return []
    recent = _recent(entries, n_steps)
    known = {**REMEDIES, **(remedies or {})}
    found = ((name, rule(recent)) for name, rule in RULES.items())
    return [Symptom(name, *seen, known[name]) for name, seen in found if seen]


class Watch:
    """Follows the log of a run in training and tells each symptom once, when it first shows.

    What it tells is a function of the entries alone, so that a run that resumes tells the same.
    """

    def __init__(self, n_steps: int, remedies: Mapping[str, str], log: Sequence[Entry] = ()) -> None:
        self._n_steps, self._remedies = n_steps, remedies
        self._entries = [entry for entry in log if entry.kind == "train"]
        self._told = {entry.name for entry in log if entry.kind == "warning"}

    def look(self, entry: Entry) -> list[Symptom]:
        """Symptoms that show for the first time; it looks at most a hundred times during a run."""
        before = self._entries[-1].step if self._entries else 0
        self._entries.append(entry)
        every = max(1, self._n_steps // 100)
        if entry.step // every == before // every:
            return []
        new = [one for one in symptoms(self._entries, self._n_steps, self._remedies) if one.name not in self._told]
        self._told |= {one.name for one in new}
        return new


def _recent(entries: Sequence[Entry], n_steps: int) -> dict[str, float]:
    """Means of each quantity over the window, where there are enough entries.

    Quantities with one value per latent are summed over latents.
    """
    begin = entries[-1].step - WINDOW * n_steps
    within = [entry for entry in entries if entry.step > begin]
    if len(within) < FEWEST:
        within = list(entries[-FEWEST:])
    found: dict[str, list[float]] = {}
    for entry in within:
        for name, value in entry.values.items():
            found.setdefault(name, []).append(sum(value) if isinstance(value, list) else value)
    means = {name: sum(values) / len(values) for name, values in found.items() if len(values) >= FEWEST}
    means["progress"] = entries[-1].step / max(1, n_steps)
    means[EASING] = float(means["progress"] < 1 and _loses_weight(within[0].schedule, within[-1].schedule))
    if "nll" in means:
        # the lowest of the means over as many entries as the window has
        nll = [term for entry in entries if isinstance(term := entry.values.get("nll"), float)]
        width = len(found["nll"])
        groups = [nll[max(0, end - width) : end] for end in range(len(nll), 0, -width)]
        means["lowest nll"] = min(sum(group) / len(group) for group in groups)
    return means


def _loses_weight(before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    """Whether any term but the likelihood weighs less than before."""
    weights = (name for name in now if name.startswith("weight/") and not name.endswith("/nll"))
    return any(now[name] < before.get(name, now[name]) for name in weights)


def _posterior_collapse(recent: Means) -> tuple[str, str] | None:
    """All latents together carry less than 0.1 nats, though the capacity, if there is one, is above 1.

    Not while the schedule still takes weight from the regularizer: latents open as it comes down.
    """
    kl = recent.get("kl", recent.get("kl_per_dim"))
    if kl is None or kl >= COLLAPSED or recent.get("capacity", 1.0) < 10 * COLLAPSED or recent[EASING]:
        return None
    return (
        "Collapsed posterior",
        f"All latents together carry {kl:.2g} nats: every image is coded, and so decoded, as any other.",
    )


def _capacity_missed(recent: Means) -> tuple[str, str] | None:
    """The KL is more than 1 nat and a tenth of the capacity away from it."""
    if not {"capacity", "kl"} <= set(recent):
        return None
    kl, capacity = recent["kl"], recent["capacity"]
    if abs(kl - capacity) <= max(1.0, 0.1 * capacity):
        return None
    where = "below" if kl < capacity else "above"
    return "Capacity missed", f"The KL is {kl:.1f} nats, {where} its capacity of {capacity:.1f} nats, and is not held there."


def _bound_missed(recent: Means) -> tuple[str, str] | None:
    """Half-way through the run or later, what is bounded lies more than 1 nat above its bound."""
    if not {"violation", "multiplier"} <= set(recent) or recent["violation"] <= 1 or recent["progress"] < 0.5:
        return None
    return (
        "Bound missed",
        f"What is bounded lies {recent['violation']:.1f} nats above its bound, at a multiplier of {recent['multiplier']:.2g}.",
    )


def _weak_discriminator(recent: Means) -> tuple[str, str] | None:
    """Linear dependence between latents makes 0.3 nats or more, and the discriminator misses it.

    It sees less than half, or its accuracy is below 0.53.
    """
    if not {"tc_gaussian", "tc_discriminator", "discriminator/accuracy"} <= set(recent):
        return None
    there, seen, accuracy = recent["tc_gaussian"], recent["tc_discriminator"], recent["discriminator/accuracy"]
    if there < LEAST_CORRELATION or (seen >= 0.5 * there and accuracy >= CHANCE):
        return None
    return (
        "Weak discriminator",
        f"The discriminator sees {seen:.2f} nats of total correlation with an accuracy of {accuracy:.2f} (chance is 0.50), "
        f"where the linear dependence between latents alone makes {there:.2f} nats: the penalty misses it.",
    )


def _fakes_cheaper(recent: Means) -> tuple[str, str] | None:
    """The KL of the decoder's images is more than 1 nat below that of data (Daniel and Tamar stop there)."""
    if not {"decoder/kl_fake", "kl"} <= set(recent) or recent["decoder/kl_fake"] >= recent["kl"] - 1:
        return None
    return (
        "The encoder takes the decoder's images for data",
        f"Their KL is {recent['decoder/kl_fake']:.1f} nats, that of data {recent['kl']:.1f} nats; the game is lost.",
    )


def _no_repulsion(recent: Means) -> tuple[str, str] | None:
    """Both exponentials of the encoder's loss are below 1e-6, on average."""
    shown = {"encoder/exp_elbo_fake", "encoder/exp_elbo_rec"}
    if not shown <= set(recent) or max(recent[name] for name in shown) >= VANISHED:
        return None
    largest = max(recent[name] for name in shown)
    return (
        "No repulsion left",
        f"The exponentials of the encoder's loss are at most {largest:.0e}: nothing tells it the decoder's images from data.",
    )


def _clamped(recent: Means) -> tuple[str, str] | None:
    """More than half of the decoder's images have a negative energy."""
    if recent.get("encoder/clamped", 0.0) <= 0.5:
        return None
    return (
        "Energies below zero",
        f"{100 * recent['encoder/clamped']:.0f} % of the decoder's images have a negative energy, where the encoder learns "
        "nothing from them; estimates of the total correlation below zero do that.",
    )


def _relapse(recent: Means) -> tuple[str, str] | None:
    """Soft-Intro only: the reconstruction term is 1.5 times the lowest it was."""
    if not {"decoder/kl_fake", "nll"} <= set(recent) or recent["lowest nll"] <= 0:  # densities may have terms below zero
        return None
    if recent["nll"] <= RELAPSE * recent["lowest nll"]:
        return None
    return (
        "Lost reconstructions",
        f"Reconstruction is at {recent['nll']:.1f} nats, after {recent['lowest nll']:.1f} nats earlier in the run.",
    )


RULES: Mapping[str, Callable[[Means], tuple[str, str] | None]] = {
    "posterior_collapse": _posterior_collapse,
    "capacity_missed": _capacity_missed,
    "bound_missed": _bound_missed,
    "weak_discriminator": _weak_discriminator,
    "fakes_cheaper": _fakes_cheaper,
    "no_repulsion": _no_repulsion,
    "energies_clamped": _clamped,
    "relapse": _relapse,
}
"""Each looks at the means of a window and says a title and what it saw, or None. A rule applies where the names it reads are
logged, whatever the model."""

REMEDIES: Mapping[str, str] = {
    "posterior_collapse": "Weaken the regularizer, begin with a weak one, or raise --lr.",
    "capacity_missed": "Weigh the distance from the capacity more, or choose a capacity nearer to that KL or a longer ramp.",
    "bound_missed": "Allow more, raise --multiplier-rate, or train longer.",
    "weak_discriminator": "Raise --discriminator-lr, train longer, or give larger batches.",
    "fakes_cheaper": "Change --beta-neg (a smaller one pushes longer, a larger one harder), or lower --lr.",
    "no_repulsion": "Lower --beta-neg.",
    "energies_clamped": "Weigh the total correlation less, or give larger batches.",
    "relapse": "Raise --beta-rec, lower --beta-neg, or lower --lr.",
}
"""What to do, where the model's row gives no `remedies` of its own."""
