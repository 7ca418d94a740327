"""`python -m rehearsal SAM PYTHON`: deploys the build in `.aws-sam/rehearsal` to MiniStack, and plays the story on it.

SAM is the SAM CLI. PYTHON has MiniStack with SAM's translator, and is of the functions' version.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3

from cli.site import upload
from local.emulators.engine import free_port, wait_for_answer
from local.home import REPOSITORY
from local.process import processes
from rehearsal.adaptations import adapt
from rehearsal.story import tell

_BUILD = REPOSITORY / ".aws-sam" / "rehearsal"
_KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


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


def deploy(sam: str, template: Path, endpoint: str, folder: Path) -> None:
    """`sam deploy`, as anybody runs it, only with another endpoint."""
    command = [sam, "deploy", "--template-file", str(template), "--stack-name", "parley", "--resolve-s3"]
    command += ["--parameter-overrides", "Console=true"]
    command += [
        "--region",
        "us-east-1",
        "--capabilities",
        "CAPABILITY_IAM",
        "--no-confirm-changeset",
        "--no-progressbar",
    ]
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    environment = {**_without_aws(), **keys, "AWS_ENDPOINT_URL": endpoint, "SAM_CLI_TELEMETRY": "0"}
    # In a folder without samconfig.toml, and where it may leave its own files.
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(f"{done.stdout[-8000:]}\n{done.stderr[-4000:]}\nsam deploy failed")


def main(sam: str, python: str) -> None:
    """Deploy, play, and print what was changed and how long it took."""
    with tempfile.TemporaryDirectory(prefix="parley-rehearsal-") as name:
        folder = Path(name)
        with emulator(python, folder) as endpoint:
            template, reasons = adapt(_BUILD, endpoint)
            for reason in reasons:
                print(f"adapted: {reason}")
            started = time.monotonic()
            deploy(sam, template, endpoint, folder)
            deployed = time.monotonic()
            found = outputs(endpoint)
            secrets = boto3.client("secretsmanager", endpoint_url=endpoint, **_KEYS)
            auth_token = secrets.get_secret_value(SecretId=found["AuthTokenSecret"])["SecretString"]
            rest, sockets = (_address(endpoint, found[name]) for name in ("RestUrl", "SocketUrl"))
            tell(rest, sockets.replace("http", "ws", 1), found["AccountSid"], auth_token)
            count = upload(boto3.client("s3", endpoint_url=endpoint, **_KEYS), found)
            took = time.monotonic() - deployed
            print(f"deployed in {deployed - started:.1f} s; story and console ({count} files) took {took:.1f} s")


def outputs(endpoint: str) -> dict[str, str]:
    """The outputs of the stack."""
    (stack,) = boto3.client("cloudformation", endpoint_url=endpoint, **_KEYS).describe_stacks(StackName="parley")[
        "Stacks"
    ]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _address(endpoint: str, url: str) -> str:
    """Where the emulator serves what AWS serves at `url`."""
    host, stage = url.split("://")[1].split("/")
    return f"{endpoint}/_aws/execute-api/{host.split('.')[0]}/{stage}"


def _without_aws() -> dict[str, str]:
    # Nothing here may reach a real account.
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


if __name__ == "__main__":
    main(*sys.argv[1:3])
