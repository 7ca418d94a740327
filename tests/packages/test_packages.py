"""The packages of both clients: what is in them, and that their quickstarts work in projects that have nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.home import REPOSITORY
from local.stack.running import Stack
from parley.version import VERSION
from tests.documents.blocks import blocks
from tests.end_to_end.clients import Socket, access_token, helper_library
from tests.support.node_packages import environment, find_node, install, run

CLIENTS = REPOSITORY / "clients"
PYTHON, JS = CLIENTS / "python", CLIENTS / "js"
LICENCE = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
MODULES = {f"parley_client/{path.name}" for path in (PYTHON / "parley_client").glob("*.py")} | {
    "parley_client/py.typed"
}
_BOT = """
import asyncio, sys

async def soon():
    await asyncio.wait_for(main(sys.argv[1], lambda: sys.argv[2]), 60)

asyncio.run(soon())
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel and the sdist, built without a network."""
    folder = tmp_path_factory.mktemp("built")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(PYTHON)])
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return built / f"parley_client-{VERSION}-py3-none-any.whl"


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What npm would publish."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, so the package for npm is NOT tested")
    folder = tmp_path_factory.mktemp("packed")
    run([npm, "pack", "--silent", "--pack-destination", str(folder), str(JS)])
    return folder / f"parley-client-{VERSION}.tgz"


def metadata(text: str) -> Message:
    return HeaderParser().parsestr(text)


def quickstart(readme: str, language: str) -> str:
    """The first block of a README in a language."""
    return next(block.text for block in blocks("README.md", readme) if block.language == language)


# What is in them.


def test_the_wheel_has_the_modules_the_types_the_licence_and_the_readme_and_nothing_else(wheel: Path) -> None:
    about = f"parley_client-{VERSION}.dist-info/"
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        said = metadata(packed.read(f"{about}METADATA").decode())
        assert packed.read(f"{about}licenses/LICENSE").decode() == LICENCE
    assert names == MODULES | {f"{about}{name}" for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")}
    assert (said["Name"], said["Version"], said["License-Expression"]) == ("parley-client", VERSION, "MIT")
    assert said.get_all("Requires-Dist") == ["websockets>=15"]
    assert said.get_payload() == (PYTHON / "README.md").read_text(encoding="utf-8")


def test_the_sdist_has_what_the_wheel_is_built_from_and_nothing_else(built: Path) -> None:
    with tarfile.open(built / f"parley_client-{VERSION}.tar.gz") as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    # hatchling adds the .gitignore by which it leaves files out, wherever that is.
    assert names == MODULES | {"PKG-INFO", "pyproject.toml", "README.md", "LICENSE", ".gitignore"}


def test_the_tarball_has_the_modules_the_types_the_licence_and_the_readme_and_nothing_else(tarball: Path) -> None:
    with tarfile.open(tarball) as packed:
        names = {name.removeprefix("package/") for name in packed.getnames()}
        licence = packed.extractfile("package/LICENSE")
        assert licence is not None and licence.read().decode() == LICENCE
    modules = {path.relative_to(JS).as_posix() for path in JS.rglob("*.js")}
    types = {path.relative_to(JS).as_posix() for path in JS.rglob("*.d.ts")}
    assert names == modules | types | {"package.json", "README.md", "LICENSE"}
    assert {"parley.js", "parley.d.ts", "twilio-sdk.js", "twilio-sdk.d.ts"} <= names


def test_the_service_and_both_clients_have_one_version() -> None:
    python = tomllib.loads((PYTHON / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    js = json.loads((JS / "package.json").read_text(encoding="utf-8"))
    assert (python["version"], js["version"]) == (VERSION, VERSION)
    assert (python["name"], js["name"]) == ("parley-client", "@parley/client")


def test_the_citation_has_what_a_citation_needs_and_no_version_of_its_own() -> None:
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert (citation["cff-version"], citation["license"], "version" in citation) == ("1.2.0", "MIT", False)
    assert all(set(author) == {"name"} for author in citation["authors"])


# Their quickstarts.


@pytest.fixture
def service_sid(stack: Stack) -> str:
    """A service whose channel `general` has bob in it; echo is invited."""
    service: Any = helper_library(stack.info).chat.v2.services.create(friendly_name="packages")
    general = helper_library(stack.info).chat.v2.services(service.sid).channels.create(unique_name="general")
    general.members.create(identity="bob")
    general.invites.create(identity="echo")
    return str(service.sid)


def test_the_wheel_is_installed_into_an_empty_project_and_its_quickstart_answers(
    stack: Stack, service_sid: str, wheel: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    pins = REPOSITORY / "requirements" / "cli.txt"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--constraint", str(pins)]
    done = subprocess.run([*command, str(wheel)], capture_output=True, text=True, timeout=180, check=False)
    if "No matching distribution found for websockets" in done.stderr:
        pytest.skip("the package index cannot be reached, so the wheel is NOT tested in an empty project")
    assert done.returncode == 0, done.stderr
    asked = "from importlib.metadata import metadata; print(metadata('parley-client').get_payload())"
    bot = tmp_path / "bot.py"
    bot.write_text(quickstart(run([str(python), "-I", "-c", asked]), "python") + _BOT)
    with Socket(stack.info, access_token(stack.info, service_sid, "bob")) as bob:
        tokens = access_token(stack.info, service_sid, "echo")
        program = subprocess.Popen(
            [str(python), "-I", str(bot), stack.info["ws_url"], tokens], env=environment(), cwd=tmp_path
        )
        try:
            bob.push("memberJoined", member={"identity": "echo"})
            bob.ask("sendMessage", channel="general", body="Hello")
            bob.push("messageAdded", message={"from": "echo", "body": "You said: Hello"})
        finally:
            program.terminate()
            program.wait()


def test_the_tarball_is_installed_into_an_empty_project_and_its_quickstart_sends(
    stack: Stack, service_sid: str, tarball: Path, tmp_path: Path
) -> None:
    node, _ = find_node("the package for npm is")
    modules = install(REPOSITORY / "tests" / "client_js", "client-js", "the package for npm is")
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    npm = shutil.which("npm") or "npm"
    run([npm, "install", "--offline", "--silent", "--prefix", str(tmp_path), str(tarball)])
    installed = tmp_path / "node_modules" / "@parley" / "client"
    assert {path.name for path in (tmp_path / "node_modules").iterdir()} == {"@parley", ".package-lock.json"}
    program = quickstart((installed / "README.md").read_text(encoding="utf-8"), "js").replace(
        "wss://…", stack.info["ws_url"]
    )
    # Node 20 has no WebSocket; the program's own one comes from a package.
    (tmp_path / "node_modules" / "ws").symlink_to(modules / "ws")
    (tmp_path / "chat.mjs").write_text(
        'import { WebSocket } from "ws";\nglobalThis.WebSocket ??= WebSocket;\n'
        f"const fetchToken = () => process.env.TOKEN;\n{program}\n"
        "console.log(page.items.map(({ author, body }) => `${author} ${body}`).join());\nawait client.shutdown();\n"
    )
    token = access_token(stack.info, service_sid, "alice")
    with Socket(stack.info, access_token(stack.info, service_sid, "bob")) as bob:
        printed = run([node, str(tmp_path / "chat.mjs")], TOKEN=token)
        bob.push("messageAdded", message={"from": "alice", "body": "Hello, bob", "attributes": '{"mood":"good"}'})
    assert "alice Hello, bob" in printed
    (tmp_path / "typed.mts").write_text(
        'import { Client, type Message } from "@parley/client";\nimport { parley } from "@parley/client/twilio-sdk";\n'
        "export const created: Promise<Client> = Client.create(async () => 'token', { url: 'wss://example.com' });\n"
        "export const body = (message: Message): string | null => message.body;\n"
        "export const uri: string = parley('wss://example.com').Twilsock.uri;\n"
    )
    options = [
        "--strict",
        "--noEmit",
        "--module",
        "nodenext",
        "--target",
        "es2022",
        "--lib",
        "es2022,dom",
    ]
    run([node, str(modules / "typescript" / "bin" / "tsc"), *options, str(tmp_path / "typed.mts")])
