// Members, typing, users, bindings; and listeners, to whom all this is told.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ParleyError, RequestTimeoutError } from "../../clients/js/parley.js";
import {
  CH,
  Refusal,
  added,
  connected,
  inChannels,
  listed,
  member,
  memberView,
  messageView,
  outcomeOf,
  settled,
  userView,
} from "./support.mjs";

describe("members", () => {
  test("come, change and go as events, one object each", async () => {
    const { client, channel, tell, heard } = await inChannels(listed(CH, 3));
    const seen = [];
    channel.on("memberJoined", (bob) => {
      bob.on("updated", ({ updateReasons }) => seen.push(["updated", ...updateReasons]));
      seen.push(["joined", bob.identity, bob.channel === channel]);
    });
    channel.on("memberLeft", (bob) => seen.push(["left", bob.attributes]));
    await tell(member("memberJoined", 4), {
      ...member("memberUpdated", 5, "bob", { attributes: '{"a":1}' }),
      updateReasons: ["attributes"],
    });
    await tell({ event: "memberLeft", channel_sid: CH, seq: 6, member: { sid: "MB-bob", identity: "bob", seq: 6 } });
    assert.deepEqual(seen, [
      ["joined", "bob", true],
      ["updated", "attributes"],
      ["left", { a: 1 }],
    ]);
    assert.deepEqual(heard(), ["memberJoined bob", "memberUpdated bob [attributes]", "memberLeft bob"]);
    await client.shutdown();
  });

  test("who leave before the client knew them show what the push tells, and null", async () => {
    const { client, tell } = await inChannels(listed(CH, 3));
    const seen = [];
    client.on("memberLeft", (bob) => seen.push([bob.identity, bob.roleSid, bob.attributes]));
    await tell({ event: "memberLeft", channel_sid: CH, seq: 4, member: { sid: "MB-bob", identity: "bob", seq: 4 } });
    assert.deepEqual(seen, [["bob", null, {}]]);
    await client.shutdown();
  });

  test("are listed to the last page, without those who leave while it is read", async () => {
    const { server, client, channel, tell } = await inChannels(listed(CH, 3));
    await tell({ event: "memberLeft", channel_sid: CH, seq: 4, member: memberView("bob", 4) });
    server.replies.listMembers = ({ after }) =>
      after === undefined
        ? { members: [memberView("alice", 1), memberView("bob", 2)], next: "2" }
        : { members: [memberView("carol", 3)], next: null };
    assert.deepEqual(
      (await channel.getMembers()).map(({ identity }) => identity),
      ["alice", "carol"],
    );
    await client.shutdown();
  });

  test("without an identity are one object each, named by SID, and no users", async () => {
    const { server, client, channel, tell } = await inChannels(listed(CH, 3));
    const phones = ["one", "two"].map((name, seq) => memberView(name, seq + 1, { identity: null }));
    server.replies.listMembers = () => ({ members: phones, next: null });
    const [one, two] = await channel.getMembers();
    assert.deepEqual([one.sid, two.sid, one.identity], ["MB-one", "MB-two", null]);
    const asked = [];
    server.replies.updateMember = ({ identity }) => (asked.push(identity), { ...phones[0], seq: 3 });
    server.replies.removeMember = ({ identity }) => (asked.push(identity), null);
    await one.updateAttributes({ a: 1 });
    await two.remove();
    assert.deepEqual(asked, ["MB-one", "MB-two"]);
    await assert.rejects(one.getUser(), /no user/);
    assert.deepEqual((await channel.getUserDescriptors()).items, []);
    const left = [];
    channel.on("memberLeft", (member) => left.push(member === one));
    await tell({ event: "memberLeft", channel_sid: CH, seq: 4, member: { sid: "MB-one", seq: 4 } });
    assert.deepEqual(left, [true]);
    await client.shutdown();
  });

  test("are found by SID too", async () => {
    const { server, client, channel } = await inChannels(listed(CH, 3));
    server.replies.fetchMember = ({ identity }) => (identity === "MB-bob" ? memberView("bob", 2) : undefined);
    const bob = await channel.getMemberBySid("MB-bob");
    assert.equal(bob.identity, "bob");
    await client.shutdown();
  });

  test("are fetched as users page by page, without following them", async () => {
    const { server, client, channel, heard } = await inChannels(listed(CH, 3));
    server.replies.listMembers = ({ channel: sid, page_size: size, after }) => {
      assert.deepEqual([sid, size], [CH, 2]);
      return after === undefined
        ? { members: [memberView("alice", 1), memberView("bob", 2)], next: "2" }
        : { members: [memberView("carol", 3)], next: null };
    };
    server.replies.fetchUser = ({ identity }) => userView(identity, { friendly_name: identity.toUpperCase() });
    const page = await channel.getUserDescriptors(2);
    const names = ({ items }) => items.map(({ friendlyName }) => friendlyName);
    assert.deepEqual(names(page), ["ALICE", "BOB"]);
    const next = await page.nextPage();
    assert.deepEqual([names(next), next.hasNextPage], [["CAROL"], false]);
    assert.deepEqual(names(await next.prevPage()), ["ALICE", "BOB"]);
    assert.deepEqual(heard(), []);
    await client.shutdown();
  });

  test("whose user was deleted are left out of the descriptors, and any other failure is raised", async () => {
    const { server, client, channel } = await inChannels(listed(CH, 3));
    server.replies.listMembers = { members: [memberView("gone", 1), memberView("bob", 2)], next: null };
    let refusal = new Refusal(404, 50200);
    server.replies.fetchUser = ({ identity }) => (identity === "gone" ? refusal : userView(identity));
    const { items } = await channel.getUserDescriptors();
    assert.deepEqual(
      items.map(({ identity }) => identity),
      ["bob"],
    );
    refusal = new Refusal(500, 20500);
    await assert.rejects(channel.getUserDescriptors(), { code: 20500 });
    await client.shutdown();
  });

  test("are added, invited, removed and changed by requests", async () => {
    const { server, client, channel } = await inChannels(listed(CH, 3));
    server.replies.addMember = memberView("bob", 4);
    server.replies.inviteMember = {};
    server.replies.removeMember = null;
    server.replies.fetchMember = memberView("bob", 4);
    server.replies.updateMember = ({ attributes }) => memberView("bob", 5, { attributes: JSON.stringify(attributes) });
    await channel.add("bob", { a: 1 });
    await channel.invite("carol");
    const bob = await channel.getMemberByIdentity("bob");
    await bob.updateAttributes({ b: 2 });
    assert.deepEqual(bob.attributes, { b: 2 });
    await bob.remove();
    await channel.removeMember("carol");
    const asked = (action) => server.asked(action).map(({ channel: sid, identity }) => [sid, identity]);
    assert.deepEqual(asked("addMember"), [[CH, "bob"]]);
    assert.deepEqual(asked("inviteMember"), [[CH, "carol"]]);
    assert.deepEqual(asked("removeMember"), [
      [CH, "bob"],
      [CH, "carol"],
    ]);
    await client.shutdown();
  });
});

describe("typing", () => {
  const typing = (seconds = 5) => ({
    event: "typingStarted",
    channel_sid: CH,
    identity: "bob",
    typing_timeout: seconds,
  });

  async function withBob() {
    const made = await inChannels(listed(CH, 3));
    made.server.replies.fetchMember = memberView("bob", 2);
    return made;
  }

  test("ends if the channel is to be fetched again", async () => {
    const { server, client, clock, tell, heard } = await withBob();
    await tell(typing());
    server.catchUps[CH] = [{ status: "refetch", seq: 4711 }];
    await tell(added(CH, 4711, 9));
    await clock.advance(600);
    assert.deepEqual(heard(), ["typingStarted bob", "typingEnded bob", "channelRefetched CH1"]);
    await client.shutdown();
  });

  test("starts with the first push of it and ends when its time is over", async () => {
    const { client, clock, tell, heard } = await withBob();
    await tell(typing());
    await clock.advance(3000);
    await tell(typing());
    assert.deepEqual(heard(), ["typingStarted bob"]);
    await clock.advance(4000);
    assert.deepEqual(heard(), []);
    await clock.advance(1000);
    assert.deepEqual(heard(), ["typingEnded bob"]);
    await client.shutdown();
  });

  test("ends with a message of the same identity and not with another's", async () => {
    const { client, clock, channel, tell, heard } = await withBob();
    const states = [];
    channel.on("typingStarted", (bob) => states.push(bob.isTyping));
    channel.on("typingEnded", (bob) => states.push(bob.isTyping));
    await tell(typing(), added(CH, 4, 0, { from: "carol" }));
    assert.ok(!heard().includes("typingEnded bob"));
    await tell(added(CH, 5, 1, { from: "bob" }));
    assert.deepEqual(heard().slice(0, 2), ["typingEnded bob", "messageAdded 1"]);
    await clock.advance(10_000);
    assert.deepEqual(heard(), []);
    assert.deepEqual(states, [true, false]);
    await client.shutdown();
  });

  test("ends when the member leaves", async () => {
    const { client, tell, heard } = await withBob();
    await tell(typing());
    await tell({ event: "memberLeft", channel_sid: CH, seq: 4, member: memberView("bob", 4) });
    assert.deepEqual(heard(), ["typingStarted bob", "typingEnded bob", "memberLeft bob"]);
    await client.shutdown();
  });

  test("is not told if it ends before the member is fetched", async () => {
    const { server, client, tell, heard } = await withBob();
    server.replies.fetchMember = undefined;
    await tell(typing(), added(CH, 4, 0, { from: "bob" }));
    const [{ id }] = server.asked("fetchMember");
    await tell({ id, status: 200, result: memberView("bob", 2) });
    assert.deepEqual(heard(), ["messageAdded 0", "channelUpdated CH1 [lastMessage]"]);
    await client.shutdown();
  });

  test("is sent once in the time that the server names, and again after a message", async () => {
    const { server, client, clock, channel } = await withBob();
    server.replies.typing = { typing_timeout: 5 };
    server.replies.sendMessage = messageView(0, 4);
    await Promise.all([channel.typing(), channel.typing()]);
    await clock.advance(4999);
    await channel.typing();
    assert.equal(server.asked("typing").length, 1);
    await clock.advance(1);
    await channel.typing();
    assert.equal(server.asked("typing").length, 2);
    await channel.sendMessage("hi");
    await channel.typing();
    assert.equal(server.asked("typing").length, 3);
    await client.shutdown();
  });

  test("that is being sent holds a message back, for a second at most", async () => {
    const { server, client, clock, channel } = await withBob();
    server.replies.typing = undefined;
    server.replies.sendMessage = messageView(0, 4);
    for (const isAnswered of [true, false]) {
      const sent = server.asked("sendMessage").length;
      outcomeOf(channel.typing());
      const outcome = outcomeOf(channel.sendMessage("hi"));
      await clock.advance(999);
      assert.equal(server.asked("sendMessage").length, sent);
      const { id } = server.asked("typing").at(-1);
      if (isAnswered) server.socket.tell({ id, status: 200, result: { typing_timeout: 5 } });
      else await clock.advance(1);
      await settled();
      assert.equal(outcome.value, 0);
    }
    await client.shutdown();
    assert.equal(clock.pending, 0);
  });

  test("that the server refuses holds no message back", async () => {
    const { server, client, channel } = await withBob();
    server.replies.typing = new Refusal(403, 50400);
    server.replies.sendMessage = messageView(0, 4);
    const outcome = outcomeOf(channel.typing());
    assert.equal(await channel.sendMessage("hi"), 0);
    assert.equal(outcome.error.code, 50400);
    await client.shutdown();
  });

  test("is sent again at once if the server refused it", async () => {
    const { server, client, channel } = await withBob();
    server.replies.typing = new Refusal(403, 50400);
    await assert.rejects(channel.typing(), { code: 50400 });
    await assert.rejects(channel.typing(), { code: 50400 });
    assert.equal(server.asked("typing").length, 2);
    await client.shutdown();
  });
});

describe("users", () => {
  const updated = (identity, seq, members, updateReasons) => ({
    event: "userUpdated",
    user: userView(identity, { seq, ...members }),
    updateReasons,
  });

  test("include the client's own, kept up to date", async () => {
    const { server, client, tell, heard } = await inChannels();
    assert.equal(client.user.identity, "alice");
    await tell(updated("alice", 2, { friendly_name: "Alice" }, ["friendlyName"]));
    assert.deepEqual(heard(), ["userUpdated alice [friendlyName]"]);
    server.replies.updateUser = ({ friendly_name = "Alice", attributes = {} }) =>
      userView("alice", { seq: 3, friendly_name, attributes: JSON.stringify(attributes) });
    await client.user.updateFriendlyName("A.");
    assert.equal(client.user.friendlyName, "A.");
    await client.user.updateAttributes({ a: 1 });
    assert.deepEqual(client.user.attributes, { a: 1 });
    assert.equal(await client.getUser("alice"), client.user);
    await client.shutdown();
  });

  test("are followed once asked for, and their changes are told until unsubscribe", async () => {
    const { server, client, tell, heard } = await inChannels();
    server.replies.unfollowUsers = null;
    const bob = await client.getUser("bob");
    assert.equal(await client.getUser("bob"), bob);
    assert.equal(server.asked("followUsers").length, 1);
    assert.deepEqual(
      (await client.getSubscribedUsers()).map(({ identity }) => identity),
      ["alice", "bob"],
    );
    await tell(updated("bob", 2, { is_online: true }, ["online"]));
    assert.equal(bob.online, true);
    await bob.unsubscribe();
    await tell(updated("bob", 3, { is_online: false }, ["online"]));
    assert.deepEqual(heard(), ["userSubscribed bob", "userUpdated bob [online]", "userUnsubscribed bob"]);
    assert.equal(bob.isSubscribed, false);
    await client.shutdown();
  });

  test("have each change told once", async () => {
    const { client, tell, heard } = await inChannels();
    await client.getUser("bob");
    heard();
    const news = updated("bob", 2, { friendly_name: "Bob" }, ["friendlyName"]);
    await tell(news, news, updated("bob", 1, {}, ["friendlyName"]));
    assert.deepEqual(heard(), ["userUpdated bob [friendlyName]"]);
    await client.shutdown();
  });

  test("have changes of their presence told too, though these are no changes of the record", async () => {
    const { client, tell, heard } = await inChannels();
    await client.getUser("bob");
    heard();
    await tell(updated("bob", 1, { is_online: true }, ["online"]), updated("bob", 1, { is_online: true }, ["online"]));
    assert.deepEqual(heard(), ["userUpdated bob [online]"]);
    await client.shutdown();
  });

  test("make the one that was followed longest give way when there are over a hundred", async () => {
    const { server, client, heard } = await inChannels();
    for (let number = 0; number < 101; number += 1) {
      server.users[`user ${number}`] = userView(`user ${number}`);
      await client.getUser(`user ${number}`);
    }
    assert.deepEqual(
      heard().filter((event) => event.startsWith("userUnsubscribed")),
      ["userUnsubscribed user 0"],
    );
    assert.equal((await client.getSubscribedUsers()).length, 101);
    await client.shutdown();
  });

  test("are no longer followed if the server says that they gave way", async () => {
    const { server, client, heard } = await inChannels();
    const bob = await client.getUser("bob");
    server.replies.followUsers = { users: [userView("carol")], unfollowed: ["bob"] };
    await client.getUser("carol");
    assert.deepEqual(heard(), ["userSubscribed bob", "userUnsubscribed bob", "userSubscribed carol"]);
    assert.equal(bob.isSubscribed, false);
    await client.shutdown();
  });

  test("that are asked for at the same moment are followed ten to a request, one request after the other", async () => {
    const { server, client, tell } = await inChannels();
    server.replies.followUsers = undefined;
    const identities = [...Array(25).keys()].map((number) => `user ${number}`);
    const users = Promise.all([...identities, "user 0"].map((identity) => client.getUser(identity)));
    const answered = [];
    for (const [before, count] of [10, 10, 5].entries()) {
      await settled();
      assert.equal(server.asked("followUsers").length, before + 1);
      const { id, identities: asked } = server.asked("followUsers").at(-1);
      assert.equal(asked.length, count);
      answered.push(...asked);
      await tell({ id, status: 200, result: { users: asked.map((identity) => userView(identity)) } });
    }
    assert.deepEqual(answered, identities);
    assert.deepEqual(
      (await users).map(({ identity }) => identity),
      [...identities, "user 0"],
    );
    await client.shutdown();
  });

  test("that are asked for together are followed, except for the one that the server refuses", async () => {
    const { server, client } = await inChannels();
    const follow = server.replies.followUsers;
    server.replies.followUsers = (frame) => {
      if (frame.identities.includes("")) throw new Refusal(400, 50406);
      return follow(frame);
    };
    const outcomes = await Promise.allSettled(["bob", "", "carol", "nobody"].map((identity) => client.getUser(identity)));
    assert.deepEqual(
      outcomes.map(({ value, reason }) => value?.identity ?? reason.code),
      ["bob", 50406, "carol", 20404],
    );
    await client.shutdown();
  });

  test("that are asked for together all wait for the connection no longer than thirty seconds", async () => {
    const { server, client, clock } = await inChannels();
    server.arrival = "hang";
    server.socket.break();
    const outcomes = [...Array(25).keys()].map((number) => outcomeOf(client.getUser(`user ${number}`)));
    await clock.advance(31_000);
    assert.ok(outcomes.every(({ error }) => error instanceof RequestTimeoutError));
    await client.shutdown();
  });

  test("are followed and unfollowed by one request after the other", async () => {
    const { server, client } = await inChannels();
    const bob = await client.getUser("bob");
    server.replies.unfollowUsers = undefined;
    const leaving = bob.unsubscribe();
    const carol = client.getUser("carol");
    await settled();
    assert.equal(server.asked("followUsers").length, 1);
    server.socket.tell({ id: server.asked("unfollowUsers")[0].id, status: 200, result: null });
    await leaving;
    assert.equal((await carol).identity, "carol");
    await client.shutdown();
  });

  test("that do not exist are an error", async () => {
    const { client } = await inChannels();
    await assert.rejects(client.getUser("nobody"), (error) => error instanceof ParleyError && error.code === 20404);
    await client.shutdown();
  });

  test("can be fetched without following, one at a time or page by page", async () => {
    const { server, client, heard } = await inChannels();
    server.replies.fetchUser = userView("bob");
    server.replies.listUsers = { users: [userView("bob"), userView("carol")], next: null };
    assert.equal((await client.getUserDescriptor("bob")).isSubscribed, false);
    assert.deepEqual(
      (await client.getUserDescriptors()).items.map(({ identity }) => identity),
      ["bob", "carol"],
    );
    assert.deepEqual(heard(), []);
    await client.shutdown();
  });
});

describe("bindings", () => {
  test("are registered and removed", async () => {
    const { server, client } = await inChannels();
    server.replies.registerBinding = {
      sid: "BS1",
      binding_type: "fcm",
      endpoint: "e",
      identity: "alice",
      credential_sid: "CR1",
      message_types: [],
    };
    server.replies.removeBinding = null;
    const binding = await client.registerBinding({
      bindingType: "fcm",
      address: "device",
      messageTypes: ["newMessage"],
    });
    assert.equal(binding.sid, "BS1");
    const [{ binding_type: type, address, message_types: messageTypes }] = server.asked("registerBinding");
    assert.deepEqual([type, address, messageTypes], ["fcm", "device", ["newMessage"]]);
    await client.removeBinding("BS1");
    assert.equal(server.asked("removeBinding")[0].binding, "BS1");
    await client.shutdown();
  });
});

describe("listeners", () => {
  test("are called until they are removed, or once if they were added by once", async () => {
    const { client, tell } = await inChannels(listed(CH, 3));
    const calls = [];
    const listener = () => calls.push("on");
    const once = () => calls.push("once");
    client.on("messageAdded", listener).once("messageAdded", once).once("messageAdded", once).off("messageAdded", once);
    assert.equal(client.listenerCount("messageAdded"), 3);
    await tell(added(CH, 4), added(CH, 5));
    client.removeListener("messageAdded", listener);
    await tell(added(CH, 6));
    assert.deepEqual(calls, ["on", "once", "on"]);
    client.removeAllListeners("messageAdded");
    assert.equal(client.listenerCount("messageAdded"), 0);
    assert.throws(() => client.on("messageAdded", "no function"), TypeError);
    await client.shutdown();
  });

  test("that throw disturb neither the others nor the client, and their errors are uncaught", () => {
    const program = `
      import { added, connected, listed, settled } from "./support.mjs";
      const { server, client, events } = await connected({ channels: [listed("CH1", 3)] });
      process.on("uncaughtException", (error) => console.log("uncaught:", error.message));
      client.removeAllListeners("messageAdded");
      client.on("messageAdded", () => { throw new Error("a listener's own fault"); });
      client.on("messageAdded", (message) => console.log("told:", message.index));
      server.socket.tell(added("CH1", 4, 0));
      await settled();
      console.log("then:", events.join(", "));
      await client.shutdown();
    `;
    const done = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      cwd: fileURLToPath(new URL(".", import.meta.url)),
      encoding: "utf8",
    });
    assert.deepEqual(done.stdout.split("\n"), [
      "told: 0",
      "uncaught: a listener's own fault",
      "then: channelUpdated CH1 [lastMessage]",
      "",
    ]);
  });
});
