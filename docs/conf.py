"""How Sphinx makes the website of docs/_build/source, which docs/source/website puts together."""

from __future__ import annotations

import sys
from pathlib import Path

import unbraid

sys.path.insert(0, str(Path(__file__).parent / "source"))

project = "unbraid"
author = copyright = "The unbraid developers"
release = version = unbraid.__version__
extensions = ["myst_parser", "website.links", "website.mathematics"]
exclude_patterns: list[str] = []
templates_path: list[str] = []
nitpicky = False  # types in signatures are those of other libraries too
python_maximum_signature_line_length = 80
add_module_names = False
toc_object_entries_show_parents = "hide"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_dmath_allow_space = False
myst_dmath_allow_digits = False
myst_fence_as_directive = ["math"]
myst_heading_anchors = 4

html_math_renderer = "drawn"
html_theme = "pydata_sphinx_theme"
html_title = "unbraid"
html_static_path = ["source/website/static"]
html_css_files = ["unbraid.css"]
html_extra_path = [str(path) for path in [Path(__file__).parent / "_build" / "live"] if path.is_dir()]
html_copy_source = html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "unbraid"},
    "header_links_before_dropdown": 9,
    "navbar_end": ["theme-switcher"],
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "show_nav_level": 1,
    "navigation_depth": 3,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_context = {"default_mode": "auto"}
html_sidebars = {"index": []}
linkcheck_timeout, linkcheck_workers = 20, 4
