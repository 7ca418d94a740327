"""Cold starts: the CPU time until a function has answered its first invocation, beside that of its libraries alone.

    python -m bench cold             (about a minute, loopback only; the first time it builds the layer)

Each function comes from the packaged layer and starts in a process of its own: imports, clients, and the answer to a
sample invocation of `events/`. AWS is a server on loopback that gives recorded answers at once. Processes of the
function take turns with two other kinds of processes. One kind only imports the libraries that the function imports.
The other kind only imports the libraries that functions in Python usually have: botocore's session, Powertools and
PyJWT, and for REST also FastAPI and Mangum. Most of Parley's functions start without botocore's session, so their ratio
to the second kind can be below 1.

CPU time is compared, from the first line of Python on. Lambda starts the interpreter before.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

from bench.figures import COUNT, RATIO, TIME, Figure, Findings
from bench.packaged import Packaged, packaged
from bench.sampled import Sampled, sampled
from local.home import REPOSITORY
from tests.support.fakes import NOON_MS

ROUNDS, QUICK_ROUNDS = 9, 1
# Each function with its first invocation, in an order in which each finds what it needs.
SAMPLES = {
    "rest_api": "rest_api",
    "ws_connect": "ws_connect",
    "ws_message": "ws_message",
    "fan_out": "fan_out_changes",
    "webhooks": "webhooks_changes",
    "push": "push_notifications",
    "carriers": "carriers_receipts",
    "ws_disconnect": "ws_disconnect",
}
_LIBRARIES = ["botocore.session", "aws_lambda_powertools", "aws_lambda_powertools.metrics", "jwt"]
_OF_REST = ["fastapi", "mangum"]
# Nobody waits for the function that works off the queue of notifications. It asks SNS through botocore.
_SMALL_GOAL, _GOALS = 1.10, {"rest_api": 1.25, "push": None}

_HEADINGS = ("Its libraries alone", "Ratio", "The usual libraries", "Ratio")
_WHY = (
    "botocore's session, 150 ms of what libraries took, is not imported: the function starts earlier, and less is left"
)

# It is noon on the day of the samples.
_STARTING = f"""
import time
began, began_cpu = time.perf_counter(), time.process_time()
import importlib.util, json, sys
import parley.clock
parley.clock.Clock.now_ms = lambda self: {NOON_MS}
specification = importlib.util.spec_from_file_location("app", sys.argv[1])
module = importlib.util.module_from_spec(specification)
specification.loader.exec_module(module)
ready, ready_cpu = set(sys.modules), time.process_time() - began_cpu
class Context:
    aws_request_id = "r"
    get_remaining_time_in_millis = staticmethod(lambda: 10_000)
with open(sys.argv[2]) as file:
    event = json.load(file)
answer = module.handler(event, Context())
taken = time.process_time() - began_cpu, time.perf_counter() - began
late = sorted(set(sys.modules) - ready)
print(json.dumps([*taken, sorted(sys.modules), late, taken[0] - ready_cpu, answer]), file=sys.stderr)
"""
_IMPORTING = """
import time
began, began_cpu = time.perf_counter(), time.process_time()
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # a name that a library gives to something else than a file
taken = time.process_time() - began_cpu, time.perf_counter() - began
import json
print(json.dumps(taken), file=sys.stderr)
"""


def measure(quick: bool) -> Findings:
    """Measure every function; `quick` takes one process of each kind."""
    package = packaged()
    findings = Findings(notes=[package.note] if package.note else [], about={"python": package.version})
    heading = ["Function", "CPU until the first answer", "of that, for the answer", *_HEADINGS, "Modules", "of Parley"]
    table = [heading]
    with sampled() as deployed:
        for function, sample in SAMPLES.items():
            starts = _Starts(package, deployed, function, sample)
            found = starts.compared(QUICK_ROUNDS if quick else ROUNDS)
            goal = _GOALS.get(function, _SMALL_GOAL)
            findings.figures += [
                Figure(
                    f"{function}: first answer, to the libraries it imports", found.to_own, "x", RATIO, goal, why=_WHY
                ),
                Figure(f"{function}: first answer, to the usual libraries", found.to_usual, "x", RATIO, goal),
                Figure(f"{function}: first answer, CPU", found.cpu_ms, "ms", TIME),
                Figure(
                    f"{function}: imported by the first invocation",
                    len(found.late.split()),
                    "modules",
                    COUNT,
                    0,
                    why=found.late,
                ),
            ]
            times = [
                f"{found.cpu_ms:.0f} ms",
                f"{found.answer_ms:.0f} ms",
                *_beside(found.own_ms, found.to_own),
                *_beside(found.usual_ms, found.to_usual),
            ]
            table.append([f"`{function}`", *times, str(found.modules), str(found.own_modules)])
    findings.tables["starts"] = table
    return findings


def _beside(milliseconds: float, ratio: float) -> tuple[str, str]:
    return f"{milliseconds:.0f} ms", f"{ratio:.2f}"


class _Found:
    """What the processes of one function took."""

    def __init__(self, rounds: list[tuple[list[Any], list[Any], list[Any]]]) -> None:
        self.cpu_ms, self.own_ms, self.usual_ms = (
            statistics.median(taken[0] for taken in kind) * 1000 for kind in zip(*rounds, strict=True)
        )
        self.answer_ms = statistics.median(ours[4] for ours, *_ in rounds) * 1000
        self.to_own = statistics.median(ours[0] / own[0] for ours, own, _ in rounds)
        self.to_usual = statistics.median(ours[0] / usual[0] for ours, _, usual in rounds)
        modules = rounds[0][0][2]
        self.modules = len(modules)
        self.late = " ".join(rounds[0][0][3])
        self.own_modules = sum(name.split(".")[0] == "parley" for name in modules)


class _Starts:
    """Starts one function, and its libraries, over and over."""

    def __init__(self, package: Packaged, deployed: Sampled, function: str, sample: str) -> None:
        self._package = package
        self._environment = {**deployed.of(function), "PYTHONPATH": str(package.folder)}
        self._aws = deployed.aws
        self._usual = _LIBRARIES + (_OF_REST if function == "rest_api" else [])
        app, event = REPOSITORY / "functions" / function / "app.py", REPOSITORY / "events" / f"{sample}.json"
        self._arguments = [str(app), str(event)]
        deployed.aws.record()
        *_, modules, _, _, answer = self._run(_STARTING, self._arguments)
        if answer.get("statusCode", 200) >= 300 or answer.get("batchItemFailures"):
            raise RuntimeError(f"{function} did not do what the sample asks: {answer}")
        ours = sys.stdlib_module_names | {"parley", "__main__"}
        self._own = [name for name in modules if name.partition(".")[0] not in ours]

    def compared(self, rounds: int) -> _Found:
        found = []
        for _ in range(rounds):
            self._aws.play()
            ours = self._run(_STARTING, self._arguments)
            found.append((ours, self._run(_IMPORTING, self._own), self._run(_IMPORTING, self._usual)))
        return _Found(found)

    def _run(self, program: str, arguments: list[str]) -> list[Any]:
        command = [self._package.python, "-c", program, *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"a process failed:\n{done.stdout}\n{done.stderr}")
        found: list[Any] = json.loads(done.stderr.splitlines()[-1])
        return found
