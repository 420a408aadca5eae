"""Chromium, as Debian installs it, driven by Playwright: where it is missing tests are skipped, but for CI, where they fail."""

from __future__ import annotations

import base64
import io
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
PATIENCE = 30_000
"""Milliseconds that a page may take; a crowded machine is no defect."""


def require_chromium() -> None:
    """Skip where the browser or its driver is missing; in CI fail."""
    missing = [] if Path(CHROMIUM).exists() else ["chromium (apt-get install chromium)"]
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        missing.append("playwright (pip install playwright)")
    if missing:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(f"Tests of pages in a browser need {' and '.join(missing)}.")


@contextmanager
def chromium() -> Iterator:
    """A headless browser. Closed at the end, and its driver too, which would else keep an event loop running."""
    require_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def until(frame, condition: str) -> None:
    """Wait until an expression is true in a page or frame; `wait_for_function` needs eval, which pages forbid."""
    end = time.monotonic() + PATIENCE / 1000
    while not frame.evaluate(f"Boolean({condition})"):
        assert time.monotonic() < end, f"not true within {PATIENCE / 1000:.0f} s: {condition}"
        frame.wait_for_timeout(20)


class Tab:
    """A page in a browser, with what it asked for and what it complained of."""

    def __init__(self, context) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, url: str | Path, hash: str = "") -> Tab:
        """Open a page and wait for its models, or for its error."""
        self.page.goto((url.as_uri() if isinstance(url, Path) else url) + hash)
        self.wait("document.body.dataset.state !== 'loading'")
        return self

    def wait(self, condition: str) -> None:
        """Wait until an expression is true."""
        until(self.page, condition)

    @property
    def state(self) -> str:
        return self.page.evaluate("document.body.dataset.state")

    @property
    def error(self) -> str:
        return self.page.inner_text("#error-text")

    def settle(self) -> None:
        """Wait until nothing is encoded or decoded any more, and hands rest."""
        self.page.evaluate(
            "new Promise(done => { unbraid.on('settled', done); unbraid.setActive(unbraid.active); unbraid.settleSoon(); })"
        )

    @property
    def codes(self) -> np.ndarray:
        return np.array(self.page.evaluate("Array.from(unbraid.codes)"), np.float32)

    @codes.setter
    def codes(self, values: np.ndarray) -> None:
        self.page.evaluate("codes => unbraid.setCodes(Float32Array.from(codes), true)", values.tolist())
        self.settle()

    @property
    def image(self) -> np.ndarray:
        """The decoded image before it becomes bytes, (channel, height, width)."""
        pixels, shape = self.page.evaluate("[Array.from(unbraid.image.pixels), unbraid.image.shape]")
        return np.array(pixels, np.float32).reshape(shape)

    def canvas(self, selector: str) -> np.ndarray:
        """Bytes of a canvas, (height, width, 4)."""
        address = self.page.eval_on_selector(selector, "canvas => canvas.toDataURL('image/png')")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGBA"))
