// Messages as events and objects, and pages of them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Message } from "../../clients/js/parley.js";
import { CH, added, edited, inChannels, listed, messageView, settled } from "./support.mjs";

describe("messages", () => {
  test("arrive as events of the client and of the channel, and move the last message", async () => {
    const { client, channel, tell, heard } = await inChannels(listed(CH, 3));
    const bodies = [];
    channel.on("messageAdded", (message) => bodies.push(message.body));
    await tell(added(CH, 4, 0));
    assert.deepEqual(heard(), ["messageAdded 0", "channelUpdated CH1 [lastMessage]"]);
    assert.deepEqual(bodies, ["body 0"]);
    assert.deepEqual(channel.lastMessage, { index: 0, dateCreated: new Date("2026-11-20T10:00:00Z") });
    await client.shutdown();
  });

  test("may arrive as several in one frame", async () => {
    const { client, tell, heard } = await inChannels(listed(CH, 3));
    await tell([added(CH, 4, 0), added(CH, 5, 1)]);
    assert.deepEqual(
      heard().filter((event) => event.startsWith("message")),
      ["messageAdded 0", "messageAdded 1"],
    );
    await client.shutdown();
  });

  for (const order of ["before", "after"]) {
    test(`may come in the frame of a reply, ${order} it, and again later`, async () => {
      const { server, client, channel, tell, heard } = await inChannels(listed(CH, 3));
      server.replies.sendMessage = undefined;
      const sending = channel.sendMessage("hello");
      await settled();
      const reply = { id: server.asked("sendMessage")[0].id, status: 201, result: messageView(1, 5) };
      const pushes = [added(CH, 4, 0), added(CH, 5, 1)];
      await tell(order === "before" ? [...pushes, reply] : [reply, ...pushes]);
      assert.equal(await sending, 1);
      await tell(added(CH, 5, 1), added(CH, 6, 2));
      assert.deepEqual(
        heard().filter((event) => event.startsWith("message")),
        ["messageAdded 0", "messageAdded 1", "messageAdded 2"],
      );
      await client.shutdown();
    });
  }

  test("are one object each, which shows edits", async () => {
    const { client, tell, heard } = await inChannels(listed(CH, 3));
    let message;
    let updates = 0;
    client.once("messageAdded", (news) => (message = news));
    await tell(added(CH, 4, 0));
    message.on("updated", ({ message: updated }) => (updates += updated === message));
    heard();
    await tell(edited(CH, 5, 0, "better"));
    assert.deepEqual(heard(), ["messageUpdated 0 [body]"]);
    assert.equal(message.body, "better");
    assert.equal(updates, 1);
    await client.shutdown();
  });

  test("do not show an older version because a reply comes late", async () => {
    const { server, client, channel, tell } = await inChannels(listed(CH, 3));
    await tell(added(CH, 4, 0), edited(CH, 5, 0, "better"));
    server.replies.listMessages = { messages: [messageView(0, 4)], next_anchor: null };
    assert.deepEqual(
      (await channel.getMessages()).items.map(({ body }) => body),
      ["better"],
    );
    await client.shutdown();
  });

  test("make the one before the last message when the last one is removed", async () => {
    const { client, channel, tell, heard } = await inChannels(listed(CH, 3));
    const removed = (seq, index, last_message_index) => ({
      event: "messageRemoved",
      channel_sid: CH,
      seq,
      message: { sid: `IM${index}`, index, seq },
      last_message_index,
    });
    await tell(added(CH, 4, 0));
    const first = channel.lastMessage.dateCreated;
    await tell(added(CH, 5, 1), added(CH, 6, 2));
    heard();
    await tell(removed(7, 1, 2));
    assert.deepEqual(heard(), ["messageRemoved 1"]);
    assert.equal(channel.lastMessage.index, 2);
    await tell(removed(8, 2, 0));
    assert.deepEqual(heard(), ["messageRemoved 2", "channelUpdated CH1 [lastMessage]"]);
    assert.deepEqual(channel.lastMessage, { index: 0, dateCreated: first });
    await tell(removed(9, 0, null));
    assert.equal(channel.lastMessage, null);
    await client.shutdown();
  });

  test("show what was known of them after their removal, and are left out of a late list", async () => {
    const { server, client, channel, tell, heard } = await inChannels(listed(CH, 3));
    const removed = [];
    channel.on("messageRemoved", (message) => removed.push(message.body));
    await tell(added(CH, 4, 0), {
      event: "messageRemoved",
      channel_sid: CH,
      seq: 5,
      message: { sid: "IM0", index: 0, seq: 5 },
    });
    assert.ok(heard().includes("messageRemoved 0"));
    assert.deepEqual(removed, ["body 0"]);
    server.replies.listMessages = { messages: [messageView(0, 4)], next_anchor: null };
    assert.deepEqual((await channel.getMessages()).items, []);
    await client.shutdown();
  });

  test("show their author, dates, type and media", async () => {
    const { client, tell } = await inChannels(listed(CH, 3));
    let message;
    client.once("messageAdded", (news) => (message = news));
    const media = { sid: "ME1", size: 12, content_type: "image/png", filename: "a.png" };
    await tell(added(CH, 4, 0, { type: "media", media, body: null, attributes: '{"a":1}', last_updated_by: "carol" }));
    assert.ok(message instanceof Message);
    const { sid, size, contentType, filename } = message.media;
    assert.deepEqual([sid, size, contentType, filename], ["ME1", 12, "image/png", "a.png"]);
    assert.deepEqual(
      [message.type, message.body, message.author, message.lastUpdatedBy],
      ["media", null, "bob", "carol"],
    );
    assert.deepEqual(message.attributes, { a: 1 });
    assert.equal(message.timestamp.getTime(), message.dateCreated.getTime());
    await client.shutdown();
  });

  test("that the user sends arrive as events too, once", async () => {
    const { server, client, channel, tell, heard } = await inChannels(listed(CH, 3));
    server.replies.sendMessage = messageView(0, 4, { from: "alice" });
    assert.equal(await channel.sendMessage("hi"), 0);
    assert.deepEqual(heard(), []);
    await tell({ ...added(CH, 4, 0, { from: "alice" }), request: "x" });
    assert.equal(heard()[0], "messageAdded 0");
    await client.shutdown();
  });

  test("are edited and removed through their object", async () => {
    const { server, client, tell } = await inChannels(listed(CH, 3));
    let message;
    client.once("messageAdded", (news) => (message = news));
    await tell(added(CH, 4, 0));
    server.replies.updateMessage = ({ body, attributes }) =>
      messageView(0, 5, { body: body ?? "body 0", attributes: JSON.stringify(attributes ?? {}) });
    await message.updateBody("better");
    assert.equal(message.body, "better");
    await message.updateAttributes({ a: 1 });
    assert.deepEqual(message.attributes, { a: 1 });
    server.replies.deleteMessage = null;
    await message.remove();
    assert.deepEqual(
      server.asked("deleteMessage").map((frame) => frame.message),
      ["IM0"],
    );
    await client.shutdown();
  });
});

describe("pages of messages", () => {
  const TOTAL = 10;

  async function withMessages(missing = [], newest = TOTAL - 1) {
    const made = await inChannels(listed(CH, 30, "joined", { last_message_index: newest }));
    const indexes = [...Array(TOTAL).keys()].filter((index) => !missing.includes(index));
    made.server.replies.listMessages = ({ order, anchor, page_size: size }) => {
      const ordered = order === "desc" ? [...indexes].reverse() : indexes;
      const from = ordered.filter(
        (index) => anchor === undefined || (order === "desc" ? index <= anchor : index >= anchor),
      );
      return {
        messages: from.slice(0, size).map((index) => messageView(index, index)),
        next_anchor: from[size] ?? null,
      };
    };
    return made;
  }
  const shown = (page) => [page.items.map(({ index }) => index), page.hasPrevPage, page.hasNextPage];

  test("are by default the last thirty, oldest first", async () => {
    const { server, client, channel } = await withMessages();
    assert.deepEqual(shown(await channel.getMessages()), [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], false, false]);
    const [{ order, page_size: size, anchor }] = server.asked("listMessages");
    assert.deepEqual([order, size, anchor], ["desc", 30, undefined]);
    await client.shutdown();
  });

  test("lead back to the first message and forth to the last", async () => {
    const { client, channel } = await withMessages();
    let page = await channel.getMessages(4);
    assert.deepEqual(shown(page), [[6, 7, 8, 9], true, false]);
    page = await page.prevPage();
    assert.deepEqual(shown(page), [[2, 3, 4, 5], true, true]);
    page = await page.prevPage();
    assert.deepEqual(shown(page), [[0, 1], false, true]);
    page = await page.nextPage();
    assert.deepEqual(shown(page), [[2, 3, 4, 5], true, true]);
    page = await page.nextPage();
    assert.deepEqual(shown(page), [[6, 7, 8, 9], true, false]);
    await client.shutdown();
  });

  test("end or begin at an index", async () => {
    const { client, channel } = await withMessages();
    assert.deepEqual(shown(await channel.getMessages(3, 5)), [[3, 4, 5], true, true]);
    assert.deepEqual(shown(await channel.getMessages(3, 9)), [[7, 8, 9], true, false]);
    assert.deepEqual(shown(await channel.getMessages(3, 5, "forward")), [[5, 6, 7], true, true]);
    assert.deepEqual(shown(await channel.getMessages(3, 0, "forward")), [[0, 1, 2], false, true]);
    assert.deepEqual(shown(await channel.getMessages(30, "end", "forward")), [[...Array(TOTAL).keys()], false, false]);
    await client.shutdown();
  });

  test("know of newer messages whose pushes have not come yet", async () => {
    const { server, client, channel } = await withMessages([], null);
    const older = await (await channel.getMessages(4)).prevPage();
    assert.deepEqual(shown(older), [[2, 3, 4, 5], true, true]);
    assert.deepEqual(shown(await channel.getMessages(3, 9)), [[7, 8, 9], true, false]);
    server.replies.sendMessage = messageView(10, 50);
    await channel.sendMessage("one more");
    assert.deepEqual(shown(await channel.getMessages(3, 9)), [[7, 8, 9], true, true]);
    await client.shutdown();
  });

  test("leave removed messages out and still lead to the next page", async () => {
    const { client, channel } = await withMessages([3, 4]);
    const page = await channel.getMessages(4);
    assert.deepEqual(shown(await page.prevPage()), [[0, 1, 2, 5], false, true]);
    await client.shutdown();
  });

  test("that do not exist are a RangeError", async () => {
    const { client, channel } = await withMessages();
    const page = await channel.getMessages();
    await assert.rejects(page.nextPage(), RangeError);
    await assert.rejects(page.prevPage(), RangeError);
    await client.shutdown();
  });
});
