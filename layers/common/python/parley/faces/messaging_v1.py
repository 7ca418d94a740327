"""Messaging v1 (https://www.twilio.com/docs/messaging/api): messaging services and the senders in them.

Twilio has more below a service, such as short codes. Parley offers what phones in conversations need.
"""

from __future__ import annotations

from parley.faces.kinds import AnyCase
from parley.faces.spec import Face, Mount, View
from parley.operations.context import Perspective
from parley.records import MESSAGING_SERVICE, SENDER

FACE = Face("messaging_v1", "/messaging/v1", perspective=Perspective("messaging", "account"))

_SETTINGS = (
    "inbound_request_url inbound_method fallback_url fallback_method status_callback sticky_sender mms_converter "
    "smart_encoding scan_message_content fallback_to_long_code area_code_geomatch validity_period "
    "synchronous_validation usecase use_inbound_webhook_on_number"
)

MOUNTS = (
    Mount(
        FACE,
        MESSAGING_SERVICE,
        "/Services/{sid}",
        View(
            f"sid account_sid friendly_name date_created date_updated {_SETTINGS} us_app_to_person_registered url",
            links={"phone_numbers": "/PhoneNumbers"},
        ),
        create=f"friendly_name! {_SETTINGS}",
        update=f"friendly_name {_SETTINGS}",
        kinds={name: AnyCase(MESSAGING_SERVICE.by_name[name].kind) for name in ("inbound_method", "fallback_method")},
        page_limits=(50, 1000),
    ),
    Mount(
        FACE,
        SENDER,
        "/Services/{messaging_service_sid}/PhoneNumbers/{sid}",
        View(
            "sid account_sid service_sid=messaging_service_sid date_created date_updated phone_number=address "
            "country_code capabilities url"
        ),
        create="phone_number_sid!",
        verbs=("create", "fetch", "list", "delete"),
        plural="phone_numbers",
        page_limits=(50, 1000),
    ),
)
