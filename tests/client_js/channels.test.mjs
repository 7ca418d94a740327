// Channels: joining, invitations, leaving, what they show, and how far one has read.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CH, Refusal, added, channelView, inChannels, listed, member, membership, memberView } from "./support.mjs";

describe("joining", () => {
  test("is done when join resolves, and told once", async () => {
    const { server, client, tell, heard } = await inChannels();
    server.replies.fetchChannel = channelView(CH, 4);
    const channel = await client.getChannelByUniqueName("ch1");
    assert.equal(channel.status, "notParticipating");
    server.replies.joinChannel = memberView("alice", 5);
    assert.equal(await channel.join(), channel);
    assert.equal(channel.status, "joined");
    await tell(member("memberJoined", 5, "alice"), membership("channelJoined", 5));
    assert.deepEqual(heard(), ["channelJoined CH1", "channelUpdated CH1 [status]", "memberJoined alice"]);
    await tell(added(CH, 6));
    assert.equal(heard()[0], "messageAdded 6");
    await client.shutdown();
  });

  test("because somebody adds the user is told, with the pushes that came before it", async () => {
    const { client, tell, heard } = await inChannels();
    await tell(member("memberJoined", 5, "alice"), added(CH, 6), membership("channelJoined", 5));
    assert.deepEqual(heard(), [
      "channelJoined CH1",
      "channelUpdated CH1 [status]",
      "memberJoined alice",
      "messageAdded 6",
      "channelUpdated CH1 [lastMessage]",
    ]);
    await client.shutdown();
  });

  test("tells nothing from before the membership", async () => {
    const { client, tell, heard } = await inChannels();
    await tell(added(CH, 4), membership("channelJoined", 5));
    assert.deepEqual(heard(), ["channelJoined CH1", "channelUpdated CH1 [status]"]);
    await client.shutdown();
  });

  test("is not told again when its push is repeated", async () => {
    const { client, tell, heard } = await inChannels(listed(CH, 5));
    await tell(membership("channelJoined", 5), membership("channelJoined", 4));
    assert.deepEqual(heard(), []);
    await client.shutdown();
  });
});

describe("an invitation", () => {
  test("is told, and joining accepts it", async () => {
    const { server, client, tell, heard } = await inChannels();
    await tell(membership("channelInvited", 5));
    assert.deepEqual(heard(), ["channelInvited CH1", "channelUpdated CH1 [status]"]);
    const { items } = await client.getSubscribedChannels();
    assert.equal(items[0].status, "invited");
    server.replies.acceptInvitation = memberView("alice", 6);
    await items[0].join({ colour: "red" });
    assert.deepEqual(
      server.asked("acceptInvitation").map((frame) => frame.attributes),
      [{ colour: "red" }],
    );
    assert.equal(items[0].status, "joined");
    await client.shutdown();
  });

  test("can be declined", async () => {
    const { server, client, channel, tell, heard } = await inChannels(listed(CH, 5, "invited"));
    server.replies.declineInvitation = null;
    await channel.decline();
    await tell({ event: "channelLeft", channel_sid: CH, seq: 6, channel: channelView(CH, 6), invite: {} });
    assert.deepEqual(heard(), ["channelLeft CH1", "channelUpdated CH1 [status]"]);
    await client.shutdown();
  });

  test("makes changes of the channel heard", async () => {
    const { client, tell, heard } = await inChannels(listed(CH, 5, "invited"));
    const update = { event: "channelUpdated", channel_sid: CH, seq: 6, updateReasons: ["friendlyName"] };
    await tell(
      { ...update, channel: channelView(CH, 6, { friendly_name: "new" }) },
      { ...update, channel: channelView(CH, 6) },
    );
    assert.deepEqual(heard(), ["channelUpdated CH1 [friendlyName]"]);
    await client.shutdown();
  });
});

describe("a conversation", () => {
  test("is active until the server says that it is in another state", async () => {
    const { client, channel, tell, heard } = await inChannels(listed(CH, 5));
    const update = { event: "channelUpdated", channel_sid: CH, updateReasons: ["state"] };
    const states = [channel.state];
    for (const [seq, state] of [
      [6, "inactive"],
      [7, "closed"],
    ]) {
      await tell({ ...update, seq, channel: channelView(CH, seq, { state }) });
      states.push(channel.state);
    }
    assert.deepEqual(states, ["active", "inactive", "closed"]);
    assert.deepEqual(heard(), ["channelUpdated CH1 [state]", "channelUpdated CH1 [state]"]);
    await client.shutdown();
  });

  test("that is closed refuses messages with 50377", async () => {
    const { server, client, channel } = await inChannels(listed(CH, 5));
    server.replies.sendMessage = new Refusal(400, 50377, "Conversation is closed");
    await assert.rejects(channel.sendMessage("too late"), { name: "ParleyError", status: 400, code: 50377 });
    assert.equal(server.asked("sendMessage").length, 1);
    await client.shutdown();
  });
});

describe("leaving", () => {
  test("is done when leave resolves, and told once", async () => {
    const { server, client, channel, tell, heard } = await inChannels(listed(CH, 3));
    server.replies.leaveChannel = null;
    await channel.leave();
    assert.equal(channel.status, "notParticipating");
    await tell(membership("channelLeft", 4), added(CH, 5));
    assert.deepEqual(heard(), ["channelLeft CH1", "channelUpdated CH1 [status]"]);
    assert.deepEqual((await client.getSubscribedChannels()).items, []);
    await client.shutdown();
  });

  test("a private channel removes it from what the user can see", async () => {
    const { client, channel, tell, heard } = await inChannels(listed(CH, 3));
    const removed = [];
    channel.on("removed", ({ sid }) => removed.push(sid));
    await tell(membership("channelLeft", 4), membership("channelRemoved", 4));
    assert.deepEqual(heard(), ["channelLeft CH1", "channelUpdated CH1 [status]", "channelRemoved CH1"]);
    assert.deepEqual(removed, ["CH1"]);
    await client.shutdown();
  });

  test("and losing a channel tell first what was held of it", async () => {
    for (const [event, told] of [
      ["channelLeft", ["channelLeft CH1", "channelUpdated CH1 [status]"]],
      ["channelRemoved", ["channelRemoved CH1"]],
    ]) {
      const { client, tell, heard } = await inChannels(listed(CH, 3));
      await tell(added(CH, 5, 1), membership(event, 6));
      assert.deepEqual(heard(), ["messageAdded 1", "channelUpdated CH1 [lastMessage]", ...told]);
      await client.shutdown();
    }
  });

  test("is not undone by a repeated push of joining", async () => {
    const { client, channel, tell, heard } = await inChannels(listed(CH, 3));
    await tell(membership("channelLeft", 6));
    heard();
    await tell(membership("channelJoined", 5));
    assert.deepEqual(heard(), []);
    assert.equal(channel.status, "notParticipating");
    await client.shutdown();
  });

  test("and being added again gives the same object, which has events again", async () => {
    const { client, channel, tell } = await inChannels(listed(CH, 3, "joined", { type: "private" }));
    const told = [];
    channel.on("messageAdded", ({ index }) => told.push(index));
    await tell(membership("channelLeft", 4), membership("channelRemoved", 4), membership("channelJoined", 5));
    await tell(added(CH, 6, 0));
    assert.deepEqual(told, [0]);
    assert.equal((await client.getSubscribedChannels()).items[0], channel);
    assert.equal(channel.status, "joined");
    await client.shutdown();
  });

  test("is not told again when its push is repeated after a new invitation", async () => {
    const { client, tell, heard } = await inChannels(listed(CH, 3));
    await tell(membership("channelLeft", 4), membership("channelRemoved", 4), membership("channelInvited", 7));
    heard();
    await tell(membership("channelRemoved", 4));
    assert.deepEqual(heard(), []);
    assert.equal((await client.getSubscribedChannels()).items[0].status, "invited");
    await client.shutdown();
  });

  test("is not told when its push comes after the user has joined again", async () => {
    const { server, client, channel, tell, heard } = await inChannels(listed(CH, 3));
    server.replies.leaveChannel = null;
    server.replies.joinChannel = memberView("alice", 5);
    await channel.leave();
    await channel.join();
    heard();
    await tell(membership("channelLeft", 4));
    assert.deepEqual(heard(), []);
    assert.equal(channel.status, "joined");
    await client.shutdown();
  });
});

describe("a channel", () => {
  test("that the user makes is told once, and is not joined by that", async () => {
    const { server, client, tell, heard } = await inChannels();
    server.replies.createChannel = channelView(CH, 1, { type: "private" });
    const channel = await client.createChannel({
      friendlyName: "F",
      uniqueName: "U",
      isPrivate: true,
      attributes: { a: 1 },
    });
    const [{ friendly_name: friendlyName, unique_name: uniqueName, type, attributes }] = server.asked("createChannel");
    assert.deepEqual([friendlyName, uniqueName, type, attributes], ["F", "U", "private", { a: 1 }]);
    await tell({ event: "channelAdded", channel_sid: CH, seq: 1, channel: channelView(CH, 1) });
    await tell({ event: "channelAdded", channel_sid: CH, seq: 1, channel: channelView(CH, 1) });
    assert.deepEqual(heard(), ["channelAdded CH1"]);
    assert.equal(channel.status, "notParticipating");
    await client.shutdown();
  });

  for (const [given, asked] of [
    [{}, "public"],
    [{ type: "private" }, "private"],
    [{ type: "public", isPrivate: true }, "public"],
  ]) {
    test(`that is made with ${JSON.stringify(given)} is ${asked}`, async () => {
      const { server, client } = await inChannels();
      server.replies.createChannel = channelView(CH, 1);
      await client.createChannel(given);
      assert.equal(server.asked("createChannel")[0].type, asked);
      await client.shutdown();
    });
  }

  test("is gone when delete resolves, and its removal is told once", async () => {
    const { server, client, channel, tell, heard } = await inChannels(listed(CH, 3));
    server.replies.deleteChannel = null;
    await channel.delete();
    await tell(membership("channelRemoved", 4));
    assert.deepEqual(heard(), ["channelRemoved CH1"]);
    await client.shutdown();
  });

  test("whose removal is pushed before the reply comes is told as removed once", async () => {
    const { server, client, channel, heard } = await inChannels(listed(CH, 3));
    server.replies.deleteChannel = (frame, socket) => {
      socket.tell(membership("channelRemoved", 4));
      return null;
    };
    await channel.delete();
    assert.deepEqual(heard(), ["channelRemoved CH1"]);
    await client.shutdown();
  });

  test("is found by name without a request among the user's own, and by a request otherwise", async () => {
    const { server, client, channel } = await inChannels(listed(CH, 3));
    assert.equal(await client.getChannelByUniqueName("ch1"), channel);
    assert.equal(server.asked("fetchChannel").length, 0);
    server.replies.fetchChannel = new Refusal(404, 20404);
    await assert.rejects(client.getChannelByUniqueName("other"), { code: 20404 });
    await client.shutdown();
  });

  test("that is public is listed page by page", async () => {
    const { server, client, channel } = await inChannels(listed("CH0", 3));
    server.replies.listPublicChannels = ({ after, page_size: size }) => {
      assert.equal(size, 1);
      const position = Number(after ?? 0);
      return { channels: [channelView(`CH${position}`, 3)], next: position < 2 ? String(position + 1) : null };
    };
    const first = await client.getPublicChannelDescriptors(1);
    assert.equal(first.items[0], channel);
    assert.equal(first.hasPrevPage, false);
    const last = await (await first.nextPage()).nextPage();
    assert.deepEqual([last.items[0].sid, last.hasNextPage], ["CH2", false]);
    assert.equal((await last.prevPage()).items[0].sid, "CH1");
    await client.shutdown();
  });

  test("counts its members, its messages and the unread ones", async () => {
    const { server, client, channel } = await inChannels(listed(CH, 3));
    server.replies.fetchChannel = channelView(CH, 3, { members_count: 2, messages_count: 9 });
    server.replies.fetchMyChannel = {
      ...listed(CH, 3),
      user_channel: { unread_messages_count: 4, last_consumed_message_index: 5 },
    };
    assert.equal(await channel.getMembersCount(), 2);
    assert.equal(await channel.getMessagesCount(), 9);
    assert.equal(await channel.getUnconsumedMessagesCount(), 4);
    assert.equal(channel.lastConsumedMessageIndex, 5);
    await client.shutdown();
  });

  test("takes new names and attributes, which must be an object", async () => {
    const { server, client, channel } = await inChannels(listed(CH, 3));
    server.replies.updateChannel = ({ friendly_name, unique_name, attributes }) =>
      channelView(CH, 4, { friendly_name, unique_name, attributes: JSON.stringify(attributes ?? {}) });
    await channel.updateFriendlyName("F");
    assert.equal(channel.friendlyName, "F");
    await channel.updateUniqueName("U");
    assert.equal(channel.uniqueName, "U");
    await channel.updateAttributes({ b: 2 });
    assert.deepEqual(channel.attributes, { b: 2 });
    await assert.rejects(channel.updateAttributes("b"), TypeError);
    await assert.rejects(channel.updateAttributes([1]), TypeError);
    await client.shutdown();
  });

  test("keeps its newer name, whatever the `seq` of a push with an older one", async () => {
    const { server, client, channel, tell } = await inChannels(listed(CH, 3, "joined", { version: 2 }));
    const update = { event: "channelUpdated", channel_sid: CH, seq: 4, updateReasons: ["friendlyName"] };
    server.replies.fetchChannel = channelView(CH, 5, { version: 2, friendly_name: "old" });
    await client.getChannelBySid(CH);
    await tell({ ...update, channel: channelView(CH, 4, { version: 4, friendly_name: "new" }) });
    assert.equal(channel.friendlyName, "new");
    await tell({ ...update, seq: 5, channel: channelView(CH, 6, { version: 2, friendly_name: "old" }) });
    assert.equal(channel.friendlyName, "new");
    await client.shutdown();
  });

  test("tells of a changed notification level", async () => {
    const { server, client, channel, tell, heard } = await inChannels(listed(CH, 3));
    server.replies.setNotificationLevel = ({ notification_level }) => ({ notification_level });
    await channel.setUserNotificationLevel("muted");
    assert.equal(channel.notificationLevel, "muted");
    await tell({
      event: "channelUpdated",
      channel_sid: CH,
      seq: 4,
      channel: channelView(CH, 4),
      user_channel: { notification_level: "default" },
      updateReasons: ["notificationLevel"],
    });
    assert.equal(channel.notificationLevel, "default");
    assert.deepEqual(heard(), ["channelUpdated CH1 [notificationLevel]"]);
    await client.shutdown();
  });
});

describe("the consumption horizon", () => {
  test("moves by four actions, which give the number of unread messages", async () => {
    const { server, client, channel } = await inChannels(listed(CH, 3));
    const reply = ({ index = null }) => ({ last_consumed_message_index: index, unread_messages_count: index });
    for (const action of ["advanceLastConsumedMessageIndex", "updateLastConsumedMessageIndex"]) {
      server.replies[action] = reply;
      assert.equal(await channel[action](3), 3);
      assert.equal(channel.lastConsumedMessageIndex, 3);
    }
    server.replies.setNoMessagesConsumed = reply;
    assert.equal(await channel.setNoMessagesConsumed(), null);
    server.replies.setAllMessagesConsumed = { last_consumed_message_index: 9, unread_messages_count: 0 };
    assert.equal(await channel.setAllMessagesConsumed(), 0);
    assert.equal(channel.lastConsumedMessageIndex, 9);
    await client.shutdown();
  });

  test("also moves by a push, when another device reports consumption", async () => {
    const { client, channel, tell, heard } = await inChannels(listed(CH, 3));
    const update = member("memberUpdated", 4, "alice", { last_consumed_message_index: 7 });
    await tell({ ...update, updateReasons: ["lastConsumedMessageIndex"] });
    assert.equal(channel.lastConsumedMessageIndex, 7);
    assert.deepEqual(heard(), [
      "memberUpdated alice [lastConsumedMessageIndex]",
      "channelUpdated CH1 [lastConsumedMessageIndex]",
    ]);
    await client.shutdown();
  });

  test("of another user is shown by the member", async () => {
    const { client, channel, tell, heard } = await inChannels(listed(CH, 3));
    const update = member("memberUpdated", 4, "bob", { last_consumed_message_index: 7 });
    await tell({ ...update, updateReasons: ["lastConsumedMessageIndex"] });
    assert.equal(channel.lastConsumedMessageIndex, null);
    assert.deepEqual(heard(), ["memberUpdated bob [lastConsumedMessageIndex]"]);
    await client.shutdown();
  });
});
