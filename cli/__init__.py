"""The operator's command line: `python -m cli --help`."""

import sys
from pathlib import Path

# The package lies in the layer, where `python -m` would not look.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "layers" / "common" / "python"))
