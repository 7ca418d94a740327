// What the page needs of Twilio's SDK, where the names are not the same in @parley/client. The rest of the page is in
// the folder react-chat.

import { parley } from "@parley/client/twilio-sdk";
import { Client } from "@twilio/conversations";

/** Connect as somebody, with another token before each one expires. */
export async function connect(identity) {
  const { token, sdk_url: url } = await fetchAccess(identity);
  const client = new Client(token, parley(url));
  client.on("tokenAboutToExpire", async () => client.updateToken((await fetchAccess(identity)).token));
  return new Promise((resolve, reject) => {
    client.on("initialized", () => resolve(client));
    client.on("initFailed", ({ error }) => reject(error));
  });
}

async function fetchAccess(identity) {
  const response = await fetch(`/token?identity=${encodeURIComponent(identity)}`);
  if (!response.ok) throw new Error(`The token server answered ${response.status}.`);
  return response.json();
}

// Events of the client, of a conversation and of a user.
export const LIST_CHANGED = ["conversationJoined", "conversationLeft", "conversationRemoved"];
export const CHANNEL_CHANGED = ["conversationUpdated"];
/** The SDK tells each change that it missed. */
export const MISSED = [];
export const MEMBERS_CHANGED = ["participantJoined", "participantLeft"];
export const MEMBER_CHANGED = ["participantUpdated", "typingStarted", "typingEnded"];

/** The conversations that the user has joined. */
export async function listChannels(client) {
  let page = await client.getSubscribedConversations();
  const all = [...page.items];
  while (page.hasNextPage) {
    page = await page.nextPage();
    all.push(...page.items);
  }
  return all.filter((conversation) => conversation.status === "joined");
}

/** Open the conversation of this name if the user is in it; else make it. Others are added by one who is in it. */
export async function openChannel(client, name) {
  const known = (await listChannels(client)).find((conversation) => conversation.uniqueName === name);
  if (known) return known;
  const made = await client.createConversation({ uniqueName: name, friendlyName: name });
  return made.join();
}

export const listMembers = (conversation) => conversation.getParticipants();

/** The index of the last message that a participant has read: -1 if none. */
export const readUpTo = (participant) => participant.lastReadMessageIndex ?? -1;

export const countUnread = (conversation) =>
  (conversation.lastMessage?.index ?? -1) - (conversation.lastReadMessageIndex ?? -1);

export const markRead = (conversation, index) => conversation.advanceLastReadMessageIndex(index);

/** Null if the service does not show who is online. */
export const isOnline = (user) => user.isOnline;
