// Push notifications: registering the device's token, and what the payloads say.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Client, UnusableNotificationError } from "../../clients/js/parley.js";
import { Refusal, inChannels } from "./support.mjs";

const TOKEN = "f".repeat(64);

async function registering() {
  const { server, client } = await inChannels();
  server.replies.registerBinding = ({ binding_type: type, address }) => ({ sid: `BS-${type}-${address}` });
  server.replies.removeBinding = null;
  const removed = () => server.asked("removeBinding").map(({ id, action, ...members }) => members);
  return { server, client, removed };
}

describe("a device's token", () => {
  test("is registered with its type, and nothing that only the server knows", async () => {
    const { server, client } = await registering();
    await client.setPushRegistrationId("fcm", TOKEN);
    const [{ id, ...asked }] = server.asked("registerBinding");
    assert.deepEqual(asked, { action: "registerBinding", binding_type: "fcm", address: TOKEN });
    await client.shutdown();
  });

  test("that is registered twice stays, and another one of its type takes its place", async () => {
    const { client, removed } = await registering();
    await client.setPushRegistrationId("apn", TOKEN);
    await client.setPushRegistrationId("fcm", "one");
    await client.setPushRegistrationId("fcm", "one");
    assert.deepEqual(removed(), []);
    await client.setPushRegistrationId("fcm", "other");
    assert.deepEqual(removed(), [{ binding: "BS-fcm-one" }]);
    await client.shutdown();
  });

  test("is taken off once, by its type", async () => {
    const { client, removed } = await registering();
    await client.setPushRegistrationId("fcm", "one");
    await client.unsetPushRegistrationId("apn");
    assert.deepEqual(removed(), []);
    await client.unsetPushRegistrationId("fcm");
    await client.unsetPushRegistrationId("fcm");
    assert.deepEqual(removed(), [{ binding: "BS-fcm-one" }]);
    await client.shutdown();
  });

  test("that the server has forgotten counts as taken off", async () => {
    const { server, client } = await registering();
    await client.setPushRegistrationId("fcm", "one");
    server.replies.removeBinding = new Refusal(404, 20404);
    await client.unsetPushRegistrationId("fcm");
    await client.unsetPushRegistrationId("fcm");
    assert.equal(server.asked("removeBinding").length, 1);
    await client.shutdown();
  });

  test("stays registered if the server refuses to take it off", async () => {
    const { server, client } = await registering();
    await client.setPushRegistrationId("fcm", "one");
    server.replies.removeBinding = new Refusal(503, 20503);
    await assert.rejects(client.unsetPushRegistrationId("fcm"), { code: 20503 });
    server.replies.removeBinding = null;
    await client.unsetPushRegistrationId("fcm");
    assert.equal(server.asked("removeBinding").length, 2);
    await client.shutdown();
  });

  test("is removed by its value, whichever client registered it", async () => {
    const { client, removed } = await registering();
    await client.removePushRegistrations("apn", TOKEN);
    assert.deepEqual(removed(), [{ binding_type: "apn", address: TOKEN }]);
    await client.shutdown();
  });
});

const DATA = {
  twi_message_type: "twilio.channel.new_message",
  twi_message_id: "RU1",
  channel_sid: "CH1",
  channel_title: "The room",
  message_sid: "IM7",
};
const SAID = { channelSid: "CH1", channelTitle: "The room", messageSid: "IM7" };

describe("a payload", () => {
  test("of APNs says what the phone shows", () => {
    const aps = { alert: "bob: hi", badge: 3, sound: "ping.aiff", category: "reply" };
    assert.deepEqual(Client.parsePushNotification({ aps, ...DATA, message_index: 7, author: "bob" }), {
      type: "twilio.channel.new_message",
      sid: "RU1",
      title: null,
      body: "bob: hi",
      sound: "ping.aiff",
      badge: 3,
      action: "reply",
      data: { ...SAID, messageIndex: 7, author: "bob" },
    });
  });

  test("of APNs may have a title, and a badge of nothing", () => {
    const alert = { title: "The room", body: "hi" };
    const { title, body, badge } = Client.parsePushNotification({ aps: { alert, badge: 0 }, ...DATA });
    assert.deepEqual([title, body, badge], ["The room", "hi", 0]);
  });

  test("of APNs may have a badge and no words", () => {
    const shown = Client.parsePushNotification({ aps: { badge: 1, "content-available": 1 }, ...DATA });
    assert.deepEqual([shown.body, shown.badge], [null, 1]);
  });

  test("of Firebase has texts only, and they become numbers again", () => {
    const said = { twi_body: "bob: hi", twi_sound: "ping", twi_title: "T", twi_action: "open", message_index: "0" };
    assert.deepEqual(Client.parsePushNotification({ data: { ...DATA, ...said } }), {
      type: "twilio.channel.new_message",
      sid: "RU1",
      title: "T",
      body: "bob: hi",
      sound: "ping",
      badge: null,
      action: "open",
      data: { ...SAID, messageIndex: 0 },
    });
  });

  test("of a conversation says the same of it, and of its files", () => {
    const media = JSON.stringify({ sid: "ME1", filename: "a.png" });
    const said = { conversation_sid: "CH2", conversation_title: "Other", media_count: "2", media };
    const { data } = Client.parsePushNotification({ data: { twi_message_type: "t", ...said } });
    const file = { sid: "ME1", filename: "a.png" };
    assert.deepEqual(data, { channelSid: "CH2", channelTitle: "Other", mediaCount: 2, media: file });
  });

  test("that holds nonsense where a number or JSON should be says nothing there", () => {
    const said = { message_index: "seven", media_count: null, media: "{" };
    assert.deepEqual(Client.parsePushNotification({ data: { twi_message_type: "t", ...said } }).data, {});
  });

  test("of somebody else is refused", async () => {
    const { client } = await inChannels();
    for (const payload of [null, undefined, "x", {}, { aps: {} }, { data: {} }, { data: null }, { aps: { alert: "x" } }]) {
      await assert.rejects(client.handlePushNotification(payload), UnusableNotificationError);
    }
    await client.shutdown();
  });

  test("that the application hands over becomes an event", async () => {
    const { client } = await inChannels();
    const heard = [];
    client.on("pushNotification", (notification) => heard.push(notification));
    const payload = { aps: { alert: "hi" }, ...DATA };
    await client.handlePushNotification(payload);
    assert.deepEqual(heard, [Client.parsePushNotification(payload)]);
    await client.shutdown();
  });
});
