"""The registry of rows. A resource is offered when its row is listed here."""

from __future__ import annotations

from parley.resources.api_keys import API_KEY
from parley.resources.channels import CHANNEL
from parley.resources.members import MEMBER
from parley.resources.messages import MESSAGE
from parley.resources.roles import ROLE
from parley.resources.services import SERVICE
from parley.resources.spec import Resource
from parley.resources.users import USER

REGISTRY: tuple[Resource, ...] = (SERVICE, ROLE, USER, CHANNEL, MEMBER, MESSAGE, API_KEY)
