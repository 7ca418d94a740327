// How the connections of one SDK end: by their tokens, and by too many of them. Prints what was not as it should be.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Checks, Person, Sdk, ask, given, refusal, token } from "./official.mjs";

const MOST_CONNECTIONS = 10;
const sdk = new Sdk(given.name, given.folder);
// The SDKs themselves leave the refusals of what they had under way uncaught.
const { check, end } = new Checks(/Unable to connect|disconnected|request timeout/);
const url = given.stack.sdk_url;
const keys = `/2010-04-01/Accounts/${given.stack.account_sid}/Keys`;
const ended = [];

/** The connection is over for good: nothing tries again. `ask` is done each time before it is looked at. */
async function isOver(person, state, ask = async () => {}) {
  await person.until(`the state ${state}`, async () => {
    await ask().catch(() => {});
    return person.client.connectionState === state;
  });
  ended.push(person);
}

const bad = { "an expired token": { seconds: -60 }, "a forged token": { secret: "wrong".repeat(8) } };
const refused = Object.entries(bad).map(([what, how]) =>
  check(what, async () => {
    const person = new Person(sdk, what);
    person.begin(url, token("bob", how));
    const { terminal } = await person.hears("connectionError");
    assert.equal(terminal, true);
    await isOver(person, "denied");
  }),
);

const foreign = check("a token of another service", async () => {
  const person = await new Person(sdk, "bob").connect(url, token("bob", { service: given.other_service_sid }));
  assert.ok(await refusal(person.client.getChannelBySid(given.channel_sid)));
  assert.ok(await refusal(person.client.getChannelByUniqueName("room")));
  assert.deepEqual((await person.client.getSubscribedChannels()).items, []);
  await person.shutdown();
});

const updated = check("an update with a token of somebody else", async () => {
  const person = await new Person(sdk, "bob").connect(url, token("bob"));
  assert.ok(await refusal(person.client.updateToken(token("alice"))));
  await isOver(person, "denied");
});

const over = check("tokens that run out, and a key that is revoked", async () => {
  const warned = await new Person(sdk, "alice").connect(url, token("alice", { seconds: 120 }));
  const late = await new Person(sdk, "bob").connect(url, token("bob"));
  const key = await ask("POST", `${keys}.json`, { FriendlyName: "revoked" });
  const revoked = await new Person(sdk, "carol").connect(url, token("carol", { key: key.sid, secret: key.secret }));
  // On a slow machine the token has expired when it arrives. Then it is refused.
  await late.until("a token that expires soon", () => late.client.updateToken(token("bob", { seconds: 2 })).then(() => true, () => false));
  const soon = Date.now() + 2000;
  await ask("DELETE", `${keys}/${key.sid}.json`);
  await late.until("the end of the token", () => Date.now() > soon);
  await promisify(execFile)(given.tick[0], given.tick.slice(1));
  await warned.hears("tokenAboutToExpire");
  await late.hears("tokenExpired");
  // Requests are refused from then on that the server reads the key anew.
  await isOver(revoked, "disconnected", () => revoked.client.getChannelByUniqueName("nothing like it"));
  await late.client.updateToken(token("bob"));
  await late.until("a connection", () => late.client.connectionState === "connected");
  await Promise.all([warned.shutdown(), late.shutdown()]);
});

const surplus = check("an eleventh device", async () => {
  const first = await new Person(sdk, "dora").connect(url, token("dora"));
  // Connections of one second count as equally old.
  const second = () => Math.floor(Date.now() / 1000);
  const opened = second();
  await first.until("another second", () => second() > opened);
  const devices = [];
  for (let number = 0; number < MOST_CONNECTIONS; number += 1) devices.push(await device());
  await isOver(first, "disconnected");
  devices.forEach((socket) => socket.terminate());
});

// They wait for different things, so they wait at the same time.
await Promise.all([...refused, foreign, updated, over, surplus]);

await check("nobody who was sent away came back", () => {
  for (const { identity, sockets } of ended) assert.equal(sockets.length, 1, identity);
});

/** A device without an SDK: a socket on which `init` was answered. */
function device() {
  const header = JSON.stringify({ method: "init", id: "TM1", token: token("dora"), payload_size: 0 });
  return new Promise((resolve, reject) => {
    const socket = new sdk.Sockets(url);
    socket.onopen = () => socket.send(`TWILSOCK V3.0 ${header.length}\r\n${header}\r\n`);
    socket.onmessage = () => resolve(socket);
    socket.onclose = reject;
  });
}

end();
