"""What AWS and Twilio charge: us-east-1, on demand, without free amounts, as published in November 2026.

Only the first tier of each price stands here. Larger ones are lower, so a large bill is an upper bound.
"""

from __future__ import annotations

from typing import NamedTuple

READ_ON = "November 2026"
GIGABYTE = 1 << 30
MILLION = 1_000_000

_GATEWAY = "https://aws.amazon.com/api-gateway/pricing/"
_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
_DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_SQS = "https://aws.amazon.com/sqs/pricing/"
_SNS = "https://aws.amazon.com/sns/pricing/"
_CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
_TRANSFER = "https://aws.amazon.com/ec2/pricing/on-demand/"
_S3 = "https://aws.amazon.com/s3/pricing/"
_SECRETS = "https://aws.amazon.com/secrets-manager/pricing/"


class Price(NamedTuple):
    """One price.

    Attributes:
        what: What is bought, as the page of costs says it.
        dollars: For one unit of `per`.
        per: "million", "GB", and so on.
        source: The page of the seller.
    """

    what: str
    dollars: float
    per: str
    source: str

    @property
    def each(self) -> float:
        """Dollars for one, where `per` is a million; for a byte, where it is a GB."""
        return self.dollars / {"million": MILLION, "GB": GIGABYTE}[self.per]


SOCKET_MESSAGE = Price("API Gateway, one message over a socket, in or out, per 32 KB", 1.00, "million", _GATEWAY)
SOCKET_MINUTE = Price("API Gateway, one minute of an open socket", 0.25, "million", _GATEWAY)
REST_REQUEST = Price("API Gateway, one REST request", 3.50, "million", _GATEWAY)
INVOCATION = Price("Lambda, one request", 0.20, "million", _LAMBDA)
GIGABYTE_SECOND = Price("Lambda (arm64), one GB-second", 13.3334, "million", _LAMBDA)
WRITE_UNIT = Price("DynamoDB, one write unit", 0.625, "million", _DYNAMODB)
READ_UNIT = Price("DynamoDB, one read unit", 0.125, "million", _DYNAMODB)
TABLE_STORAGE = Price("DynamoDB, storage", 0.25, "GB and month", _DYNAMODB)
TABLE_BACKUP = Price("DynamoDB, point-in-time recovery", 0.20, "GB and month", _DYNAMODB)
QUEUE_REQUEST = Price("SQS, one request to a FIFO queue, per 64 KB", 0.50, "million", _SQS)
PUSH = Price("SNS, one notification to a phone", 0.50, "million", _SNS)
LOG = Price("CloudWatch, logs taken in", 0.50, "GB", _CLOUDWATCH)
METRIC = Price("CloudWatch, one metric of Parley's own, while it is counted", 0.30, "month", _CLOUDWATCH)
TRANSFER = Price("traffic to the internet, after the first 100 GB of a month", 0.09, "GB", _TRANSFER)
S3_PUT = Price("S3, one PUT", 5.00, "million", _S3)
S3_GET = Price("S3, one GET or HEAD", 0.40, "million", _S3)
S3_STORAGE = Price("S3, storage", 0.023, "GB and month", _S3)
SECRET = Price("Secrets Manager, one secret", 0.40, "month", _SECRETS)

AWS = (
    SOCKET_MESSAGE,
    SOCKET_MINUTE,
    REST_REQUEST,
    INVOCATION,
    GIGABYTE_SECOND,
    WRITE_UNIT,
    READ_UNIT,
    TABLE_STORAGE,
    TABLE_BACKUP,
    QUEUE_REQUEST,
    PUSH,
    LOG,
    METRIC,
    TRANSFER,
    S3_PUT,
    S3_GET,
    S3_STORAGE,
    SECRET,
)

_AWS_TEXTS = "https://aws.amazon.com/end-user-messaging/pricing/"
_TWILIO_TEXTS = "https://www.twilio.com/en-us/sms/pricing/us"
OF_CARRIERS = (
    Price(
        "a text to the United States, each part of a long one, at Twilio; carriers' fees come on top",
        0.0083,
        "part",
        _TWILIO_TEXTS,
    ),
    Price(
        "a message of WhatsApp at AWS, in or out; what Meta asks comes on top (unconfirmed)",
        0.005,
        "message",
        _AWS_TEXTS,
    ),
)
"""Prices of texts, which come on top of all other prices. They are examples: AWS reports the price of each text."""

TWILIO = "https://www.twilio.com/en-us/messaging/pricing/conversations-api"
TWILIO_TIERS = ((200, 0.0), (5_000, 0.05), (10_000, 0.0475), (20_000, 0.045))
"""Dollars for each active user of a month, up to so many. Above the last tier, Twilio names a price on request."""


def twilio_fee(users: int) -> float:
    """What Twilio charges for so many active users of Conversations; above the last tier, as much as in it."""
    fee, below = 0.0, 0
    for upto, dollars in TWILIO_TIERS:
        fee += max(min(users, upto) - below, 0) * dollars
        below = upto
    return fee + max(users - below, 0) * TWILIO_TIERS[-1][1]
