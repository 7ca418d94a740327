"""`python -m rehearsal SAM PYTHON`: deploys the build in `.aws-sam/rehearsal` to MiniStack, talks to it and updates it.

SAM is the SAM CLI. PYTHON is a Python of the functions' version that has MiniStack and SAM's translator.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from cli.site import upload
from local.emulators.engine import free_port, wait_for_answer
from local.home import REPOSITORY
from local.process import processes
from rehearsal import guided
from rehearsal.adaptations import adapt
from rehearsal.story import remembered, tell

_PATIENCE_SECONDS = 30
_BUILD = REPOSITORY / ".aws-sam" / "rehearsal"


@contextmanager
def emulator(python: str, folder: Path) -> Iterator[str]:
    """MiniStack with all of its services; yields its address."""
    port = free_port()
    (folder / "tmp").mkdir()
    environment = {
        **_without_aws(),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "TMPDIR": str(folder / "tmp"),
        "LOG_LEVEL": "WARNING",
        # With the packages of SAM's translator it would listen on one more port.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{folder}/no-docker",
    }
    log = folder / "ministack.log"
    child = processes.spawn([python, "-m", "ministack"], log, environment)
    try:
        wait_for_answer(child, port, "/_ministack/health", log)
        yield f"http://127.0.0.1:{port}"
    except BaseException:
        print(log.read_text(encoding="utf-8", errors="replace")[-4000:], file=sys.stderr)
        raise
    finally:
        processes.stop(child, 5)


def deploy(sam: str, template: Path, endpoint: str, folder: Path, **parameters: str) -> float:
    """`sam deploy`, as anybody runs it, only with another endpoint; returns the seconds that it took."""
    command = [sam, "deploy", "--template-file", str(template), "--stack-name", "parley", "--resolve-s3"]
    command += [
        "--region",
        "us-east-1",
        "--capabilities",
        "CAPABILITY_IAM",
        "--no-confirm-changeset",
        "--no-progressbar",
    ]
    if parameters:
        command += ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    environment = {**_without_aws(), **keys, "AWS_ENDPOINT_URL": endpoint, "SAM_CLI_TELEMETRY": "0"}
    started = time.monotonic()
    # In a folder without samconfig.toml, and where it may leave its own files.
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{done.stdout[-8000:]}\n{done.stderr[-4000:]}\nsam deploy failed")
    return time.monotonic() - started


def main(sam: str, python: str) -> None:
    """Deploy, play, update, delete, adopt, and print what was changed and how long it took."""
    with tempfile.TemporaryDirectory(prefix="parley-rehearsal-") as name:
        folder = Path(name)
        (folder / "guide").mkdir()
        print(guided.rehearse(sam, _BUILD, folder / "guide", _without_aws()))
        with emulator(python, folder) as endpoint:
            template, reasons = adapt(_BUILD, endpoint)
            for reason in reasons:
                print(f"adapted: {reason}")
            # With phones from the start: the emulator cannot add them to a stack, because it forgets the ARNs of roles
            # when it updates a nested stack that has some.
            print(f"deployed with phones in {deploy(sam, template, endpoint, folder, Phones='true'):.1f} s")
            service_sid = talk(endpoint)
            text(endpoint)
            update(sam, template, endpoint, folder)
            adopt(sam, template, endpoint, folder, service_sid)


def talk(endpoint: str) -> str:
    """Play the story on the stack; returns the SID of the service."""
    started, found = time.monotonic(), outputs(endpoint)
    rest, sockets = (_address(endpoint, found[name]) for name in ("RestUrl", "SocketUrl"))
    auth_token = _secret(endpoint, found["AuthTokenSecret"])
    service_sid = tell(rest, sockets.replace("http", "ws", 1), found["AccountSid"], auth_token)
    print(f"two people talked over REST, sockets and a webhook in {time.monotonic() - started:.1f} s")
    return service_sid


def text(endpoint: str) -> None:
    """Publish what AWS publishes when a phone writes, and wait until the function has taken it out of the queue.

    Raises:
        RuntimeError: it stays there.
    """
    sqs, topic = _client("sqs", endpoint), outputs(endpoint)["TextsInboundTopicArn"]
    event = json.loads((REPOSITORY / "events/carriers_inbound.json").read_text())["Records"][0]["body"]
    started = time.monotonic()
    _client("sns", endpoint).publish(TopicArn=topic, Message=event)
    url = sqs.get_queue_url(QueueName="parley-CarrierInbound")["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    while any(int(n) for n in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()):
        if time.monotonic() > started + _PATIENCE_SECONDS:
            raise RuntimeError("carriers did not take what a phone wrote")
        time.sleep(0.1)
    print(f"carriers took what a phone wrote in {time.monotonic() - started:.1f} s")


def update(sam: str, template: Path, endpoint: str, folder: Path) -> None:
    """Deploy again with other parameters: the published version has the new settings, and the console appears.

    The parameter is one of those in the version's description. The emulator does not replace a layer when its
    description changes, so the others cannot be rehearsed.

    Raises:
        RuntimeError: the REST function goes on with its old settings.
    """
    before = outputs(endpoint)
    given = {"PhoneNumbers": "+14155550100", "Console": "true", "Phones": "true"}
    seconds = deploy(sam, template, endpoint, folder, **given)
    after = outputs(endpoint)
    if before["TableName"] != after["TableName"]:
        raise RuntimeError("the update replaced the table")
    stack = _client("cloudformation", endpoint).describe_stack_resource
    function = stack(StackName="parley", LogicalResourceId="RestApiFunction")["StackResourceDetail"][
        "PhysicalResourceId"
    ]
    live = _client("lambda", endpoint).get_function_configuration(FunctionName=function, Qualifier="live")
    settings = live["Environment"]["Variables"]
    if settings["PARLEY_PHONE_NUMBERS"] != "+14155550100":
        raise RuntimeError(f"the alias live still has the old settings: {settings}")
    count = upload(_client("s3", endpoint), after)
    print(
        f"updated in {seconds:.1f} s; the alias live has the new settings; {count} files of the console were uploaded"
    )


def adopt(sam: str, template: Path, endpoint: str, folder: Path, service_sid: str) -> None:
    """Delete the stack, and adopt the table that it leaves behind in a new one, as docs/deploying.md says.

    Raises:
        RuntimeError: the messages of the old stack are missing from the new one.
    """
    old = outputs(endpoint)
    secrets = {name: _secret(endpoint, old[name]) for name in ("AuthTokenSecret", "KeyRingSecret")}
    cloudformation = _client("cloudformation", endpoint)
    cloudformation.delete_stack(StackName="parley")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="parley", WaiterConfig={"Delay": 1})
    table = _client("dynamodb", endpoint).describe_table(TableName=old["TableName"])["Table"]
    given = {"TableName": old["TableName"], "TableStreamArn": table["LatestStreamArn"], "AccountSid": old["AccountSid"]}
    seconds = deploy(sam, template, endpoint, folder, **given)
    new = outputs(endpoint)
    for name, text in secrets.items():
        _client("secretsmanager", endpoint).put_secret_value(SecretId=new[name], SecretString=text)
    rest = _address(endpoint, new["RestUrl"])
    said = remembered(rest, old["AccountSid"], secrets["AuthTokenSecret"], service_sid)
    if said != ["Hello, bob", "Hello from REST"]:
        raise RuntimeError(f"the stack that adopted the table knows only {said}")
    print(f"deleted; a new stack adopted the table in {seconds:.1f} s and knows what was said")


def _client(service: str, endpoint: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", **keys)


def outputs(endpoint: str) -> dict[str, str]:
    """The outputs of the stack."""
    (stack,) = _client("cloudformation", endpoint).describe_stacks(StackName="parley")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _secret(endpoint: str, name: str) -> str:
    text: str = _client("secretsmanager", endpoint).get_secret_value(SecretId=name)["SecretString"]
    return text


def _address(endpoint: str, url: str) -> str:
    """Where the emulator serves what AWS serves at `url`."""
    host, stage = url.split("://")[1].split("/")
    return f"{endpoint}/_aws/execute-api/{host.split('.')[0]}/{stage}"


def _without_aws() -> dict[str, str]:
    # Nothing here may reach a real account.
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


if __name__ == "__main__":
    main(*sys.argv[1:3])
