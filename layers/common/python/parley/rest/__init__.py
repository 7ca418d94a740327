"""The REST door: HTTP in, an operation, JSON out. Routes are generated from the rows."""

from __future__ import annotations

import sys

# Starlette imports python-multipart together with itself, if it is installed, under its name or its older one. Only an
# upload of one kind needs that, so cold starts go without (`multipart.py`). None in the place of a module says that
# there is none.
_HIDDEN = [name for name in ("python_multipart", "multipart") if name not in sys.modules]
sys.modules.update(dict.fromkeys(_HIDDEN))  # type: ignore[arg-type]
import starlette.requests  # noqa: E402, F401

for _name in _HIDDEN:
    del sys.modules[_name]
