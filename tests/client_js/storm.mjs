// alice writes, edits and removes while bob's connection breaks again and again and news of messages gets lost.
// Prints what bob was told, what he made of it, and what is there when he reads it all anew.

import { createRequire } from "node:module";
import { Client } from "../../clients/js/parley.js";
import { unreliable } from "../support/unreliable.mjs";

const MESSAGES = 60;
const CUT_EVERY = 9;
const LOSE_EVERY = 7;

const { WebSocket } = createRequire(`${process.env.NODE_MODULES}/`)("ws");
const { url, tokens } = JSON.parse(process.env.CONVERSATION);

let heard = 0;
let isLossy = true;

const Breakable = unreliable(WebSocket, {
  arriving: (text) => {
    if (JSON.parse(text).message === undefined) return [text];
    heard += 1;
    return isLossy && heard % LOSE_EVERY === 0 ? [] : [text];
  },
});

const alice = await Client.create(tokens.alice, { url, WebSocket });
// The breaks are many, and the pauses would grow.
const bob = await Client.create(tokens.bob, { url, WebSocket: Breakable, random: () => 0.1 });
const told = [];
const made = new Map();
const ended = new Promise((resolve) => {
  bob.on("messageAdded", (message) => {
    told.push(message.index);
    made.set(message.index, message.body);
    if (message.body === "the end") resolve();
  });
});
bob.on("messageUpdated", ({ message }) => made.set(message.index, message.body));
bob.on("messageRemoved", (message) => made.delete(message.index));
bob.on("channelRefetched", () => told.push("refetched"));

const room = await alice.createChannel({ uniqueName: "storm" });
await room.join();
await room.add("bob");
for (let number = 0; number < MESSAGES; number += 1) {
  await room.sendMessage(`number ${number}`);
  const { items } = await room.getMessages(4);
  if (number % 3 === 2) await items[0].updateBody(`${items[0].body}, edited at ${number}`);
  if (number % 5 === 4) await items[1].remove();
  if (number % CUT_EVERY === CUT_EVERY - 1) Breakable.sockets.at(-1).terminate();
}
isLossy = false;
await room.sendMessage("the end");
await ended;

const fetched = [];
let page = await (await bob.getChannelByUniqueName("storm")).getMessages(20);
for (;;) {
  fetched.unshift(...page.items.map(({ index, body }) => [index, body]));
  if (!page.hasPrevPage) break;
  page = await page.prevPage();
}
console.log(JSON.stringify({ told, made: [...made], fetched, sockets: Breakable.sockets.length }));
await Promise.all([alice.shutdown(), bob.shutdown()]);
