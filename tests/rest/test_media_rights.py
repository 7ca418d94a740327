"""Who may fetch a file: each person in each relation to it, by each way. To all others there is no file."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

import pytest

from local.template.template import Template
from tests.rest.files import PNG, Files
from tests.support.lean import LeanClient
from tests.support.world import World

# What a person sees who may fetch a file, and one who may not.
OPEN, CLOSED = "open", "closed"
PEOPLE = (
    *("uploader", "uploader who left", "uploader born again", "member", "invited", "ex-member", "stranger"),
    *("client of another service", "back end", "API key", "foreign account"),
)
ALWAYS = {"back end": OPEN, "API key": OPEN}
# The file: whether a message carries it, and in which channel. Who may fetch it then.
WHILE_UNSENT = {**ALWAYS, "uploader": OPEN, "uploader who left": OPEN}
ONCE_SENT = {**ALWAYS, "uploader": OPEN, "member": OPEN}
RELATIONS = {
    "unsent": WHILE_UNSENT,
    "unsent, of a back end": ALWAYS,
    "in a private channel": ONCE_SENT,
    "in a public channel": ONCE_SENT,
    "of a back end, in a private channel": ONCE_SENT,
}


class Stage(NamedTuple):
    """Files in every relation, by the uploader, and how each person asks."""

    files: Files
    records: dict[tuple[str, str], str]
    asks: dict[str, Callable[[str, str, bytes | None], int]]


@pytest.fixture(scope="module")
def stage(lean: LeanClient, template: Template) -> Stage:
    (table,) = template.tables()
    files = Files(World(lean, table.name))
    other, foreign = Files(files.world), Files(World(lean, table.name))
    tokens = {name: files.user(name) for name in ("una", "lea", "rebecca", "mia", "ivy", "xena", "sara")}
    channels = {
        relation: files.channel("una", "lea", "rebecca", "mia", "xena", Type=relation.split()[-2])
        for relation in RELATIONS
        if "channel" in relation
    }
    records: dict[tuple[str, str], str] = {}
    for relation in RELATIONS:
        for uploader in ("una", "lea", "rebecca"):
            sent = files.sent(PNG, token="" if "back end" in relation else tokens[uploader])
            if channel := channels.get(relation):
                files.attached(channel, sent)
            records[relation, uploader] = sent["sid"]
    for channel in channels.values():
        files.raw.post(f"{channel}/Invites", Identity="ivy")
        for left in ("lea", "xena"):
            assert files.raw("DELETE", f"{channel}/Members/{left}").status == 204
    # A new user with the same identity is another person.
    assert files.raw("DELETE", f"{files.chat}/Users/rebecca").status == 204
    tokens["rebecca"] = files.user("rebecca")
    # The uploader's identity in another service is somebody else.
    tokens["una elsewhere"] = other.user("una")

    def by(token: str) -> Callable[[str, str, bytes | None], int]:
        return lambda verb, path, body: files.ask(verb, path, body, token=token).status

    asks = {
        "uploader": by(tokens["una"]),
        "uploader who left": by(tokens["lea"]),
        "uploader born again": by(tokens["rebecca"]),
        "member": by(tokens["mia"]),
        "invited": by(tokens["ivy"]),
        "ex-member": by(tokens["xena"]),
        "stranger": by(tokens["sara"]),
        "client of another service": by(tokens["una elsewhere"]),
        "back end": by(""),
        "API key": lambda verb, path, body: files.ask(verb, path, body, credentials=files.key).status,
        "foreign account": lambda verb, path, body: foreign.raw(verb, files.path + path, body).status,
    }
    return Stage(files, records, asks)


def uploader_for(person: str) -> str:
    """Whose file a person asks for."""
    return {"uploader who left": "lea", "uploader born again": "rebecca"}.get(person, "una")


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("person", PEOPLE)
def test_a_file_is_there_for_those_who_may_fetch_it(stage: Stage, relation: str, person: str):
    sid = stage.records[relation, uploader_for(person)]
    ask = stage.asks[person]
    expected = RELATIONS[relation].get(person, CLOSED)
    found = {
        "record": ask("GET", f"/Media/{sid}", None),
        "head": ask("HEAD", f"/Media/{sid}", None),
        "content": ask("GET", f"/Media/{sid}/Content", None),
        "head of content": ask("HEAD", f"/Media/{sid}/Content", None),
    }
    opened = {"record": 200, "head": 200, "content": 307, "head of content": 307}
    assert found == (opened if expected == OPEN else dict.fromkeys(opened, 404))


@pytest.mark.parametrize(
    "person", [person for person in PEOPLE if person not in ("foreign account", "client of another service")]
)
def test_a_set_shows_the_files_that_a_person_may_fetch_and_no_other(stage: Stage, person: str):
    token = {"uploader": "una", "member": "mia", "stranger": "sara"}
    relations = list(RELATIONS)
    sids = [stage.records[relation, uploader_for(person)] for relation in relations]
    body = json.dumps({"command": "get", "list": [{"media_sid": sid} for sid in sids]}).encode()
    assert stage.asks[person]("POST", "/MediaSet", body) == 200
    if person not in token:
        return
    answer = stage.files.ask("POST", "/MediaSet", body, token=stage.files.token(token[person])).json
    assert [entry["code"] for entry in answer] == [
        200 if RELATIONS[relation].get(person) == OPEN else 404 for relation in relations
    ]


@pytest.mark.parametrize("person", ["foreign account", "client of another service"])
def test_a_set_of_a_foreign_service_is_not_found(stage: Stage, person: str):
    assert stage.asks[person]("POST", "/MediaSet", b'{"command":"get","list":[]}') == 404


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_temporary_link_lets_everybody_through(stage: Stage, relation: str):
    files = stage.files
    link = files.ask("GET", f"/Media/{stage.records[relation, 'una']}").json["links"]["content_direct_temporary"]
    assert files.followed(link, credentials=None)[:2] == (200, PNG)


def test_a_file_that_a_user_uploaded_is_not_that_of_a_back_end_and_not_the_other_way_round(stage: Stage):
    """`sender` stands for back ends, and may be somebody's identity too."""
    files = stage.files
    sender = files.user("sender")
    of_back_end = files.sent()
    assert of_back_end["author"] == "sender"
    assert files.ask("GET", of_back_end["url"], token=sender).status == 404
    own = files.sent(PNG, token=sender)
    assert files.ask("GET", own["url"], token=sender).status == 200


def test_a_deleted_user_fetches_nothing(stage: Stage):
    files = stage.files
    token = files.user("dora")
    sent = files.sent(PNG, token=token)
    assert files.raw("DELETE", f"{files.chat}/Users/dora").status == 204
    assert files.ask("GET", sent["url"], token=token).refusal()[:2] == (404, 50200)


def test_a_member_fetches_no_file_of_a_message_that_was_deleted(stage: Stage):
    files = stage.files
    token, sent = files.user("emma"), files.sent()
    channel = files.channel("emma")
    message = files.attached(channel, sent)
    assert files.ask("GET", sent["url"], token=token).status == 200
    assert files.raw("DELETE", f"{channel}/Messages/{message['sid']}").status == 204
    assert files.ask("GET", sent["url"], token=token).refusal()[:2] == (404, 20404)


def test_every_user_of_a_service_may_upload_whatever_its_role(stage: Stage):
    files = stage.files
    role = files.raw.post(f"{files.chat}/Roles", FriendlyName="bare", Type="deployment", Permission="joinChannel")
    token = files.user("fay")
    files.raw.post(f"{files.chat}/Users/fay", RoleSid=role["sid"])
    assert files.send(token=token).status == 201
    assert files.ticket(token=token).status == 201
