// bob uses one SDK on a bad network while a back end changes his room. Prints what he never came to know.

import assert from "node:assert/strict";
import { Checks, Person, Sdk, given, remove, rest, token } from "./official.mjs";

const TTL_SECONDS = 2;
const CHANGES = 60;
const LOST = 0.05;
const DOUBLED = 0.3;
const LONGEST_PAUSE = 200;

const { check, end } = new Checks();
let isBad = false;
let isUnwanted = () => false;

/** What arrives in place of a packet. The SDK asks again after a short time, so that losses are repaired soon. */
function arriving(text) {
  if (!text.startsWith("TWILSOCK")) return [text];
  if (!text.includes('"method":"notification"')) return [hastened(text)];
  if (isUnwanted(text) || (isBad && Math.random() < LOST)) return [];
  return isBad && Math.random() < DOUBLED ? [text, text] : [text];
}

function hastened(text) {
  return text.replace(/"ttl_in_s":(\d+)/, (all, seconds) => `"ttl_in_s":${String(TTL_SECONDS).padStart(seconds.length, " ")}`);
}

const bob = new Person(new Sdk(given.name, given.folder), "bob", {
  arriving,
  pause: () => (isBad ? Math.random() * LONGEST_PAUSE : 0),
});
const messages = `/Channels/${given.channel_sid}/Messages`;
const members = `/Channels/${given.channel_sid}/Members`;
let room;

const heardIndexes = () => bob.events.filter(({ name }) => name === "messageAdded").map(({ payload }) => payload.index);

await check("old messages are not announced at the start", async () => {
  await bob.connect(given.stack.sdk_url, token("bob"));
  room = await bob.channel(given.channel_sid);
  assert.equal((await room.getMessages(30)).items.length, 5);
  await rest(messages, { From: "alice", Body: "new" });
  await bob.hears("messageAdded 5");
  assert.doesNotMatch(bob.told(), /messageAdded/);
});

await check("a message whose push was lost before a later one came is announced within the time to live", async () => {
  isUnwanted = (text) => text.includes('"body":"lost"') || text.includes('"text":"lost"');
  await rest(messages, { From: "alice", Body: "lost" });
  await rest(messages, { From: "alice", Body: "later" });
  await bob.hears("messageAdded 7");
  isUnwanted = () => false;
  await bob.hears("messageAdded 6");
});

await check("after a bad time, the SDK has what is there", async () => {
  bob.forget();
  const loaded = await room.getMessages(100);
  assert.equal(loaded.items.length, 8);
  await room.getMembers();
  isBad = true;
  for (let number = 0; number < CHANGES; number += 1) await change(number);
  isBad = false;
  const there = (await rest(`${messages}?PageSize=100`)).messages.map(({ index, body }) => [index, body]);
  // An SDK announces no message that it has read before its push came. So nothing is read until the last one is announced.
  await bob.until("the last message", () => heardIndexes().includes(there.at(-1)[0]));
  const expected = JSON.stringify({ there, ...(await state()) });
  // An SDK announces no message that it came to know from a page. So nothing asks for a page before.
  await bob.until("the last message", () => heardIndexes().includes(there.at(-1)[0]));
  await bob.until("the same as is there", async () => JSON.stringify(await known()) === expected);
  // An addition that was edited or removed before it could be repaired may never have been announced, but none was twice.
  const heard = heardIndexes();
  assert.equal(new Set(heard).size, heard.length, `announced twice: ${heard}`);
});

async function change(number) {
  const made = await rest(messages, { From: "alice", Body: `number ${number}` });
  if (number % 4 === 1) await rest(`${messages}/${made.sid}`, { Body: `edited ${number}` });
  if (number % 6 === 3) await remove(`${messages}/${made.sid}`);
  if (number % 10 === 5) await rest(members, { Identity: `guest ${number}` });
  if (number % 20 === 15) await remove(`${members}/guest%20${number - 10}`);
  if (number % 15 === 7) await rest(`/Channels/${given.channel_sid}`, { FriendlyName: `name ${number}` });
  if (number % 12 === 11) await rest(`${members}/alice`, { LastConsumedMessageIndex: number });
}

async function state() {
  const people = (await rest(`${members}?PageSize=100`)).members;
  return {
    name: (await rest(`/Channels/${given.channel_sid}`)).friendly_name,
    members: people.map(({ identity, last_consumed_message_index: read }) => [identity, read ?? null]).sort(),
  };
}

async function known() {
  const page = await room.getMessages(100);
  const people = await room.getMembers();
  return {
    there: page.items.map(({ index, body }) => [index, body]),
    name: room.friendlyName,
    members: people.map(({ identity, lastConsumedMessageIndex: read }) => [identity, read ?? null]).sort(),
  };
}

end();
