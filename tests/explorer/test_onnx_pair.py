"""Anybody's encoder and decoder: what is taken from their files, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from helpers import onnx_models, onnx_pair
from unbraid.cli.main import main
from unbraid.errors import CorruptFile, UnbraidWarning, UsageError
from unbraid.explorer.content import DecoderPart, EncoderPart
from unbraid.explorer.onnx_pair import pair_page


def test_names_sizes_and_batches_come_from_the_files(tmp_path):
    decoder = onnx_pair.decoder(tmp_path / "d.onnx", (3, 28, 30), latents=5, batch=2)
    encoder = onnx_models.encoder(tmp_path / "e.onnx", shape=("n", 3, 28, 30), latents=5, outputs=("mu", "log_sigma"))
    content = pair_page(decoder, encoder)
    (model,) = content.data.models
    assert content.data.shape == (3, 28, 30)
    assert (model.latents, model.decoder) == (5, DecoderPart(input="z", output="x", batch=2))
    assert model.encoder == EncoderPart(
        file="encoder", input="x", mean="mu", spread="log_sigma", kind="log_deviation", batch=None
    )
    assert content.files == {"decoder": decoder.read_bytes(), "encoder": encoder.read_bytes()}
    assert pair_page(decoder).data.models[0].encoder is None


@pytest.mark.parametrize(
    ("spread", "kind"),
    [("variance", "variance"), ("logvar", "log_variance"), ("std", "deviation"), ("log_std", "log_deviation")],
)
def test_widths_are_understood(tmp_path, spread, kind):
    decoder = onnx_pair.decoder(tmp_path / "d.onnx", (1, 8, 8))
    encoder = onnx_models.encoder(tmp_path / "e.onnx", shape=("n", 1, 8, 8), outputs=("mean", spread))
    assert pair_page(decoder, encoder).data.models[0].encoder.kind == kind


def test_what_does_not_fit_is_refused_in_words(tmp_path):
    decoder = onnx_pair.decoder(tmp_path / "d.onnx", (1, 8, 8))
    with pytest.raises(UsageError, match="no decoder"):
        pair_page(tmp_path / "nothing.onnx")
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(CorruptFile, match="external_data=False"):
        pair_page(tmp_path / "text.onnx")
    raw = onnx_pair.decoder(tmp_path / "raw.onnx", (1, 8, 8), sigmoid=False)
    with pytest.raises(UsageError, match=r"must lie in \[0, 1\].*sigmoid"):
        pair_page(raw)
    flat = onnx_pair.decoder(tmp_path / "flat.onnx", (64,))
    with pytest.raises(UsageError, match="allowed: float32 images"):
        pair_page(flat)
    encoder = onnx_models.encoder(tmp_path / "e.onnx", shape=("n", 1, 8, 8), latents=4)
    with pytest.raises(UsageError, match="the decoder takes 3 latents"):
        pair_page(decoder, encoder)
    wide = onnx_models.encoder(tmp_path / "w.onnx", shape=("n", 1, 16, 16))
    with pytest.raises(UsageError, match="cannot encode images of shape"):
        pair_page(decoder, wide)
    with pytest.raises(UsageError, match="one input of float32 codes"):
        pair_page(encoder)
    last = onnx_pair.decoder(tmp_path / "last.onnx", (8, 8, 3))
    with pytest.raises(UsageError, match=r"\(8, 8, 3\); allowed.*channels come last: export x\.permute\(0, 3, 1, 2\)"):
        pair_page(last)
    color = onnx_pair.decoder(tmp_path / "color.onnx", (3, 8, 8))
    turned = onnx_models.encoder(tmp_path / "t.onnx", shape=("n", 8, 8, 3), last=True)
    with pytest.raises(UsageError, match=r"cannot encode.*Export it with x\.permute\(0, 2, 3, 1\)"):
        pair_page(color, turned)
    double = onnx_models.encoder(tmp_path / "double.onnx", shape=("n", 3, 8, 8), kind=11)
    with pytest.raises(UsageError, match=r"Export it with encoder\.float\(\)"):
        pair_page(color, double)
    noisy = onnx_models.encoder(tmp_path / "noisy.onnx", shape=("n", 3, 8, 8), spoil="noise")
    with pytest.warns(UnbraidWarning, match="holds noise"):
        pair_page(color, noisy)


def test_the_command_makes_a_page_once(tmp_path, capsys):
    decoder = onnx_pair.decoder(tmp_path / "d.onnx", (1, 8, 8))
    out = tmp_path / "page.html"
    command = ["explore", "--decoder", str(decoder), "-o", str(out)]
    assert main(command) == 0
    made = out.read_bytes()
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0
    assert out.read_bytes() == made
    assert main(["explore", "-o", str(out)]) == 2
    assert main(["explore", "--decoder", str(decoder)]) == 2
    assert main([*command, "--times", "3"]) == 2
    assert main(["explore", str(tmp_path), "--encoder", "e.onnx", "-o", str(out)]) == 2
    assert "goes only with --decoder" in capsys.readouterr().err
    assert main([*command[:-1], str(tmp_path / "page.svg")]) == 2
    assert "page.svg ends in .svg; allowed: .html, .htm." in " ".join(capsys.readouterr().err.split())
    assert np.isclose(out.stat().st_size, len(made))
