"""What every command has in common: options, exit statuses, JSON, completion, and one line for what a person can cause."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cli.main import parley as root
from local.home import REPOSITORY, Home, read_json, write_json
from local.stack.running import Stack
from parley.version import VERSION
from tests.cli.conftest import Run

COMMANDS = ["credentials", "token", "console", "doctor", "status", "logs", "webhooks", "push", "auth-token"]
COMMANDS += ["completion", "phones", "content"]
ON_A_SERVICE = [
    ["credentials"],
    ["token", "--identity", "alice"],
    ["console"],
    ["doctor"],
    ["status"],
    ["logs"],
    ["webhooks", "list"],
    ["webhooks", "replay"],
    ["push", "log", "--identity", "alice"],
    ["push", "test", "--identity", "alice"],
    ["auth-token", "rotate"],
    ["phones", "list"],
    ["phones", "enable", "+12025550143"],
    ["phones", "disable", "+12025550143"],
    ["phones", "doctor"],
    ["content", "list"],
    ["content", "fetch", f"HX{'0' * 32}"],
    ["content", "delete", f"HX{'0' * 32}"],
]


def test_there_are_these_commands():
    assert sorted(root.commands) == sorted(COMMANDS)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_says_what_a_command_does(parley: Run, name: str):
    ran = parley(*name.split(), "--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: parley {name}".rstrip())
    assert "--stack" in ran.out and "--json" in ran.out


def test_the_version_is_the_packages(parley: Run):
    assert parley("--version") == (0, f"parley {VERSION}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["webhooks"],
        ["webhooks", "nonsense"],
        ["token"],
        ["token", "--identity", "alice", "--ttl", "soon"],
        ["token", "--identity", "alice", "--ttl", "59"],
        ["token", "--identity", "alice", "--ttl", "2d"],
        ["token", "--identity", ""],
        ["push"],
        ["push", "log"],
        ["push", "test", "--identity", ""],
        ["push", "log", "--identity", "alice", "--since", "8d"],
        ["token", "--identity", "a" * 257],
        ["auth-token", "rotate", "--sign-in", "5m"],
        ["auth-token", "rotate", "--now"],
        ["content"],
        ["content", "put"],
        ["content", "put", "no such file"],
        ["content", "fetch", "HX1"],
        ["content", "delete", f"IM{'0' * 32}"],
        ["phones"],
        ["phones", "enable"],
        ["phones", "enable", "0171"],
        ["phones", "enable", "+12025550143", "--service", "IS00000000000000000000000000000000"],
        ["phones", "disable", "someone@example.com"],
        ["completion", "powershell"],
        ["status", "--unknown"],
    ],
    ids=" ".join,
)
def test_a_command_that_is_written_wrongly_gets_the_usage_and_status_2(parley: Run, arguments: list[str]):
    ran = parley(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert "Usage: parley" in ran.err


@pytest.mark.parametrize("arguments", ON_A_SERVICE, ids=" ".join)
def test_if_nothing_runs_one_line_says_so(
    parley: Run, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path))
    line = "parley: nothing runs here: start `make run`, or name a stack with --stack\n"
    assert parley(*arguments) == (1, "", line)


def test_if_the_service_was_killed_one_line_says_so(parley: Run, stack: Stack, altered: Callable[..., None]):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    altered(stack, pid=ended.pid)
    ran = parley("credentials")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.endswith("names a service that has died: start `make run` again\n") and ran.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["token", "--identity", "alice"], ["status"]], ids=" ".join)
def test_if_nothing_listens_on_the_port_one_line_says_so(
    parley: Run, stack: Stack, altered: Callable[..., None], arguments: list[str]
):
    altered(stack, rest_url=closed_url())
    ran = parley(*arguments)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("parley: nothing answers at http://127.0.0.1:") and ran.err.count("\n") == 1


def closed_url() -> str:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_the_home_is_found_from_a_folder_below_it(
    parley: Run, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home = Home(tmp_path / ".parley")
    home.create()
    write_json(home.info, stack.info)
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.delenv("PARLEY_HOME", raising=False)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert parley("credentials", "--json").json["rest_url"] == stack.info["rest_url"]


# AWS


class Refusing(BaseHTTPRequestHandler):
    """AWS, as it answers to credentials that it does not take."""

    code = ""

    def do_POST(self) -> None:
        status = 400 if self.code == "ValidationError" else 403
        body = (
            f"<ErrorResponse><Error><Code>{self.code}</Code><Message>said so</Message></Error></ErrorResponse>".encode()
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def aws_refuses(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Has AWS refuse everything with a code."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    aws_at(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    yield lambda code: monkeypatch.setattr(Refusing, "code", code)
    server.shutdown()
    server.server_close()


def aws_at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Have AWS be somewhere, with credentials for it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


DEPLOYED = ("--stack", "chat", "--region", "eu-west-1")


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("ExpiredToken", "the AWS credentials have expired: sign in again, for example with `aws sso login`"),
        (
            "InvalidClientTokenId",
            "AWS does not know these credentials: check the profile (--profile) and the clock of this machine",
        ),
        ("AccessDenied", "AWS does not allow DescribeStacks with these credentials: said so"),
        (
            "ValidationError",
            "there is no stack chat in eu-west-1: --region names another Region, `aws cloudformation list-stacks` "
            "shows its stacks",
        ),
        ("Surprise", "AWS refused DescribeStacks (Surprise): said so"),
    ],
)
def test_a_refusal_of_aws_is_one_line(parley: Run, aws_refuses: Callable[[str], None], code: str, line: str):
    aws_refuses(code)
    assert parley(*DEPLOYED, "status") == (1, "", f"parley: {line}\n")


def test_if_aws_cannot_be_reached_one_line_says_so(parley: Run, monkeypatch: pytest.MonkeyPatch):
    url = closed_url()
    aws_at(monkeypatch, url)
    line = f"parley: AWS cannot be reached at {url}: check the Region and the network\n"
    assert parley(*DEPLOYED, "status") == (1, "", line)


def test_an_emulator_that_cannot_be_reached_is_not_called_aws(
    parley: Run, stack: Stack, altered: Callable[..., None], tmp_path: Path
):
    altered(stack)
    url = closed_url()
    plan = tmp_path / "altered" / "plan.json"
    write_json(plan, {**read_json(plan), "ministack": url})
    line = f"parley: nothing answers at {url}: stop `make run` and start it again\n"
    assert parley("webhooks", "list") == (1, "", line)


def test_missing_credentials_a_missing_region_and_an_unknown_profile_are_reported(
    parley: Run, monkeypatch: pytest.MonkeyPatch
):
    aws_at(monkeypatch, closed_url())
    line = "parley: the AWS Region is not known: name it with --region\n"
    assert parley("--stack", "chat", "status") == (1, "", line)
    line = "parley: there is no AWS profile nobody: `aws configure list-profiles` shows all\n"
    assert parley(*DEPLOYED, "--profile", "nobody", "status") == (1, "", line)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    line = "parley: there are no AWS credentials: name a profile with --profile, or run `aws configure`\n"
    assert parley(*DEPLOYED, "status") == (1, "", line)


def test_the_options_may_stand_before_the_command_or_after_it(parley: Run, aws_refuses: Callable[[str], None]):
    aws_refuses("AccessDenied")
    ran = parley(*DEPLOYED, "webhooks", "list")
    assert ran.status == 1 and "DescribeStacks" in ran.err
    assert parley("webhooks", "list", *DEPLOYED) == ran
    assert parley("webhooks", *DEPLOYED, "list") == ran


def test_a_stack_may_be_named_by_the_environment(
    parley: Run, aws_refuses: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
):
    aws_refuses("ValidationError")
    monkeypatch.setenv("PARLEY_STACK", "named")
    assert "there is no stack named in eu-west-1" in parley("status", "--region", "eu-west-1").err
    assert "there is no stack chat in eu-west-1" in parley(*DEPLOYED, "status").err


def test_a_profile_that_is_set_for_aws_does_not_matter_to_a_local_stack(
    parley: Run, local: Stack, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert parley("webhooks", "list").status == 0


# Output


@pytest.mark.parametrize(
    "arguments",
    [
        ["credentials"],
        ["console"],
        ["status"],
        ["doctor"],
    ],
    ids=" ".join,
)
def test_json_is_one_document(parley: Run, local: Stack, arguments: list[str]):
    ran = parley(*arguments, "--json")
    assert (ran.status, ran.err) == (0, "")
    assert isinstance(ran.json, dict)
    assert parley("--json", *arguments).json.keys() == ran.json.keys()


def test_output_that_is_piped_has_no_colours_and_no_line_is_cut(local: Stack):
    """Everything on one line stays there, whatever the terminal's width is."""
    environment = {**os.environ, "PARLEY_HOME": str(local.home.path), "COLUMNS": "20", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "cli"]
    for arguments in (["status"], ["credentials"], ["logs"]):
        ran = subprocess.run([*command, *arguments], cwd=REPOSITORY, env=environment, capture_output=True, text=True)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "\x1b" not in ran.stdout
        if arguments != ["logs"]:
            assert local.info["rest_url"] in ran.stdout
        assert not any(line != line.rstrip() for line in ran.stdout.splitlines() if arguments != ["logs"])


def test_a_reader_that_has_had_enough_ends_the_command_without_a_word(local: Stack):
    script = f"{sys.executable} -m cli logs --since 1d | head -n 1"
    environment = {**os.environ, "PARLEY_HOME": str(local.home.path)}
    ran = subprocess.run(["sh", "-c", script], cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert ran.stderr == "" and ran.stdout.count("\n") == 1


# Completion


def completed(words: str) -> list[str]:
    environment = {**os.environ, "_PARLEY_COMPLETE": "bash_complete", "COMP_WORDS": words}
    environment["COMP_CWORD"] = str(len(words.split(" ")) - 1)
    ran = subprocess.run(
        [sys.executable, "-m", "cli"], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    return [line.removeprefix("plain,") for line in ran.stdout.splitlines()]


def test_a_shell_completes_commands_and_options():
    assert completed("parley auth") == ["auth-token"]
    assert completed("parley webhooks ") == ["list", "replay"]
    assert completed("parley token --id") == ["--identity"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_printed(parley: Run, shell: str):
    ran = parley("completion", shell)
    assert (ran.status, ran.err) == (0, "")
    assert "_PARLEY_COMPLETE" in ran.out and "parley" in ran.out
    if program := shutil.which(shell):
        checked = subprocess.run([program, "-n"], input=ran.out, text=True, capture_output=True)
        assert (checked.returncode, checked.stderr) == (0, "")


# The package


def test_json_never_shows_a_secret_that_was_not_asked_for(parley: Run, local: Stack):
    for arguments in (["credentials"], ["status"], ["doctor"]):
        assert local.info["auth_token"] not in json.dumps(parley(*arguments, "--json").json)
