"""The operator's command line: `parley --help`."""

import sys
from pathlib import Path

# In a clone the package `parley` lies in the layer, where `python -m` would not look. An installed tool has it beside.
_LAYER = Path(__file__).resolve().parents[1] / "layers" / "common" / "python"
if _LAYER.is_dir() and str(_LAYER) not in sys.path:
    sys.path.insert(0, str(_LAYER))
