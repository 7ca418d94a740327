// Everything that the public API of one SDK offers, as two people use it. Prints what failed.

import assert from "node:assert/strict";
import { Checks, Person, Sdk, ask, given, refusal, rest, token } from "./official.mjs";

const sdk = new Sdk(given.name, given.folder);
const url = given.stack.sdk_url;
const isChat = !sdk.isConversations;
const { stack } = given;
const { check, end } = new Checks();

// alice names no class for sockets, as most programs do.
const alice = new Person(sdk, "alice", null);
const bob = new Person(sdk, "bob");
let room;
let bobsRoom;

const bodies = (page) => page.items.map(({ body }) => body);
const member = (channel, identity) => channel.getMemberByIdentity(identity);

// A public channel of alice's. No SDK of Conversations shows it until it becomes private.
const lobby = isChat ? null : await rest("/Channels", { UniqueName: "lobby", Type: "public" });
if (lobby) await rest(`/Channels/${lobby.sid}/Members`, { Identity: "alice" });

await check("both start", async () => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
  await Promise.all([alice.connect(url, token("alice")), bob.connect(url, token("bob"))]);
  assert.deepEqual(Object.getOwnPropertyDescriptor(globalThis, "WebSocket"), before);
  assert.equal(alice.client.user.identity, "alice");
  await alice.until("connected", () => alice.client.connectionState === "connected");
  assert.equal(alice.client.reachabilityEnabled, true);
  const page = await alice.client.getSubscribedChannels();
  assert.deepEqual([page.items.length, page.hasNextPage, page.hasPrevPage], [0, false, false]);
});

await check("create a channel", async () => {
  room = await alice.client.createChannel({
    uniqueName: "room/ä b",
    friendlyName: "The room",
    attributes: { colour: "green" },
  });
  assert.equal(room.uniqueName, "room/ä b");
  assert.equal(room.friendlyName, "The room");
  assert.deepEqual(await room.getAttributes(), { colour: "green" });
  assert.equal(room.createdBy, "alice");
  assert.ok(room.dateCreated instanceof Date);
  assert.match(room.sid, /^CH/);
  assert.equal(await refusal(alice.client.createChannel({ uniqueName: "room/ä b" })), 409);
});

await check("join it", async () => {
  await room.join();
  await alice.hears("channelJoined room/ä b");
  assert.equal(room.status, "joined");
  // An SDK announces those who join after it has read who is there.
  assert.equal((await room.getMembers()).length, 1);
});

await check("join by unique name, or be added", async () => {
  if (isChat) {
    bobsRoom = await bob.client.getChannelByUniqueName("room/ä b");
    assert.notEqual(bobsRoom.status, "joined");
    assert.equal(bobsRoom.type, "public");
    await bobsRoom.join();
  } else {
    assert.equal(await refusal(bob.client.peekConversationBySid(room.sid)), 403);
    assert.equal((await room.add("bob", { seat: 2 })).identity, "bob");
  }
  await bob.hears("channelJoined room/ä b");
  await alice.hears("memberJoined bob");
  bobsRoom = await bob.channel(room.sid);
  assert.equal(bobsRoom.status, "joined");
  assert.equal((await bob.client.getChannelByUniqueName("room/ä b")).sid, room.sid);
  if (!isChat) assert.equal((await bob.client.peekConversationBySid(room.sid)).sid, room.sid);
});

await check("members", async () => {
  const members = await bobsRoom.getMembers();
  assert.deepEqual(members.map(({ identity }) => identity).sort(), ["alice", "bob"]);
  const [one] = members;
  assert.match(one.sid, /^MB/);
  assert.match(one.roleSid, /^RL/);
  assert.ok(one.dateCreated instanceof Date);
  assert.equal(one.type, "chat");
  assert.equal((await bobsRoom.getMemberBySid(one.sid)).identity, one.identity);
  assert.equal(await bobsRoom.getMembersCount(), 2);
  const own = await member(bobsRoom, "bob");
  await own.updateAttributes({ seat: 3 });
  await alice.hears("memberUpdated bob [attributes]");
  assert.deepEqual((await member(room, "bob")).attributes, { seat: 3 });
});

await check("messages", async () => {
  assert.equal(await room.getUnconsumedMessagesCount(), null);
  assert.equal(await room.sendMessage("hello", { mood: "good" }), 0);
  const heard = await bob.hears("messageAdded 0");
  assert.deepEqual([heard.body, heard.author, heard.attributes, heard.type], ["hello", "alice", { mood: "good" }, "text"]);
  assert.match(heard.sid, /^IM/);
  assert.equal((await heard.getMember()).identity, "alice");
  assert.equal(await bobsRoom.sendMessage("żółw 🐢"), 1);
  await alice.hears("messageAdded 0", "messageAdded 1");
  await alice.until("the last message", () => room.lastMessage?.index === 1);
  assert.equal(await room.getMessagesCount(), 2);
});

await check("edit a message", async () => {
  const [first] = (await room.getMessages()).items;
  await first.updateBody("Hello");
  const { message } = await bob.hears("messageUpdated");
  assert.deepEqual([message.body, message.lastUpdatedBy], ["Hello", "alice"]);
  bob.forget();
  await first.updateAttributes({ mood: "better" });
  await bob.until("the attributes", async () => message.attributes.mood === "better");
  const theirs = (await bobsRoom.getMessages()).items[0];
  assert.equal(await refusal(theirs.updateBody("mine")), 403);
});

await check("remove a message", async () => {
  await room.sendMessage("a mistake");
  await Promise.all([alice, bob].map((person) => person.hears("messageAdded 2")));
  await (await room.getMessages(1)).items[0].remove();
  await bob.hears("messageRemoved 2");
  assert.equal((await bobsRoom.getMessages()).items.length, 2);
});

await check("pages both ways", async () => {
  for (let number = 3; number < 12; number += 1) await room.sendMessage(`number ${number}`);
  await bob.hears("messageAdded 11");
  const last = await bobsRoom.getMessages(4);
  assert.deepEqual([bodies(last), last.hasPrevPage, last.hasNextPage], [["number 8", "number 9", "number 10", "number 11"], true, false]);
  const before = await last.prevPage();
  assert.deepEqual(bodies(before), ["number 4", "number 5", "number 6", "number 7"]);
  const first = await before.prevPage();
  assert.deepEqual([bodies(first), first.hasPrevPage], [["Hello", "żółw 🐢", "number 3"], false]);
  assert.deepEqual(bodies(await first.nextPage()), ["number 4", "number 5", "number 6", "number 7"]);
  assert.deepEqual(bodies(await bobsRoom.getMessages(3, 5, "forward")), ["number 5", "number 6", "number 7"]);
  assert.deepEqual(bodies(await bobsRoom.getMessages(3, 5)), ["number 3", "number 4", "number 5"]);
});

await check("horizons and unread counts", async () => {
  bob.forget();
  alice.forget();
  const left = await bobsRoom.updateLastConsumedMessageIndex(5);
  assert.equal(left, 6);
  await bob.until("the horizon", () => bobsRoom.lastConsumedMessageIndex === 5);
  assert.equal(await bobsRoom.getUnconsumedMessagesCount(), 6);
  await alice.until("bob's horizon", async () => (await member(room, "bob")).lastConsumedMessageIndex === 5);
  await alice.hears("memberUpdated");
  await bobsRoom.advanceLastConsumedMessageIndex(3);
  assert.equal(bobsRoom.lastConsumedMessageIndex, 5);
  assert.equal(await bobsRoom.advanceLastConsumedMessageIndex(7), 4);
  assert.equal(await bobsRoom.setAllMessagesConsumed(), 0);
  await alice.until("bob has read all", async () => (await member(room, "bob")).lastConsumedMessageIndex === 11);
  await bobsRoom.setNoMessagesConsumed();
  await bob.until("nothing read", () => bobsRoom.lastConsumedMessageIndex === null);
});

await check("typing", async () => {
  await bobsRoom.typing();
  const typing = await alice.hears("typingStarted bob");
  assert.equal(typing.isTyping, true);
  await bobsRoom.sendMessage("typed");
  await alice.hears("typingEnded bob");
});

await check("users", async () => {
  const user = await alice.client.getUser("bob");
  assert.deepEqual([user.identity, user.isSubscribed], ["bob", true]);
  const online = isChat ? "online" : "isOnline";
  await alice.until("bob's presence", () => user[online] === true);
  await bob.client.user.updateFriendlyName("Bob B.");
  await alice.until("bob's name", () => user.friendlyName === "Bob B.");
  await alice.hears("userUpdated bob [friendlyName]");
  await bob.client.user.updateAttributes({ age: 3 });
  await alice.until("bob's attributes", () => user.attributes.age === 3);
  assert.deepEqual((await alice.client.getSubscribedUsers()).map(({ identity }) => identity).sort(), ["alice", "bob"]);
  await user.unsubscribe();
  await alice.hears("userUnsubscribed bob");
  assert.equal((await (await member(room, "bob")).getUser()).friendlyName, "Bob B.");
});

await check("edit a channel", async () => {
  bob.forget();
  await room.updateFriendlyName("Our room");
  await bob.until("the name", () => bobsRoom.friendlyName === "Our room");
  assert.match(bob.told(), /channelUpdated room\/ä b \[.*friendlyName/);
  await room.updateAttributes({ colour: "red" });
  await bob.until("the attributes", async () => (await bobsRoom.getAttributes()).colour === "red");
  await room.updateUniqueName("");
  await bob.until("no unique name", () => !bobsRoom.uniqueName);
  await room.updateUniqueName("room");
  await bob.until("the unique name", () => bobsRoom.uniqueName === "room");
});

await check("notification level", async () => {
  assert.equal(bobsRoom.notificationLevel, "default");
  await bobsRoom.setUserNotificationLevel("muted");
  await bob.until("muted", () => bobsRoom.notificationLevel === "muted");
  assert.equal((await rest(`/Users/bob/Channels/${room.sid}`)).notification_level, "muted");
});

await check("lists and descriptors", async () => {
  const mine = await alice.client.getSubscribedChannels();
  assert.deepEqual(mine.items.map(({ sid }) => sid), [room.sid]);
  if (!isChat) return;
  const local = await alice.client.getLocalChannels({ criteria: "uniqueName", order: "ascending" });
  assert.deepEqual(local.map(({ sid }) => sid), [room.sid]);
  for (const list of ["getPublicChannelDescriptors", "getUserChannelDescriptors"]) {
    const [one] = (await alice.client[list]()).items;
    assert.deepEqual([one.sid, one.uniqueName, one.friendlyName, one.createdBy], [room.sid, "room", "Our room", "alice"]);
    assert.deepEqual([one.membersCount, one.messagesCount], [2, 12], list);
    assert.equal((await one.getChannel()).sid, room.sid);
  }
  const current = async () => {
    const found = await alice.client.getUserDescriptor("bob");
    return found.friendlyName === "Bob B." && found;
  };
  // 3.x and 4.x keep answers for some seconds.
  const descriptor = await alice.until("bob's name", current);
  assert.deepEqual([descriptor.identity, descriptor.friendlyName, descriptor.online], ["bob", "Bob B.", true]);
  const people = await room.getUserDescriptors();
  assert.deepEqual(people.items.map(({ identity }) => identity).sort(), ["alice", "bob"]);
});

await check("push registration", async () => {
  const bindings = async () => (await rest("/Bindings")).bindings.map(({ identity, binding_type }) => [identity, binding_type]);
  await bob.client.setPushRegistrationId("fcm", "a-device");
  await bob.until("a binding", async () => (await bindings()).length === 1);
  assert.deepEqual(await bindings(), [["bob", "fcm"]]);
  if (!isChat) await bob.client.removePushRegistrations("fcm", "a-device");
  else await bob.client.unsetPushRegistrationId("fcm");
  await bob.until("no binding", async () => (await bindings()).length === 0);
});

await check("every kind of push notification is read, of Apple's phones and of Google's", async () => {
  assert.equal(given.notifications.length, 8);
  const heard = [];
  bob.real.on("pushNotification", (notification) => heard.push(notification));
  for (const { payload } of given.notifications) await bob.real.handlePushNotification(payload);
  const plain = JSON.parse(JSON.stringify(heard));
  assert.deepEqual(plain, given.notifications.map(({ read }) => read));
  assert.deepEqual(JSON.parse(JSON.stringify(sdk.Client.parsePushNotification(given.notifications[0].payload))), plain[0]);
});

await check("invitations", async () => {
  if (!isChat) return;
  const plans = await alice.client.createChannel({ uniqueName: "plans", isPrivate: true });
  await plans.join();
  assert.equal(await refusal(bob.client.getChannelByUniqueName("plans")) !== undefined, true);
  await plans.invite("bob");
  await bob.hears("channelInvited plans");
  const theirs = await bob.channel(plans.sid);
  assert.equal(theirs.status, "invited");
  await theirs.decline();
  // An SDK that has not asked for the channel's pushes yet is refused them now. It says "removed" then, but not "left".
  await bob.hears("channelRemoved plans");
  await plans.invite("bob");
  await bob.hears("channelInvited plans");
  await (await bob.channel(plans.sid)).join();
  await bob.hears("channelJoined plans");
  await plans.delete();
  await bob.hears("channelRemoved plans");
  await alice.hears("channelRemoved plans");
});

/** bob is in the room, and his SDK has opened it: one that is sent away before it has ends with an error that nobody catches. */
async function bobIsIn() {
  await bob.hears("channelJoined room");
  bobsRoom = await bob.channel(room.sid);
  assert.equal((await bobsRoom.getMembers()).length, 2);
  await bobsRoom.getMessages(1);
}

await check("remove and add a member", async () => {
  bob.forget();
  alice.forget();
  await room.removeMember("bob");
  await bob.hears("channelLeft room");
  await alice.hears("memberLeft bob");
  if (isChat) assert.notEqual(bobsRoom.status, "joined");
  await room.add("bob");
  await alice.hears("memberJoined bob");
  await bobIsIn();
  await (await member(room, "bob")).remove();
  await bob.hears("channelLeft room");
  await alice.hears("memberLeft bob");
  await room.add("bob");
  await bobIsIn();
});

await check("leave and come back", async () => {
  bob.forget();
  await bobsRoom.leave();
  await bob.hears("channelLeft room");
  await alice.hears("memberLeft bob");
  await room.add("bob");
  await bobIsIn();
});

await check("a message that is too large for a frame", async () => {
  assert.match(String(await refusal(bobsRoom.sendMessage("🐢".repeat(9000)))), /413/);
  assert.equal(bob.client.connectionState, "connected");
  assert.equal(bob.sockets.length, 1);
});

await check("what only Conversations has", async () => {
  if (isChat) return;
  const message = room.prepareMessage().setBody("built").setSubject("a subject").setAttributes({ is: "built" }).build();
  const built = await bob.hears(`messageAdded ${await message.send()}`);
  assert.deepEqual([built.body, built.subject, built.attributes], ["built", "a subject", { is: "built" }]);
  // The names of Chat have no word for this one.
  const [unnamed] = (await (await bob.real.getConversationBySid(room.sid)).getMessages(1)).items;
  assert.deepEqual([unnamed.body, await unnamed.getChannelMetadata()], ["built", null]);
  assert.deepEqual([...(await alice.client.getContentTemplates()), ...(await built.getMessageRecipients())], []);
  assert.deepEqual((await room.getMessageRecipients()).items, []);
  assert.equal(room.state.current, "active");
  const phone = await room.addNonChatParticipant(stack.phone_numbers[0], "+15550007777", { from: "alice" });
  const theirs = await bob.until("the phone", () => bobsRoom.getMemberBySid(phone.sid).catch(() => null));
  assert.deepEqual([theirs.type, theirs.identity, theirs.bindings.sms.address], ["sms", null, "+15550007777"]);
  const sent = await bob.hears(`messageAdded ${await room.sendMessage("to the phone")}`);
  await bob.until("a receipt", () => sent.aggregatedDeliveryReceipt?.total === 1);
  await bob.until("its details", async () => (await sent.getDetailedDeliveryReceipts()).length === 1);
  assert.deepEqual(await built.getDetailedDeliveryReceipts(), []);
  await room.removeMember(theirs.sid);
  await alice.until("no phone", async () => (await room.getMembersCount()) === 2);
});

await check("refusals", async () => {
  assert.ok(await refusal(alice.client.getChannelBySid("CH00000000000000000000000000000000")));
  assert.ok(await refusal(alice.client.getChannelByUniqueName("nothing like it")));
  assert.ok(await refusal(bobsRoom.updateFriendlyName("mine")));
  assert.ok(await refusal(bobsRoom.delete()));
});

await check("a token", async () => {
  await bob.client.updateToken(token("bob", { seconds: 1800 }));
  assert.equal(bob.client.connectionState, "connected");
  assert.ok((await bobsRoom.sendMessage("with a new token")) > 0);
});

await check("a broken connection", async () => {
  const before = await bobsRoom.sendMessage("before");
  await Promise.all([alice, bob].map((person) => person.hears(`messageAdded ${before}`)));
  bob.forget();
  alice.forget();
  bob.cut();
  const index = await room.sendMessage("while bob was away");
  await room.updateFriendlyName("While away");
  await bob.hears(`messageAdded ${index}`);
  await bob.until("the name", () => bobsRoom.friendlyName === "While away");
  const next = await bobsRoom.sendMessage("back");
  await alice.hears(`messageAdded ${next}`);
  await bob.hears(`messageAdded ${next}`);
  assert.doesNotMatch(bob.told(), /messageAdded|channelJoined|memberJoined/);
});

await check("what both have is what is there", async () => {
  const there = (await rest(`/Channels/${room.sid}/Messages?PageSize=100`)).messages.map(({ index, body }) => [index, body]);
  for (const channel of [room, bobsRoom]) {
    const page = await channel.getMessages(100);
    assert.deepEqual(page.items.map(({ index, body }) => [index, body]), there);
    assert.deepEqual((await channel.getMembers()).map(({ identity }) => identity).sort(), ["alice", "bob"]);
  }
});

await check("delete a channel", async () => {
  await room.delete();
  await bob.hears("channelRemoved");
  await alice.hears("channelRemoved");
  assert.deepEqual((await alice.client.getSubscribedChannels()).items, []);
});

if (lobby) {
  await check("a channel becomes private", async () => {
    assert.doesNotMatch(alice.told(), /lobby/);
    await ask("POST", `/chat/v3/Services/${given.service_sid}/Channels/${lobby.sid}`, { Type: "private" });
    await alice.hears("channelJoined lobby");
    const mine = (await alice.client.getSubscribedChannels()).items;
    assert.deepEqual(mine.map(({ uniqueName }) => uniqueName), ["lobby"]);
  });
}

await check("somebody goes offline", async () => {
  const user = await alice.client.getUser("bob");
  const online = isChat ? "online" : "isOnline";
  await bob.shutdown();
  await alice.until("bob is offline", () => user[online] === false);
  await alice.shutdown();
});

end();
