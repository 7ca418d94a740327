"""The garbage collector is off while a function starts.

Python's garbage collector runs whenever some thousand new objects are there. What a function imports and builds while
it starts stays, so the collector found next to nothing and took up to a tenth of the time. A function imports this
module before the others, and calls `done` when it is ready for its first request.
"""

from __future__ import annotations

import gc

gc.disable()


def done() -> None:
    """Switch the garbage collector on, for objects that are made from now on. If it is on already, nothing happens.

    A process of the local stack starts several functions, and only the first of them starts like this.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
