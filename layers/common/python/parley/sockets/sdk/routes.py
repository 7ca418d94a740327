"""Everything that an SDK can ask for in `message` packets: one row each, gathered from the modules that answer."""

from __future__ import annotations

from parley.sockets.sdk import configuration, registrations, sessions, subscriptions, sync, upstream
from parley.sockets.sdk.routing import Routes

ROUTES = Routes(
    (
        *configuration.ROUTES,
        *upstream.ROUTES,
        *registrations.ROUTES,
        *sessions.ROUTES,
        *sync.ROUTES,
        *subscriptions.ROUTES,
    )
)
