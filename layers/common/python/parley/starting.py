"""How a function starts: without looking for garbage.

Python looks for unreachable cycles whenever some thousand new objects are there. What a function imports and builds
while it starts stays, so looking for garbage found next to none and took up to a tenth of the time. A function imports
this module before the others, and calls `done` when it is ready for its first request.
"""

from __future__ import annotations

import gc

gc.disable()


def done() -> None:
    """Look for garbage from now on, but only among what comes later; nothing happens if that is so already.

    A process of the local stack starts several functions, and only the first of them starts like this.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
