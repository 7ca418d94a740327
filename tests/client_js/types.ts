// Uses of the types that must compile, and, marked as errors, uses that must not. Compiled by test_js_client.py.

import {
  Channel,
  ChannelFollower,
  ChannelState,
  Client,
  ConnectionState,
  Media,
  Member,
  Message,
  Paginator,
  ParleyError,
  User,
} from "@parley/client";
// @ts-expect-error: a type's detail, which the module does not have
import { Emitter } from "@parley/client";

export async function converse(url: string, WebSocket: new (url: string, protocols: string[]) => object) {
  const client: Client = await Client.create(async () => "token", { url, WebSocket, log: console.warn });
  client.on("messageAdded", (message) => {
    const body: string | null = message.body;
    const when: Date | null = message.dateCreated;
    return [body, when, message.attributes.anything];
  });
  client.on("messageUpdated", ({ message, updateReasons }) => [message.index, updateReasons.includes("body")]);
  client.on("connectionStateChanged", (state: ConnectionState) => state === "denied");
  client.once("connectionError", ({ terminal, httpStatusCode }) => [terminal, httpStatusCode]);
  client.on("tokenAboutToExpire", (milliseconds) => milliseconds / 1000);
  client.on("tokenExpired", () => undefined);
  client.on("pushNotification", ({ type, badge, data }) => [type.length, badge, data.messageIndex]);
  await client.setPushRegistrationId("fcm", "token");
  await client.handlePushNotification({ aps: { alert: "hi" } });
  const words: string | null = Client.parsePushNotification({}).body;
  client.on("channelRefetched", ({ channel }) => channel.sid);

  const channel: Channel = await client.getChannelByUniqueName("general");
  const index: number = await channel.sendMessage("hi", { attr: 1 });
  const progress = ({ loaded, total }: { loaded: number; total: number }) => loaded / total;
  const sent: number = await channel.sendMedia([new Blob(["a"]), new Uint8Array(3)], { body: "b", onProgress: progress });
  await channel.sendMedia({ media: "a,b", contentType: "text/csv" }, { signal: AbortSignal.timeout(1000) });
  await channel.sendMessage(new FormData());
  const page: Paginator<Message> = await channel.getMessages(30);
  if (page.hasPrevPage) (await page.prevPage()).items.forEach((message) => message.body);
  const media: Media[] = page.items[sent].attachedMedia;
  const link: string = await media[0].getContentTemporaryUrl();
  const bytes: ArrayBuffer = await (await media[0].download({ start: 5, end: 9 })).arrayBuffer();
  channel.on("typingStarted", (member: Member) => member.identity);
  channel.on("updated", ({ updateReasons }) => updateReasons.includes("friendlyName") || updateReasons.includes("state"));
  const state: ChannelState = channel.state;
  const user: User = await (await channel.getMemberByIdentity("bob")).getUser();
  user.on("updated", ({ updateReasons }) => updateReasons.includes("online"));
  const sid: string = (await channel.getMemberBySid("MB1")).sid;
  const descriptors: Paginator<User> = await channel.getUserDescriptors(10);
  const follower = new ChannelFollower(4);
  follower.receive({ event: "messageAdded", seq: 5 }, 0).map((push) => push.seq);
  return { words, index, link, bytes, sid, descriptors, state, status: channel.status, error: new ParleyError("no", 400, 20001).code };
}

export function mistakes(client: Client, channel: Channel) {
  // @ts-expect-error: there is no such push service
  void client.setPushRegistrationId("pigeon", "token");
  // @ts-expect-error: there is no such event
  client.on("messageAddedd", () => undefined);
  // @ts-expect-error: a message has no such property
  client.on("messageAdded", (message) => message.text);
  // @ts-expect-error: an event of the client and not of a channel
  channel.on("connectionStateChanged", () => undefined);
  // @ts-expect-error: not a reason for which a message changes
  channel.on("messageUpdated", ({ updateReasons }) => updateReasons.includes("friendlyName"));
  // @ts-expect-error: there are two levels
  channel.setUserNotificationLevel("loud");
  // @ts-expect-error: attributes are an object
  channel.sendMessage("hi", "attributes");
  // @ts-expect-error: a path is no file
  channel.sendMedia("cat.png");
  // @ts-expect-error: a message's files are not changed
  channel.on("messageAdded", (message) => (message.media!.filename = "dog.png"));
  // @ts-expect-error: there are two directions
  channel.getMessages(30, "end", "sideways");
  // @ts-expect-error: it is not there before the client has connected
  client.user.identity.trim();
  // @ts-expect-error: of one who left it may not be known
  channel.on("memberLeft", (member) => member.roleSid.trim());
  // @ts-expect-error: the client sets it
  channel.friendlyName = "other";
  // @ts-expect-error: there is no such state
  const isShut: boolean = channel.state === "shut";
  // @ts-expect-error: the address is needed
  Client.create("token", {});
  // @ts-expect-error: channels come from the client
  new Channel();
}
