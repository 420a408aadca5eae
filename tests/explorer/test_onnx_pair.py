"""Anybody's encoder and decoder: what is taken from their files, and what is refused."""

from __future__ import annotations

import numpy as np
import onnx_pair
import pytest

import onnx_models
from unbraid.cli.main import main
from unbraid.errors import CorruptFile, UsageError
from unbraid.explorer.onnx_pair import pair_page


def test_names_sizes_and_batches_come_from_the_files(tmp_path):
    decoder = onnx_pair.decoder(tmp_path / "d.onnx", (3, 28, 30), latents=5, batch=2)
    encoder = onnx_models.encoder(tmp_path / "e.onnx", shape=("n", 3, 28, 30), latents=5, outputs=("mu", "log_sigma"))
    content = pair_page(decoder, encoder)
    (model,) = content.data["models"]
    assert content.data["shape"] == [3, 28, 30]
    assert (model["latents"], model["decoder"]) == (5, {"input": "z", "output": "x", "batch": 2})
    assert model["encoder"] == {
        "file": "encoder",
        "input": "x",
        "mean": "mu",
        "spread": "log_sigma",
        "kind": "log_deviation",
        "batch": None,
    }
    assert content.files == {"decoder": decoder.read_bytes(), "encoder": encoder.read_bytes()}
    assert pair_page(decoder).data["models"][0]["encoder"] is None


@pytest.mark.parametrize(
    ("spread", "kind"),
    [("variance", "variance"), ("logvar", "log_variance"), ("std", "deviation"), ("log_std", "log_deviation")],
)
def test_widths_are_understood(tmp_path, spread, kind):
    decoder = onnx_pair.decoder(tmp_path / "d.onnx", (1, 8, 8))
    encoder = onnx_models.encoder(tmp_path / "e.onnx", shape=("n", 1, 8, 8), outputs=("mean", spread))
    assert pair_page(decoder, encoder).data["models"][0]["encoder"]["kind"] == kind


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
    assert np.isclose(out.stat().st_size, len(made))
