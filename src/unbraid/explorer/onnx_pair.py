"""Anybody's encoder and decoder in ONNX files as the content of an explorer page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float32

from unbraid.data.codes.latent_names import SPREADS, plain
from unbraid.errors import CorruptFile, UsageError, warn
from unbraid.evaluation.onnx_encoder import OnnxEncoder, noise_in_words
from unbraid.explorer.blobs import floats
from unbraid.explorer.content import Content, DecoderPart, EncoderPart, Latent, ModelPart, Moment, PageData, Spread
from unbraid.explorer.measured import DRAWS, WIDTH
from unbraid.onnx_session import TYPES, OnnxSession, Refused

LARGEST_MODEL = 512 << 20
"""Bytes of a file; browsers hold no more in one text."""
COLORS = (1, 3)
"""Numbers of channels that a page shows."""
OUTSIDE = 1e-3
"""How far images may be outside of [0, 1]."""


def pair_page(decoder: Path, encoder: Path | None = None) -> Content:
    """The content of a page for a decoder, and an encoder to go with it.

    The decoder takes float32 codes (n, latents) and gives images (n, channel, height, width) in [0, 1]; the encoder is what
    `unbraid evaluate --encoder` takes. Sliders reach 3 to either side of 0, and prior samples are standard normal: nothing else
    is known of such models.

    Raises `UsageError` for files that are not there or do something else, `CorruptFile` for those that cannot be read and
    `DataUnavailable` where onnxruntime is not installed.
    """
    content = _read(decoder, "decoder")
    session = _session(content, decoder)
    given, batch, latents = _input(session, decoder)
    draws = np.random.default_rng(0).standard_normal((DRAWS, latents), dtype=np.float32)
    images = _decode(session, given, draws[: batch or 1], decoder)
    files = {"decoder": content}
    about = None
    if encoder is not None:
        files["encoder"] = _read(encoder, "encoder")
        about = _encoder(encoder, files["encoder"], images, latents)
    latent = Latent(low=-WIDTH, high=WIDTH, mean=0.0, sd=1.0, kl=None, follows="", active=True)
    moment = Moment(
        step=0,
        decoder="decoder",
        preview=None,
        latents=[latent] * latents,
        shares=None,
        codebooks=None,
        draws=floats(draws),
        positions=None,
        posteriors=None,
        cloud=None,
    )
    model = ModelPart(
        name=decoder.stem,
        settings={},
        command="",
        steps=0,
        latents=latents,
        order=list(range(latents)),
        decoder=DecoderPart(input=given, output=session.outputs[0].name, batch=batch),
        encoder=about,
        normal=True,
        moments=[moment],
    )
    channels, height, width = images.shape[1:]
    data = PageData(
        data=decoder.stem, shape=(channels, height, width), factors=[], cloud=[], images=None, models=[model], networks={}
    )
    return Content(decoder.stem, data, files)


def _read(path: Path, what: str) -> bytes:
    if not path.is_file():
        raise UsageError(f"There is no {what} {path}; give an .onnx file, as torch.onnx.export writes it.")
    size = path.stat().st_size
    if size > LARGEST_MODEL:
        raise UsageError(f"{path} has {size:,} bytes; a page holds models of at most {LARGEST_MODEL:,}.")
    return path.read_bytes()


def _session(content: bytes, path: Path) -> OnnxSession:
    """The model opened from its bytes alone, as a browser opens it."""
    try:
        return OnnxSession(content)
    except Refused as error:
        raise CorruptFile(
            f"{path} is no ONNX model that can be read by itself ({error}). Export it again with its weights inside: "
            "torch.onnx.export(..., external_data=False)."
        ) from None


def _input(session: OnnxSession, path: Path) -> tuple[str, int | None, int]:
    inputs = session.inputs
    shape = inputs[0].shape if len(inputs) == 1 else []
    if len(shape) != 2 or inputs[0].type != "tensor(float)" or not isinstance(shape[1], int):
        advice = "" if len(shape) != 2 or inputs[0].type not in TYPES else " Export it from float32: decoder.float()."
        raise UsageError(
            f"{path} takes {session.takes}; allowed: one input of float32 codes (n, latents) of a known number of latents."
            f"{advice}"
        )
    return inputs[0].name, shape[0] if isinstance(shape[0], int) else None, shape[1]


def _decode(
    session: OnnxSession, given: str, codes: Float32[np.ndarray, "n latent"], path: Path
) -> Float32[np.ndarray, "n c h w"]:
    try:
        found, again = (session.run(None, {given: codes})[0] for _ in range(2))
    except Refused as error:
        raise UsageError(f"{path} cannot decode codes of shape {codes.shape} ({error}).") from None
    if not isinstance(found, np.ndarray) or found.dtype != np.float32 or found.ndim not in (3, 4) or len(found) != len(codes):
        shape = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
        raise UsageError(f"{path} gives {shape}; allowed: float32 images (n, channel, height, width), one per code.")
    images = found[:, None] if found.ndim == 3 else found
    if images.shape[1] not in COLORS:
        last = images.shape[3] in COLORS
        advice = "Its channels come last: export x.permute(0, 3, 1, 2)" if last else "Export a decoder of gray or color images"
        raise UsageError(
            f"{path} gives images of shape {images.shape[1:]}; allowed: (channel, height, width), 1 or 3 channels. {advice}."
        )
    low, high = float(images.min()), float(images.max())
    if not (low >= -OUTSIDE and high <= 1 + OUTSIDE):
        raise UsageError(
            f"{path} gives images from {low:.3g} to {high:.3g}; they must lie in [0, 1]. Does the export leave the last "
            "activation out, such as the sigmoid?"
        )
    if not np.array_equal(found, again):
        warn(f"{path} gives other images of the same codes: it draws noise. Export the means of its pixels.")
    return images


def _encoder(path: Path, content: bytes, images: Float32[np.ndarray, "n c h w"], latents: int) -> EncoderPart:
    known = OnnxEncoder(path)
    session = _session(content, path)
    given = session.inputs[0]
    batch = given.shape[0] if isinstance(given.shape[0], int) else None
    layouts = known.layouts(images.shape[1:])
    if given.type != "tensor(float)" or "channels first" not in layouts:
        advice = "x.permute(0, 2, 3, 1) before it" if layouts else "the size that the decoder gives"
        raise UsageError(
            f"{path} cannot encode images of shape {images.shape[1:]} in float32, as the decoder gives them: it takes "
            f"{session.takes}. Export it with {advice if given.type == 'tensor(float)' else 'encoder.float()'}."
        )
    tried = np.repeat(images[:1], batch or 1, axis=0)
    try:
        (mean,), (again,) = (session.run([known.mean], {given.name: tried}) for _ in range(2))
    except Refused as error:
        raise UsageError(
            f"{path} cannot encode images of shape {images.shape[1:]}, as the decoder gives them ({error})."
        ) from None
    if not isinstance(mean, np.ndarray) or mean.ndim != 2 or mean.shape[1] != latents:
        given_shape = mean.shape[1:] if isinstance(mean, np.ndarray) else type(mean).__name__
        raise UsageError(f"{path} gives codes of shape {given_shape}, and the decoder takes {latents} latents.")
    if not np.array_equal(mean, again, equal_nan=True):
        warn(noise_in_words(path, known.mean))
    return EncoderPart(
        file="encoder",
        input=given.name,
        mean=known.mean,
        spread=known.spread,
        kind=KINDS[SPREADS[plain(known.spread)]] if known.spread else "variance",
        batch=batch,
    )


KINDS: dict[object, Spread] = {
    SPREADS["variance"]: "variance",
    SPREADS["logvar"]: "log_variance",
    SPREADS["std"]: "deviation",
    SPREADS["logstd"]: "log_deviation",
}
"""What the page calls the ways in which widths of posteriors are given."""
