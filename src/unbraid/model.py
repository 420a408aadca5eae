"""A trained model as its users meet it: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, overload

import numpy as np
import torch

from unbraid.codes import CodeTable
from unbraid.config.experiment import Experiment
from unbraid.data.dataset import Dataset, addressed, load_dataset
from unbraid.data.own_data import TABLE_OPTIONS
from unbraid.data.pixel_values import known_range, require_within
from unbraid.data.registry import datasets
from unbraid.data.sets.arrays import IN_PYTHON, as_dataset
from unbraid.data.storage import BYTES, SHARES, ValueRange
from unbraid.distributions.protocols import Posterior, Prior
from unbraid.errors import UnbraidError, UsageError
from unbraid.evaluation.encoding import BATCH
from unbraid.evaluation.evaluate import Scope, encode_part, evaluate_model, score_codes
from unbraid.evaluation.probing import Probe, probe_encoder
from unbraid.evaluation.scores import Metrics, choose_metrics
from unbraid.evaluation.stored import Scores
from unbraid.evaluation.without_labels import Codes as PipeCodes
from unbraid.evaluation.without_labels import pipe
from unbraid.files import whole_file, write_json
from unbraid.metrics.label_curves import DRAWS, PENALTY
from unbraid.metrics.score_table import ScoreTable
from unbraid.nn.registry import Shape
from unbraid.nn.vae import VAE
from unbraid.progress import Progress, Stages
from unbraid.training.checkpoint import WEIGHTS, pack

Array = TypeVar("Array", np.ndarray, torch.Tensor)
Rng = int | np.random.Generator | torch.Generator


@dataclass(frozen=True)
class Encoding(Generic[Array]):
    """q(z|x) of a batch of images, in the kind of array that was given to `Model.encode`."""

    _posterior: Posterior
    _prior: Prior
    _give: Callable[[torch.Tensor], Array]

    @property
    def mean(self) -> Array:
        """Posterior means, one row per image."""
        return self._give(self._posterior.mean)

    @property
    def variance(self) -> Array:
        """Marginal posterior variances, one row per image."""
        return self._give(self._posterior.variance)

    @property
    def kl(self) -> Array:
        """KL(q(z_j|x) || p(z_j)) in nats, one row per image; one column if there is no KL per latent."""
        per_dim = self._posterior.kl_per_dim(self._prior)
        return self._give(self._posterior.kl(self._prior)[:, None] if per_dim is None else per_dim)

    def sample(self, rng: Rng = 0) -> Array:
        """One draw for each image, from a seed or a generator."""
        return self._give(self._posterior.sample(_generator(rng, self._posterior.mean.device)))


class Model:
    """A trained model.

    Images are (n, channel, height, width) or, with one channel, (n, height, width), in the numbers of the images that it was
    trained on (`value_range`), or else booleans, bytes from 0 to 255 or floats from 0 (black) to 1 (white). What can be read
    in two ways is refused. NumPy arrays give NumPy arrays, tensors give tensors on their own device. Nothing here needs
    gradients or tracks them, and batches of any size are cut to pieces that fit.
    """

    def __init__(
        self, vae: VAE, experiment: Experiment, *, step: int = 0, folder: Path | None = None, data: Dataset | None = None
    ) -> None:
        self.vae = vae.eval()
        self.experiment = experiment
        self.step = step
        self.folder = folder
        self._data = data

    def __repr__(self) -> str:
        e = self.experiment
        return f"<unbraid {e.model} of {e.data_name}, {e.latent_dim} latents, step {self.step}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: images that the model draws from its prior, and what it is."""
        from html import escape

        from unbraid.data.thumbnails import strip

        e = self.experiment
        facts = f"{e.latent_dim} latents, step {self.step:,} of {max(e.steps, self.step):,}; below, draws from the prior"
        return f"<div><b>{escape(e.model)}</b> of {escape(e.data_name)}: {facts}<br>{strip(self.sample(12))}</div>"

    @property
    def image_shape(self) -> Shape:
        """Channels, height and width of the images it was trained on."""
        return self.experiment.image_shape

    @property
    def latent_dim(self) -> int:
        """Number of latents."""
        return self.experiment.latent_dim

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.vae.parameters()).device

    @cached_property
    def value_range(self) -> ValueRange | None:
        """The numbers of the images that it was trained on; None if an older run does not say."""
        if self._data is not None:
            return self._data.value_range
        e = self.experiment
        if e.value_range is not None:
            return e.value_range
        if e.data != IN_PYTHON and "scale" not in e.data_options:
            return BYTES
        with suppress(UnbraidError):
            return e.load_data().value_range
        return None

    @overload
    def encode(self, images: Array, *, distribution: Literal[False] = False, scaled: bool | None = None) -> Array: ...
    @overload
    def encode(self, images: Array, *, distribution: Literal[True], scaled: bool | None = None) -> Encoding[Array]: ...
    def encode(self, images: Any, *, distribution: bool = False, scaled: bool | None = None) -> Any:
        """Posterior means (n, latent_dim), or with `distribution` `.mean .variance .sample() .kl`.

        Args:
            images: see the class.
            distribution: whether to give the posterior.
            scaled: whether floats run from 0 (black) to 1 (white) already, as `decode` gives them, or are the numbers of its
                training; None takes what they can be and refuses what can be both.

        Raises `UsageError` for images of another shape, values out of range, NaN or no image at all.

        >>> model.encode(images).shape
        (5, 3)
        >>> q = model.encode(images, distribution=True)
        >>> q.mean.shape, q.variance.shape, q.kl.shape, q.sample(rng=0).shape
        ((5, 3), (5, 3), (5, 3), (5, 3))
        """
        batch = self._images(images)
        numbers = self._numbers(batch, scaled)
        with torch.no_grad():
            parts = [self.vae.encode(_shares(piece, numbers).to(self.device)) for piece in _pieces(batch)]
        posterior = parts[0].cat(parts)
        return Encoding(posterior, self.vae.prior, _giver(images)) if distribution else _giver(images)(posterior.mean)

    def decode(self, codes: Array) -> Array:
        """Images (n, channel, height, width) in [0, 1] of codes (n, latent_dim), or of one code (latent_dim,).

        >>> model.decode(np.zeros((2, 3))).shape
        (2, 1, 32, 32)
        """
        z = self._codes(codes)
        with torch.no_grad():
            parts = [self.vae.likelihood.mean(self.vae.decode(piece.to(self.device))).to(z.device) for piece in _pieces(z)]
        return _giver(codes)(torch.cat(parts).contiguous())

    @property
    def codebooks(self) -> np.ndarray | None:
        """Values of quantized latents in ascending order, one row per latent; None for continuous ones."""
        quantizer = self.vae.quantizer
        return None if quantizer is None else np.sort(quantizer.codebooks.cpu().numpy(), axis=1)

    def nearest_codes(self, codes: Array) -> Array:
        """The codes (n, latent_dim), or for quantized latents the nearest values of the codebooks."""
        z, quantizer = self._codes(codes), self.vae.quantizer
        return _giver(codes)(z if quantizer is None else quantizer.nearest(z.to(self.device)))

    def reconstruct(self, images: Array, *, scaled: bool | None = None) -> Array:
        """Images in [0, 1] decoded from the posterior means of images, which are as `encode` takes them.

        >>> model.reconstruct(images).shape
        (5, 1, 32, 32)
        """
        return self.decode(self.encode(images, scaled=scaled))

    def elbo(self, images: Array, *, rng: Rng = 0, scaled: bool | None = None) -> Array:
        r"""The evidence lower bound on log p(x) of each image, in nats, at one draw from its posterior.

        .. math:: \log p(x \mid z) - \mathrm{KL}(q(z \mid x) \,\|\, p(z)), \quad z \sim q(z \mid x)

        Without the weights that the objective puts on its terms. Images are as `encode` takes them.

        >>> model.elbo(images).shape
        (5,)
        """
        batch = self._images(images)
        numbers, generator = self._numbers(batch, scaled), _generator(rng, self.device)
        found = []
        with torch.no_grad():
            for piece in _pieces(batch):
                done = self.vae(_shares(piece, numbers).to(self.device), generator)
                found.append(-(done.nll + done.posterior.kl(self.vae.prior)))
        return _giver(images)(torch.cat(found))

    def sample(self, n: int, rng: Rng = 0) -> np.ndarray:
        """n images decoded from draws from the model's prior.

        >>> model.sample(4, rng=0).shape
        (4, 1, 32, 32)
        """
        if n < 1 or n != int(n):
            raise UsageError(f"n is {n}; allowed: a whole number, at least 1.")
        z = self.vae.prior.sample(int(n), _generator(rng, self.device))
        return self.decode(z.cpu().numpy())

    def traverse(
        self,
        image: np.ndarray | torch.Tensor | None = None,
        dims: int | Sequence[int] | None = None,
        span: tuple[float, float] | None = None,
        n: int = 11,
        *,
        scaled: bool | None = None,
    ) -> np.ndarray:
        """Images (dims, n, channel, height, width) in which one latent runs over a span and the others stay.

        Quantized latents take the nearest values of their codebooks throughout.

        Args:
            image: where the other latents stay: at this image's posterior mean, or at 0, the middle of the prior.
            dims: which latents; all by default.
            span: first and last value of the latent; by default -2 and 2, or the ends of a quantized latent's codebook.
            n: number of values.
            scaled: of the image, as `encode` takes it.

        >>> model.traverse(images[0], dims=[0, 2], n=7).shape
        (2, 7, 1, 32, 32)
        """
        chosen = list(range(self.latent_dim)) if dims is None else [dims] if isinstance(dims, int) else list(dims)
        bad = [d for d in chosen if not 0 <= d < self.latent_dim]
        if bad or not chosen:
            raise UsageError(f"dims is {chosen}; allowed: latents from 0 to {self.latent_dim - 1}.")
        if n < 1 or (span is not None and (np.shape(span) != (2,) or not np.isfinite(span).all())):
            raise UsageError(f"span is {span} with n = {n}; give two finite numbers and at least one value.")
        base = np.zeros(self.latent_dim, np.float32)
        if image is not None:
            base = self.encode(_tensor(image, "The image").cpu().numpy()[None], scaled=scaled)[0]
        codes = np.tile(base, (len(chosen), n, 1))
        for row, dim in enumerate(chosen):
            codes[row, :, dim] = np.linspace(*(self._ends(dim) if span is None else span), n)
        flat = self.nearest_codes(codes.reshape(-1, self.latent_dim))
        return self.decode(flat).reshape(len(chosen), n, *self.image_shape)

    def _ends(self, dim: int) -> tuple[float, float]:
        """The values between which each latent is moved by default."""
        books = self.codebooks
        return (-2.0, 2.0) if books is None else (float(books[dim, 0]), float(books[dim, -1]))

    @overload
    def evaluate(
        self,
        data: Any = None,
        metrics: None = None,
        *,
        limit: int | None = None,
        intervals: int = 0,
        nulls: int = 0,
        progress: Stages | None = None,
    ) -> Scores: ...
    @overload
    def evaluate(
        self,
        data: Any = None,
        metrics: Metrics = "core",
        *,
        limit: int | None = None,
        intervals: int = 0,
        nulls: int = 0,
        progress: Stages | None = None,
    ) -> ScoreTable: ...
    def evaluate(
        self,
        data: Any = None,
        metrics: Metrics | None = None,
        *,
        limit: int | None = None,
        intervals: int = 0,
        nulls: int = 0,
        progress: Stages | None = None,
    ) -> Scores | ScoreTable:
        """Scores of the model; by default on the data set of its training.

        With `metrics` just those are computed and returned by their names: `model.evaluate(metrics=["mig"])["mig"]["score"]`.
        Without, losses over both splits, KL per latent and the core metrics: `model.evaluate().splits["test"].nll`. Either
        prints as a table.

        Args:
            data: any data set of images of the same shape, as `unbraid.train` takes it. One that differs from that of its
                training in the path alone ("folder:PATH") is read with the same options, but for the table.
            metrics: "core", "all" (also those that train many models), names, or a mapping of names to options.
            limit: evaluate on a fixed pseudo-random part of this many images; all by default.
            intervals: halves of the images that 95 % intervals of metrics are made from, 0 for none; see
                `unbraid.metrics.evaluate`.
            nulls: draws of each null encoder that scores are corrected for, 0 for none; see `unbraid.metrics.nulls`.
            progress: called with the title of a stage, gives what counts it.

        Raises `UsageError` for images of another shape, metrics that do not exist, and metrics of data without factors.
        """
        if metrics is None:
            return self.evaluate_with_codes(data, limit=limit, intervals=intervals, nulls=nulls, progress=progress)[1]
        dataset = self.matching_data(data)
        choose_metrics(metrics, dataset.space is not None)  # refused before anything is encoded
        scope = self._scope(progress)
        table = encode_part(self.vae, dataset, scope, scope.noise("evaluation"), limit=limit)
        return self.evaluate_codes(table, dataset, metrics, intervals=intervals, nulls=nulls, progress=progress)

    def probe(
        self,
        data: Any = None,
        target: str | None = None,
        *,
        label_counts: Sequence[int] = (),
        draws: int = DRAWS,
        penalty: float = PENALTY,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Probe:
        """How well linear classifiers on the frozen encoder's means do, by the number of labels.

        What it returns prints as a table.

        Beside them stand the same classifiers on the encoder before its first step, on as many principal components, and on
        pixels, all with the same labels and the same held-out images.

        Args:
            data: any data set of images of the same shape with labels or factors, as `evaluate` takes it.
            target: what is predicted: "labels" (the default), or a factor.
            label_counts: numbers of labels; by default 10, 30, 100, ... 3,000, as far as possible.
            draws: how often labels are drawn anew, for 95 % intervals.
            penalty: of the regularized classifier; there is always one without a penalty beside it.
            seed: of the draws.
            progress: told how many regressions of how many are done.

        Raises `UsageError` for images of another shape, a target that the data do not have, no held-out image, and numbers of
        labels fewer than the classes or more than the training images.
        """
        dataset = self.matching_data(data)
        name, found = probe_encoder(
            self.vae,
            self._untrained(),
            dataset,
            latents=self.latent_dim,
            device=self.device,
            target=target,
            label_counts=label_counts,
            draws=draws,
            penalty=penalty,
            seed=seed,
            progress=progress,
        )
        e = self.experiment
        return Probe(version("unbraid"), e.model, e.data_name, self.step, dataset.name, name, self.latent_dim, found)

    def evaluate_with_codes(
        self,
        data: Any = None,
        metrics: Metrics | None = None,
        *,
        limit: int | None = None,
        intervals: int = 0,
        nulls: int = 0,
        progress: Stages | None = None,
    ) -> tuple[CodeTable, Scores]:
        """All that `evaluate` measures, by these metrics, with the code table that it was computed from."""
        return evaluate_model(
            self.vae,
            self.experiment.recipe().objective,
            self.matching_data(data),
            self._scope(progress),
            limit=limit,
            metrics=metrics,
            intervals=intervals,
            nulls=nulls,
            untrained=self._untrained(),
        )

    def evaluate_codes(
        self,
        table: CodeTable,
        data: Dataset,
        metrics: Metrics,
        *,
        intervals: int = 0,
        nulls: int = 0,
        progress: Stages | None = None,
    ) -> ScoreTable:
        """Scores of a table of its codes of a data set; arguments as `evaluate` takes them."""
        scope = self._scope(progress)
        return score_codes(table, data, scope, metrics=metrics, intervals=intervals, nulls=nulls, untrained=self._untrained())

    def pipe(self, table: CodeTable, *, codes: PipeCodes = "uniform", progress: Stages | None = None) -> float:
        """PIPE of a table of its codes, which needs no labels; see `unbraid.evaluation.without_labels.pipe`."""
        scope = self._scope(progress)
        counting = scope.counting("a classifier for PIPE")
        return pipe(self.vae, table, codes=codes, seed=scope.seed, device=scope.device, progress=counting)

    def _scope(self, progress: Stages | None = None) -> Scope:
        e = self.experiment
        return Scope(e.seed, self.step, e.steps, e.batch_size, self.device, progress=progress)

    def _untrained(self) -> VAE:
        return self.experiment.build().placed(self.device)

    def matching_data(self, data: Any = None, **options: Any) -> Dataset:
        """A data set whose images this model takes: that of its training, or another.

        Args:
            data: as `evaluate` takes it. A registered data set that comes in several sizes comes in that of the model.
            options: of a registered data set.

        Raises `UsageError` for images of another shape and for values in another range.
        """
        if data is None and not options:
            dataset = self._data or self.experiment.load_data()
        elif isinstance(data, str) or data is None:
            dataset = self._elsewhere(data or self.experiment.address, options)
        elif options:
            raise UsageError(f"{', '.join(options)}: options belong to registered data sets; give one by its name.")
        else:
            dataset = as_dataset(data, self.value_range or "auto")
        self._require_same_scale(dataset)
        if dataset.shape != self.image_shape:
            raise UsageError(f"{dataset.name!r} has images of shape {dataset.shape}; this model takes {self.image_shape}.")
        return dataset

    def _elsewhere(self, data: str, options: Mapping[str, Any]) -> Dataset:
        name, place = addressed(data, options)
        entry, known = datasets[name], self.experiment.data_options
        entry.resolve(place)  # refuses what is no option
        if name == self.experiment.data:
            paths = entry.details.get("paths", ())
            if all(known.get(option) == where for option, where in place.items()):
                return self._data or self.experiment.load_data()
            moved = any(option in place for option in paths)
            kept = {option: value for option, value in known.items() if option not in paths}
            place = {option: value for option, value in kept.items() if not (moved and option in TABLE_OPTIONS)} | place
        elif "size" in entry.options and "size" not in place:
            with suppress(UsageError):  # where it does not come in that size, its shape is refused
                entry.resolve({"size": self.image_shape[-1]})
                place = {"size": self.image_shape[-1], **place}
        trained = self.value_range
        if trained is None or trained.usual or "scale" not in datasets[name].options or place.get("scale") in ("255", "1"):
            return load_dataset(name, **place)
        made = load_dataset(name, **{**place, "scale": f"{trained.black},{trained.white}"})
        if made.value_range.whole != trained.whole:
            raise UsageError(
                f"{data} holds {made.value_range}, and this model was trained on {trained}. Say what is black and white: "
                "unbraid.dataset(images, scale=(BLACK, WHITE))."
            )
        return made

    def _require_same_scale(self, dataset: Dataset) -> None:
        """Refuse a data set scaled by its own smallest and largest values if those of training differ."""
        given, trained = dataset.value_range, self.value_range
        if given.measured and trained is not None and (given.black, given.white) != (trained.black, trained.white):
            raise UsageError(
                f"With scale minmax {dataset.name!r} has black and white at {given.black:g} and {given.white:g}, and this "
                f"model was trained on {trained}. Give the values of black and white: "
                f"scale=({trained.black:g}, {trained.white:g})."
            )

    def save(self, folder: str | Path) -> Path:
        """Write `config.json` and `model.safetensors` to a folder, which `unbraid.load` reads.

        Raises `UsageError` where the folder holds anything already.
        """
        folder = Path(folder)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder} exists and is not empty; nothing is overwritten, give another folder.")
        raw = pack(self.vae.state_dict())
        with whole_file(folder / WEIGHTS) as temporary:
            temporary.write_bytes(raw)
        known = {"step": self.step, "sha256": sha256(raw).hexdigest()}
        write_json(folder / "config.json", {**self.experiment.portable().to_dict(), **known})
        return folder

    def _codes(self, codes: Any) -> torch.Tensor:
        """Codes as a tensor (n, latent_dim) of floats, checked."""
        z = _tensor(codes, "Codes")
        z = z[None] if z.ndim == 1 else z
        z = z.float()
        if z.ndim != 2 or z.shape[1] != self.latent_dim or len(z) == 0:
            raise UsageError(f"Codes have shape {tuple(z.shape)}; this model decodes (n, {self.latent_dim}).")
        if not torch.isfinite(z).all():
            raise UsageError("Codes hold NaN or infinite values; they must be finite.")
        return z

    def _images(self, images: Any) -> torch.Tensor:
        """Images as a tensor (n, channel, height, width) of the given type; values are not checked."""
        x = _tensor(images, "Images")
        given = tuple(x.shape)
        channels, height, width = self.image_shape
        if x.ndim == 3:
            x = x[:, None] if channels == 1 else x[None]
        if x.ndim != 4 or tuple(x.shape[1:]) != self.image_shape or len(x) == 0:
            raise UsageError(
                f"Images have shape {given}; this model takes (n, {channels}, {height}, {width})"
                + (f" or (n, {height}, {width})" if channels == 1 else "")
                + ". Channels come first."
            )
        return x

    def _numbers(self, x: torch.Tensor, scaled: bool | None) -> ValueRange:
        """The numbers that images are in; raises `UsageError` for what no image of this model can have."""
        if x.dtype == torch.bool:
            return SHARES
        low, high, dtype = float(x.min()), float(x.max()), str(x.dtype).removeprefix("torch.")
        trained = self.value_range
        if x.dtype.is_floating_point and (scaled or trained is None):
            trained = SHARES
        elif trained is None:
            raise UsageError(
                f"Images are {dtype}, and this run of an earlier version does not say in which numbers its images were. Give "
                "floats from 0 (black) to 1 (white)."
            )
        elif scaled is False and x.dtype.is_floating_point and not trained.whole:
            return require_within(low, high, trained)
        return known_range(low, high, dtype, trained)


def _shares(x: torch.Tensor, numbers: ValueRange) -> torch.Tensor:
    """Images in [0, 1], computed as the data set of the training computes them."""
    if numbers in (BYTES, SHARES):
        return (x.float() / numbers.white).clamp(0, 1)
    return ((x.double() - numbers.black) / (numbers.white - numbers.black)).clamp(0, 1).float()


def _tensor(given: Any, what: str) -> torch.Tensor:
    """An array, tensor or list as a tensor without history; shares memory where it can.

    Raises `UsageError` for anything that is no array of real numbers.
    """
    if isinstance(given, torch.Tensor):
        tensor = given.detach()
    else:
        array = np.asarray(given)
        if array.dtype.kind not in "buif":
            raise UsageError(f"{what} are an array of {array.dtype}; give real numbers.")
        if array.dtype.kind == "u" and array.dtype.itemsize > 1:
            array = array.astype(np.int64)
        elif array.dtype.itemsize > 8:
            array = array.astype(np.float64)
        elif not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        elif not array.flags.writeable:
            array = array.copy()
        tensor = torch.from_numpy(np.ascontiguousarray(array))
    if tensor.is_complex():
        raise UsageError(f"{what} are complex; give real numbers.")
    return tensor


def _pieces(x: torch.Tensor) -> Iterator[torch.Tensor]:
    return (x[start : start + BATCH] for start in range(0, len(x), BATCH))


def _giver(like: Any) -> Callable[[torch.Tensor], Any]:
    if isinstance(like, torch.Tensor):
        device = like.device
        return lambda tensor: tensor.to(device)
    return lambda tensor: tensor.cpu().numpy()


def _generator(rng: Rng, device: torch.device) -> torch.Generator:
    if isinstance(rng, torch.Generator):
        if rng.device.type != device.type:
            raise UsageError(f"The generator is on {rng.device} and the model on {device}; give one on the model's device.")
        return rng
    seed = int(rng.integers(2**62)) if isinstance(rng, np.random.Generator) else int(rng)
    return torch.Generator(device=device).manual_seed(seed)
