// Requests: their replies, time-outs, repetitions, and what a broken connection does to them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConnectionLostError, FrameTooLargeError, ParleyError, RequestTimeoutError } from "../../clients/js/parley.js";
import { SECOND, Refusal, connected, listed, messageView, outcomeOf, inRoom, settled, world } from "./support.mjs";

describe("a request", () => {
  test("is resolved with the result under its id", async () => {
    const { server, client } = await connected();
    server.replies.fetchUser = ({ identity }) => server.users[identity];
    const [bob, carol] = await Promise.all([client.getUserDescriptor("bob"), client.getUserDescriptor("carol")]);
    assert.deepEqual([bob.identity, carol.identity], ["bob", "carol"]);
    await client.shutdown();
  });

  test("is rejected with status, code and text of the server's error", async () => {
    const { server, client } = await connected();
    server.replies.fetchUser = new Refusal(404, 20404, "no such user");
    await assert.rejects(client.getUserDescriptor("nobody"), {
      name: "ParleyError",
      status: 404,
      code: 20404,
      message: "no such user",
    });
    await client.shutdown();
  });

  test("is rejected when there is no reply in thirty seconds, and the socket is checked", async () => {
    const { server, client, clock } = await connected();
    server.replies.fetchUser = undefined;
    const outcome = outcomeOf(client.getUserDescriptor("bob"));
    await clock.advance(29 * SECOND);
    assert.deepEqual(outcome, {});
    await clock.advance(SECOND);
    assert.ok(outcome.error instanceof RequestTimeoutError);
    assert.equal(server.socket.actions.at(-1), "ping");
    await client.shutdown();
  });

  test("that does not fit into a frame is rejected before it is sent", async () => {
    const { server, client } = await connected(inRoom);
    const channel = await client.getChannelBySid("CH1");
    const before = server.socket.sent.length;
    await assert.rejects(channel.sendMessage("ż".repeat(16_000)), FrameTooLargeError);
    assert.equal(server.socket.sent.length, before);
    server.replies.sendMessage = messageView(0, 1);
    await channel.sendMessage("ż".repeat(15_000));
    await client.shutdown();
  });

  test("is sent again, up to three times, when the server says that it came too fast", async () => {
    const { server, client, clock } = await connected();
    const refusals = [51002, 50063, 50074].map((code) => new Refusal(429, code));
    server.replies.fetchUser = () => refusals.shift() ?? server.users.bob;
    const outcome = outcomeOf(client.getUserDescriptor("bob"));
    await clock.advance(2.5 * SECOND);
    assert.equal(server.asked("fetchUser").length, 2);
    await clock.advance(5 * SECOND);
    assert.equal(outcome.value.identity, "bob");
    server.replies.fetchUser = new Refusal(429, 51002);
    const another = outcomeOf(client.getUserDescriptor("bob"));
    await clock.advance(20 * SECOND);
    assert.equal(another.error.code, 51002);
    assert.equal(server.asked("fetchUser").length, 8);
    await client.shutdown();
  });

  test("is not sent again after any other refusal", async () => {
    const { server, client } = await connected();
    server.replies.fetchUser = new Refusal(429, 50999);
    await assert.rejects(client.getUserDescriptor("bob"), { code: 50999 });
    assert.equal(server.asked("fetchUser").length, 1);
    await client.shutdown();
  });

  test("waits for the connection if it was not sent yet", async () => {
    const { server, client, clock } = await connected(inRoom);
    server.replies.createChannel = () => server.channels[0].channel;
    server.socket.break();
    const outcome = outcomeOf(client.createChannel({ uniqueName: "new" }));
    await settled();
    assert.deepEqual(outcome, {});
    await clock.advance(SECOND);
    assert.equal(outcome.value.sid, "CH1");
    await client.shutdown();
  });

  test("does not wait for the connection longer than thirty seconds", async () => {
    const { server, client, clock } = await connected();
    server.arrival = "hang";
    server.socket.break();
    const outcome = outcomeOf(client.createChannel({}));
    await clock.advance(30 * SECOND);
    assert.ok(outcome.error instanceof RequestTimeoutError);
    server.arrival = "open";
    await clock.advance(30 * SECOND);
    assert.equal(client.connectionState, "connected");
    assert.equal(server.asked("createChannel").length, 0);
    await client.shutdown();
  });

  test("that reads is repeated after the connection broke", async () => {
    const { server, client, clock } = await connected();
    server.replies.fetchUser = undefined;
    const outcome = outcomeOf(client.getUserDescriptor("bob"));
    await settled();
    server.replies.fetchUser = server.users.bob;
    server.socket.break();
    await clock.advance(SECOND);
    assert.equal(outcome.value.identity, "bob");
    await client.shutdown();
  });

  test("that sends a message is repeated with the same id, which is a UUID", async () => {
    const { server, client, clock } = await connected(inRoom);
    const channel = await client.getChannelBySid("CH1");
    server.replies.sendMessage = undefined;
    const outcome = outcomeOf(channel.sendMessage("hi", { mood: "good" }));
    await settled();
    server.replies.sendMessage = messageView(7, 1);
    server.socket.break();
    await clock.advance(SECOND);
    assert.equal(outcome.value, 7);
    const [first, second] = server.asked("sendMessage");
    assert.deepEqual(first, second);
    assert.match(first.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.deepEqual([first.channel, first.body, first.attributes], ["CH1", "hi", { mood: "good" }]);
    await client.shutdown();
  });

  test("that writes anything else fails if the connection breaks, for the server may have carried it out", async () => {
    const { server, client, clock } = await connected();
    const outcome = outcomeOf(client.createChannel({}));
    await settled();
    server.socket.break();
    await clock.advance(SECOND);
    assert.ok(outcome.error instanceof ConnectionLostError);
    assert.equal(server.asked("createChannel").length, 1);
    await client.shutdown();
  });

  test("that is refused because the connection is over is sent again over the next one", async () => {
    const { server, client, clock } = await connected();
    server.replies.createChannel = () => new Refusal(401, 51006);
    const outcome = outcomeOf(client.createChannel({}));
    await settled();
    server.replies.createChannel = () => listed("CH9", 0).channel;
    await clock.advance(SECOND);
    assert.equal(outcome.value.sid, "CH9");
    assert.equal(server.sockets.length, 2);
    await client.shutdown();
  });

  test("before initialize fails at once, and says why", async () => {
    const { client } = world();
    await assert.rejects(client.getUser("bob"), /not initialized/);
    await assert.rejects(client.getSubscribedChannels(), /not initialized/);
    await assert.rejects(client.getUserDescriptors(), /not initialized/);
    await client.shutdown();
  });

  test("after shutdown fails at once, and so do those that wait", async () => {
    const { server, client } = await connected();
    server.replies.fetchUser = undefined;
    const outcome = outcomeOf(client.getUserDescriptor("bob"));
    await settled();
    await client.shutdown();
    await settled();
    assert.ok(outcome.error instanceof ConnectionLostError);
    await assert.rejects(client.getUserDescriptor("bob"), ConnectionLostError);
  });

  test("that waits to be sent again fails at once with shutdown, and leaves no timer", async () => {
    const { server, client, clock } = await connected();
    server.replies.fetchUser = new Refusal(429, 51002);
    const outcome = outcomeOf(client.getUserDescriptor("bob"));
    await settled();
    await client.shutdown();
    await settled();
    assert.ok(outcome.error instanceof ConnectionLostError);
    assert.equal(clock.pending, 0);
  });
});

describe("messages that are sent without waiting", () => {
  test("are sent one after the other, in order, also if one is refused", async () => {
    const { server, client } = await connected(inRoom);
    const channel = await client.getChannelBySid("CH1");
    let underway = 0;
    let most = 0;
    server.replies.sendMessage = (frame, socket) => {
      underway += 1;
      most = Math.max(most, underway);
      setImmediate(() => {
        underway -= 1;
        const failed = { status: 400, error: { code: 50503, message: "refused" } };
        const done = { status: 201, result: messageView(Number(frame.body), 1) };
        socket.tell({ id: frame.id, ...(frame.body === "1" ? failed : done) });
      });
    };
    const sent = ["0", "1", "2"].map((body) => channel.sendMessage(body));
    const outcomes = await Promise.allSettled(sent);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual(
      server.asked("sendMessage").map(({ body }) => body),
      ["0", "1", "2"],
    );
    assert.equal(most, 1);
    await client.shutdown();
  });
});
