"""The carriers function over a test's world, with AWS and its queues in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parley.ports.texting import Texting
from tests.ports.fakes import FakeQueue
from tests.sockets.deployment import load_function
from tests.support.world import World
from tests.webhooks.function import DELIVERIES, TEXTS


def carriers_function(
    container: World,
    aws: Texting,
    queues: Mapping[str, FakeQueue],
    settings: Mapping[str, Any] | None = None,
    **ports: Any,
) -> Callable[..., Any]:
    """The function's handler in a container, with more settings and ports. `queues` are those of texts and deliveries."""
    runtime = container.wire(
        {
            "phones": True,
            "text_queue_url": TEXTS,
            "delivery_queue_url": DELIVERIES,
            "media_bucket": container.store.bucket,
            **(settings or {}),
        },
        queue=queues.__getitem__,
        texting=lambda: aws,
        **ports,
    )
    return load_function("carriers", runtime)
