// A back end's life with Twilio's helper library for Node. conversation.py is the same in Python, call by call, and
// test_same_answers.py compares what both were told. Prints one line of JSON per call.
"use strict";
const connect = require("./client.cjs");

const account = process.env.ACCOUNT_SID;
const imported = new Date("2015-07-30T20:00:00Z");
const hook = "https://example.com/hook";

const snake = (name) => name.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase());

function plain(value) {
  if (value instanceof Date) return value.toISOString().replace(".000", "");
  return value === undefined ? null : value;
}

const shown = (item, fields) =>
  Object.fromEntries(fields.split(" ").map((name) => [snake(name), plain(item[name])]));

// Make a call and print its outcome: the named fields of what came back, of each item of a list, or the error's.
async function call(title, promise, fields = "sid") {
  let result = null;
  let told;
  try {
    result = await promise;
    told = Array.isArray(result) ? result.map((item) => shown(item, fields)) : result;
    if (result !== null && typeof result === "object" && !Array.isArray(result)) told = shown(result, fields);
  } catch (error) {
    if (!error.status) throw error;
    told = { status: error.status, code: error.code, message: error.message };
  }
  console.log(JSON.stringify([title, told]));
  return result;
}

async function settings(service) {
  const form = {
    friendlyName: "renamed",
    reachabilityEnabled: true,
    webhookFilters: ["onMessageSent", "onUserAdded"],
    "limits.channelMembers": 3,
    "notifications.newMessage.enabled": true,
    "notifications.newMessage.template": "${USER}: ${MESSAGE}",
  };
  await call("update service", service.update(form), "sid friendlyName reachabilityEnabled limits notifications");
  await call("fetch service", service.fetch(), "sid friendlyName limits webhookFilters webhookMethod media");
  await call("exceed a limit's limit", service.update({ "limits.channelMembers": 1001 }));
  await call("list roles", service.roles.list(), "friendlyName type permissions");
  const guest = { friendlyName: "guest", type: "channel", permission: ["sendMessage", "leaveChannel"] };
  const role = await call("create role", service.roles.create(guest), "sid friendlyName type permissions");
  await call("update role", service.roles(role.sid).update({ permission: ["leaveChannel"] }), "sid permissions");
  await call("fetch role", service.roles(role.sid).fetch(), "sid type permissions serviceSid");
  await call("create impossible role", service.roles.create({ ...guest, permission: ["fly"] }));
  return role;
}

async function people(service) {
  const alice = { identity: "alice", friendlyName: "Alice", attributes: '{"a":1}' };
  const fields = "sid identity friendlyName attributes isOnline isNotifiable joinedChannelsCount roleSid";
  await call("create user", service.users.create(alice), fields);
  await call("create user again", service.users.create(alice));
  await call("create reserved user", service.users.create({ identity: "system" }));
  await call("update user", service.users("alice").update({ friendlyName: "Alice A." }), "sid friendlyName attributes");
  await call("create odd user", service.users.create({ identity: "żółw@example.com" }), "sid identity");
  await call("fetch odd user", service.users("żółw@example.com").fetch(), "sid identity");
  await call("list users", service.users.list({ pageSize: 1 }), "identity");
  await call("fetch unknown user", service.users("nobody").fetch());
}

async function channels(service) {
  const team = { uniqueName: "team", friendlyName: "The team", attributes: '{"colour":"green"}' };
  const fields = "sid uniqueName friendlyName attributes type createdBy membersCount messagesCount";
  const made = await call("create channel", service.channels.create(team), fields);
  const old = { type: "private", dateCreated: imported, createdBy: "alice" };
  await call("import channel", service.channels.create(old), "sid uniqueName type createdBy dateCreated dateUpdated");
  await call("take a taken name", service.channels.create({ uniqueName: "team" }));
  await call("fetch channel", service.channels("team").fetch(), "sid type attributes");
  await call("update channel", service.channels("team").update({ friendlyName: "" }), "sid friendlyName attributes");
  await call("break attributes", service.channels("team").update({ attributes: "{" }));
  await call("list channels", service.channels.list(), "uniqueName type");
  await call("list private channels", service.channels.list({ type: ["private"] }), "sid type");
  return made;
}

async function membership(service, channel, role) {
  const alice = { identity: "alice", xTwilioWebhookEnabled: "true" };
  await call("add member", channel.members.create(alice), "sid identity roleSid lastConsumedMessageIndex attributes");
  await call("add member again", channel.members.create(alice));
  await call("add unknown", channel.members.create({ identity: "bob", roleSid: role.sid }), "sid identity roleSid");
  await call("invite", channel.invites.create({ identity: "carol" }), "sid identity createdBy roleSid");
  await call("invite a member", channel.invites.create({ identity: "bob" }));
  await call("list invites", channel.invites.list(), "identity");
  await call("add an invited identity", channel.members.create({ identity: "carol" }), "identity");
  await call("list invites again", channel.invites.list(), "identity");
  await call("add one too many", channel.members.create({ identity: "dave" }));
  await call("list members", channel.members.list(), "identity roleSid");
  await call("list some members", channel.members.list({ identity: ["bob", "alice"] }), "identity");
  await call("delete a role in use", service.roles(role.sid).remove());
}

async function conversation(channel) {
  const fields = "index body from to wasEdited lastUpdatedBy type media attributes";
  for (const body of ["one", "two", "żółw \u{1f600}"]) {
    await call("send " + body, channel.messages.create({ body, from: "alice" }), fields);
  }
  const old = { body: "four", from: "bob", attributes: '{"b":2}', dateCreated: imported, lastUpdatedBy: "carol" };
  const last = await call("import message", channel.messages.create(old), "sid index from dateCreated dateUpdated");
  await call("send nothing", channel.messages.create({ from: "alice" }));
  await call("edit message", channel.messages(last.sid).update({ body: "4" }), "sid body wasEdited lastUpdatedBy");
  await call("fetch message", channel.messages(last.sid).fetch(), "sid body index channelSid serviceSid");
  await call("list messages", channel.messages.list({ pageSize: 2 }), "index body");
  await call("list new messages", channel.messages.list({ order: "desc", limit: 2, pageSize: 1 }), "index body");
  await call("read", channel.members("alice").update({ lastConsumedMessageIndex: 1 }), "sid lastConsumedMessageIndex");
  await call("delete message", channel.messages(last.sid).remove());
  await call("delete message again", channel.messages(last.sid).remove());
  await call("count", channel.fetch(), "membersCount messagesCount");
}

async function userChannels(service, team) {
  const list = service.users("alice").userChannels;
  const fields = "channelSid memberSid status lastConsumedMessageIndex unreadMessagesCount notificationLevel";
  await call("list user channels", list.list(), fields);
  await call("mute", list(team.sid).update({ notificationLevel: "muted", lastConsumedMessageIndex: 3 }), fields);
  await call("fetch user channel", list(team.sid).fetch(), "status notificationLevel");
}

async function webhooks(service, channel) {
  const form = { type: "webhook", "configuration.url": hook, "configuration.filters": ["onMessageSent"] };
  const made = await call("create webhook", channel.webhooks.create(form), "sid type configuration");
  await call("create half a webhook", channel.webhooks.create({ type: "webhook", "configuration.url": hook }));
  await call("update webhook", channel.webhooks(made.sid).update({ "configuration.method": "GET" }), "sid configuration");
  await call("list webhooks", channel.webhooks.list(), "sid type");
  await call("delete webhook", channel.webhooks(made.sid).remove());
  await call("list bindings", service.bindings.list());
}

async function ofTheAccount(client, service) {
  const secrets = { certificate: "-----BEGIN CERTIFICATE-----", privateKey: "-----BEGIN PRIVATE KEY-----" };
  const phones = { type: "apn", ...secrets, sandbox: true };
  const credential = await call("create credential", client.chat.v2.credentials.create(phones), "sid type sandbox");
  await call("create half a credential", client.chat.v2.credentials.create({ type: "fcm" }));
  await call("delete credential", client.chat.v2.credentials(credential.sid).remove());
  const key = await call("create key", client.newKeys.create({ friendlyName: "a key" }), "sid friendlyName");
  await call("rename key", client.keys(key.sid).update({ friendlyName: "renamed" }), "sid friendlyName");
  await call("delete key", client.keys(key.sid).remove());
  await call("fetch account", client.api.v2010.accounts(account).fetch(), "sid status type");
  await call("guess", connect("wrong").chat.v2.services(service.sid).fetch());
}

async function otherVersions(client, service, team) {
  const older = client.chat.v1.services(service.sid);
  await call("fetch service in v1", older.fetch(), "sid friendlyName limits webhooks");
  await call("list channels in v1", older.channels.list(), "uniqueName attributes");
  await call("list messages in v1 by name", older.channels("team").messages.list(), "index");
  await call("list messages in v1", older.channels(team.sid).messages.list(), "index body from attributes");
  await call("list user channels in v1", older.users("alice").userChannels.list(), "channelSid status");
  const converted = client.chat.v3.channels(service.sid, "team").update({ type: "private" });
  await call("convert channel in v3", converted, "sid type messagingServiceSid");
}

async function messaging(client) {
  const services = client.messaging.v1.services;
  const noNumber = "PN" + "0".repeat(32);
  const form = { friendlyName: "support", inboundRequestUrl: hook, validityPeriod: 60, stickySender: false };
  const fields = "sid friendlyName inboundRequestUrl inboundMethod validityPeriod stickySender smartEncoding";
  const made = await call("create messaging service", services.create(form), fields);
  const service = services(made.sid);
  await call("create a nameless one", services.create({ friendlyName: "" }));
  await call("update messaging service", service.update({ inboundMethod: "GET" }), "sid inboundMethod");
  await call("fetch messaging service", service.fetch(), "sid friendlyName usecase accountSid");
  await call("list messaging services", services.list({ limit: 2, pageSize: 1 }), "accountSid");
  await call("list its senders", service.phoneNumbers.list());
  await call("add a number of nobody", service.phoneNumbers.create({ phoneNumberSid: noNumber }));
  await call("fetch a number of nobody", service.phoneNumbers(noNumber).fetch());
  await call("delete messaging service", service.remove());
  await call("fetch deleted messaging service", service.fetch());
}

async function farewell(service, team) {
  await call("leave", service.users("alice").userChannels(team.sid).remove());
  await call("delete user", service.users("alice").remove());
  await call("delete channel", service.channels("team").remove());
  await call("reuse its name", service.channels.create({ uniqueName: "team" }), "sid uniqueName membersCount");
  await call("delete service", service.remove());
  await call("fetch deleted service", service.fetch());
}

async function main() {
  const client = connect();
  const made = await call("create service", client.chat.v2.services.create({ friendlyName: "a service" }));
  const service = client.chat.v2.services(made.sid);
  const role = await settings(service);
  await people(service);
  const team = await channels(service);
  const channel = service.channels("team");
  await membership(service, channel, role);
  await conversation(channel);
  await userChannels(service, team);
  await webhooks(service, channel);
  await ofTheAccount(client, made);
  await otherVersions(client, made, team);
  await messaging(client);
  await farewell(service, team);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
