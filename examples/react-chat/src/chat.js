// What the page needs of the client, where the names are not the same in Twilio's SDK. The folder react-twilio-sdk has
// another file in this place.

import { Client } from "@parley/client";

/** Connect as somebody. The client asks for another token before this one expires. */
export async function connect(identity) {
  const { url } = await fetchAccess(identity);
  return Client.create(async () => (await fetchAccess(identity)).token, { url });
}

async function fetchAccess(identity) {
  const response = await fetch(`/token?identity=${encodeURIComponent(identity)}`);
  if (!response.ok) throw new Error(`The token server answered ${response.status}.`);
  return response.json();
}

// Events of the client, of a channel and of a user.
export const LIST_CHANGED = ["channelJoined", "channelLeft", "channelRemoved"];
export const CHANNEL_CHANGED = ["channelUpdated"];
/** The client missed too much to tell each change of a channel. */
export const MISSED = ["channelRefetched"];
export const MEMBERS_CHANGED = ["memberJoined", "memberLeft"];
export const MEMBER_CHANGED = ["memberUpdated", "typingStarted", "typingEnded"];

/** The channels that the user has joined. */
export async function listChannels(client) {
  const { items } = await client.getSubscribedChannels();
  return items.filter((channel) => channel.status === "joined");
}

/** Join the channel of this name; make it if there is none. */
export async function openChannel(client, name) {
  let channel;
  try {
    channel = await client.getChannelByUniqueName(name);
  } catch (error) {
    if (error.status !== 404) throw error;
    channel = await client.createChannel({ uniqueName: name, friendlyName: name, type: "public" });
  }
  return channel.status === "joined" ? channel : channel.join();
}

export const listMembers = (channel) => channel.getMembers();

/** The index of the last message that a member has read: -1 if none. */
export const readUpTo = (member) => member.lastConsumedMessageIndex ?? -1;

export const countUnread = (channel) => (channel.lastMessage?.index ?? -1) - (channel.lastConsumedMessageIndex ?? -1);

export const markRead = (channel, index) => channel.advanceLastConsumedMessageIndex(index);

/** Null if the service does not show who is online. */
export const isOnline = (user) => user.online;
