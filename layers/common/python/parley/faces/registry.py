"""All faces. A face is offered if its mounts are listed here; routes, views, forms and docs follow from that."""

from __future__ import annotations

from parley.faces import account, chat_v1, chat_v2, chat_v3, conversations_v1, media, messaging_v1
from parley.faces.spec import Mount

MOUNTS: tuple[Mount, ...] = (
    *chat_v2.MOUNTS,
    *chat_v1.MOUNTS,
    *chat_v3.MOUNTS,
    *conversations_v1.MOUNTS,
    *account.MOUNTS,
    *media.MOUNTS,
    *messaging_v1.MOUNTS,
)
