"""Files through the bundles of Twilio's JavaScript SDKs, on a page of another origin than Parley's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from local import npm
from local.home import REPOSITORY
from local.sdk.packages import BY_NAME
from local.stack.running import Stack
from tests.console.browser import installed_chromium, tab
from tests.console.web_server import serving
from tests.end_to_end.clients import access_token, helper_library

# alice sends a small Blob, and a file of 20 MB in a form; bob fetches both by their links.
SCENARIO = """async ({ place, url, tokens, channelSid }) => {
  const { parley } = await import('./twilio-sdk.js');
  const { Client } = window.Twilio[place];
  const isChat = place === 'Chat';
  const connected = async (token) => {
    if (Client.create) return Client.create(token, parley(url));
    const client = new Client(token, parley(url));
    await new Promise((resolve) => client.on('stateChanged', (state) => state === 'initialized' && resolve()));
    return client;
  };
  const find = (client) => (isChat ? client.getChannelBySid(channelSid) : client.getConversationBySid(channelSid));
  const [alice, bob] = [await connected(tokens.alice), await connected(tokens.bob)];
  const [room] = [await find(alice), await find(bob)];
  const heard = [];
  let tell = () => {};
  bob.on('messageAdded', (message) => tell(heard.push(message)));
  const digest = async (blob) => {
    const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
    return Array.from(bytes).join(' ');
  };
  const sent = async (what) => {
    const index = await room.sendMessage(what);
    for (;;) {
      const found = heard.find((message) => message.index === index);
      if (found) return found;
      await new Promise((resolve) => (tell = resolve));
    }
  };
  const received = async (message, file) => {
    const { media } = message;
    const response = await fetch(await media.getContentTemporaryUrl());
    const body = await response.blob();
    return [media.size, media.contentType, media.filename ?? null, body.type, (await digest(body)) === (await digest(file))];
  };
  const note = new Blob(['a note'], { type: 'text/plain' });
  const film = new File([new Uint8Array(20_000_000).map((_, at) => at % 251)], 'żółw.mp4', { type: 'video/mp4' });
  const form = new FormData();
  form.append('file', film);
  const answers = [];
  for (const [what, file] of [[{ contentType: 'text/plain', media: note }, note], [form, film]]) {
    answers.push(await received(await sent(what), file));
  }
  for (const client of [alice, bob]) await client.shutdown();
  return answers;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with installed_chromium("files in the bundles of Twilio's SDKs are") as running:
        yield running


@pytest.mark.parametrize("name", ["twilio-chat-4.0.0", "conversations-3.0.1"])
def test_a_page_of_another_origin_sends_and_fetches_files(
    browser: Browser, stack: Stack, tmp_path: Path, name: str
) -> None:
    package = BY_NAME[name]
    try:
        shutil.copy(package.fetch() / package.bundle, tmp_path / "bundle.js")
    except npm.NpmMissing:
        pytest.skip("npm is not installed, so files in the bundles of Twilio's SDKs are NOT tested")
    shutil.copy(REPOSITORY / "clients" / "js" / "twilio-sdk.js", tmp_path)
    (tmp_path / "index.html").write_text(
        "<!doctype html><link rel='icon' href='data:,'><script src='bundle.js'></script>"
    )
    services = helper_library(stack.info).chat.v2.services
    service = services.create(friendly_name="files")
    room = services(service.sid).channels.create(type="private")
    for identity in ("alice", "bob"):
        services(service.sid).channels(room.sid).members.create(identity=identity)
    given: dict[str, Any] = {
        "place": package.place,
        "url": stack.info["sdk_url"],
        "tokens": {identity: access_token(stack.info, service.sid, identity) for identity in ("alice", "bob")},
        "channelSid": room.sid,
    }
    problems: list[str] = []
    with serving(tmp_path) as url, tab(browser, problems) as page:
        page.goto(url)
        told = page.evaluate(SCENARIO, given)
    assert told == [
        [6, "text/plain", None, "text/plain", True],
        [20_000_000, "video/mp4", "żółw.mp4", "video/mp4", True],
    ]
    assert problems == []
