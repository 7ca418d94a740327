"""Services, push registrations and credentials: the same records as Chat's.

https://www.twilio.com/docs/conversations/api/service-resource, /binding-resource, /credential-resource
"""

from __future__ import annotations

from parley import errors
from parley.domain.push import CREDENTIAL_TYPES
from parley.faces.conversations_v1.face import FACE, IN_SERVICE
from parley.faces.conversations_v1.vocabulary import NOTIFICATIONS
from parley.faces.kinds import RenamedList
from parley.faces.spec import Mount, View
from parley.records import BINDING, CREDENTIAL, SERVICE
from parley.records.kinds import Listed
from parley.records.spec import Field

# Sockets count as a type of binding in filters, but no push registration has it.
_BINDING_TYPES = Listed((*CREDENTIAL_TYPES, "twilsock"), errors.BINDING_TYPE_INVALID)

MOUNTS = (
    Mount(
        FACE,
        SERVICE,
        "/Services/{sid}",
        View(
            "account_sid sid friendly_name date_created date_updated url",
            links={
                "conversations": "/Conversations",
                "users": "/Users",
                "roles": "/Roles",
                "bindings": "/Bindings",
                "configuration": "/Configuration",
                "participant_conversations": "/ParticipantConversations",
            },
        ),
        create="friendly_name!",
        verbs=("create", "fetch", "list", "delete"),
    ),
    Mount(
        FACE,
        BINDING,
        f"{IN_SERVICE.prefix}/Bindings/{{sid}}",
        View(
            "sid account_sid chat_service_sid=service_sid credential_sid date_created date_updated endpoint identity "
            "binding_type message_types url"
        ),
        filters=(
            Field("binding_type", _BINDING_TYPES, "Only devices that these push services reach."),
            Field("identity", Listed(), "Only devices of these identities."),
        ),
        kinds={
            "message_types": RenamedList(
                NOTIFICATIONS, lambda name, value: errors.INVALID_PARAMETER(name=name, reason=value)
            )
        },
        verbs=("fetch", "list", "delete"),
    ),
    Mount(
        FACE,
        CREDENTIAL,
        "/Credentials/{sid}",
        View("sid account_sid friendly_name type sandbox date_created date_updated url"),
        create="type! friendly_name certificate private_key sandbox api_key secret key_id team_id bundle_id",
        update="type friendly_name certificate private_key sandbox api_key secret key_id team_id bundle_id",
    ),
)
