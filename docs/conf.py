"""The documentation site: Sphinx with MyST, as NumPy's, Brian2's and snnTorch's readers know it.

python -m sphinx -W docs docs/_build
python -m sphinx -W -D nb_execution_mode=force docs docs/_build   # runs the tutorials anew
"""

import importlib.metadata
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "spiking_bimt"
author = "The spiking_bimt authors"
release = version = importlib.metadata.version("spiking-bimt")
copyright = author  # Sphinx's name for the line at a page's foot

extensions = [
    "myst_nb", "sphinx_copybutton", "sphinx_design", "sphinx.ext.autodoc",
    "extensions.docstrings", "extensions.generated",
]  # fmt: skip
exclude_patterns = ["_build", "extensions"]
default_role = "py:obj"  # `name` in a docstring is a link where the name is known
maximum_signature_line_length = 80  # characters
toc_object_entries_show_parents = "hide"
python_display_short_literal_types = True
myst_enable_extensions = ["colon_fence", "deflist"]  # no formulas: MathJax would come from outside
myst_heading_anchors = 3
smartquotes = False  # options begin with two hyphens
nb_execution_mode = "off"  # tutorials are shown as they were run last
nb_execution_timeout = 600  # s, of a cell
nb_merge_streams = True
highlight_language = "none"  # blocks that name no language are output or pseudo-code
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
html_context = {"default_mode": "auto"}  # light or dark as the reader's system is
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "header_links_before_dropdown": 5,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
