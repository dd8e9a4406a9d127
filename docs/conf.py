"""How Sphinx builds the site: ``python -m sphinx -W -b html docs docs/_build/html``."""

import os
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import fastnn

# An example that runs in a process of its own must find what this one does.
os.environ.setdefault("MPLBACKEND", "agg")
sys.path.insert(0, str(Path(__file__).parent))
warnings.filterwarnings("ignore", message=".*is non-interactive.*")

project = "fastnn"
author = "fastnn developers"
copyright = author
version = release = fastnn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "**/GALLERY_HEADER.rst"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
# What is not an object of this project stays as it is written.
default_role = "autolink"
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!fastnn\.).*")]

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"__init__\.py",
    "subsection_order": [
        "../examples/first",
        "../examples/descent",
        "../examples/layers",
        "../examples/generalisation",
        "../examples/tuning",
        "../examples/use",
    ],
    "within_subsection_order": "gallery_order.Taught",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1,
    "remove_config_comments": True,
    "reset_modules": ("matplotlib",),
    "image_scrapers": ("matplotlib",),
    "capture_repr": (),
    "write_computation_times": False,
    "copyfile_regex": "",
}

html_theme = "pydata_sphinx_theme"
html_title = "fastnn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_center": ["navbar-nav"],
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 5,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": False,
    "navigation_with_keys": False,
}
html_sidebars = {"start": [], "coming_from": [], "fast": [], "guarantees": [], "why_not": []}

PLAIN = re.compile(r"(``.*?``|`[^`]*`)")
"""What stands between backticks, and so is no markup."""


def escape(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are to be read as text: ``coef_`` and abs bars are no markup of Sphinx's."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = PLAIN.split(line)
            parts[::2] = [re.sub(r"(?<=\w)_(?!\w)|\|", r"\\\g<0>", part) for part in parts[::2]]
            lines[i] = "".join(parts)


def skip(app: Any, what: str, name: str, thing: Any, skipped: bool, options: Any) -> bool | None:
    """Methods that scikit-learn's bases bring are described there."""
    home = getattr(thing, "__module__", None) or "fastnn"
    return None if home.startswith("fastnn") else True


def setup(app: Any) -> None:
    """Before numpydoc reads the docstrings."""
    app.connect("autodoc-process-docstring", escape, priority=400)
    app.connect("autodoc-skip-member", skip)
