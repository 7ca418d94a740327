"""`python -m tests.sdk.tick PLAN`: what a running stack does each minute, now: warn and close sockets whose tokens run out."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from local.emulators.engine import Endpoints
from local.process.functions import LoadedFunction
from local.process.plan import CONNECTIONS_PATH, Plan
from local.pump.pump import scheduled_event

FUNCTION = "FanOutFunction"


def tick(plan: Plan) -> None:
    """Call the function that looks at connections as its schedule calls it."""
    template = plan.bound()
    sockets = template.socket_api()
    os.environ |= Endpoints(plan.engine, plan.dynamodb, plan.ministack).environment()
    os.environ["AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"] = (
        f"{plan.rest_url}{CONNECTIONS_PATH}/{sockets.logical_id.lower()}/{sockets.stage}"
    )
    (schedule,) = [one for one in template.schedules() if one.function == FUNCTION]
    LoadedFunction(plan.functions(template)[FUNCTION]).invoke(scheduled_event(schedule, time.time()))


if __name__ == "__main__":
    tick(Plan.load(Path(sys.argv[1])))
