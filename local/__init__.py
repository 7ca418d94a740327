"""Parley on one machine: the handlers of `functions/`, called by stand-ins for API Gateway and event source mappings.

No rule of chat is in here. Functions, settings and limits are read from `template.yaml`.
"""

import sys
from pathlib import Path

# The package `parley` lies in the layer, where `python -m` would not look.
_LAYER = Path(__file__).resolve().parents[1] / "layers" / "common" / "python"
if _LAYER.is_dir() and str(_LAYER) not in sys.path:
    sys.path.insert(0, str(_LAYER))
