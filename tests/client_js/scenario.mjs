// A conversation of two clients with a running stack: the same in Node and in a browser. What was told is returned, and
// test_js_client.py says what it must be.

const PATIENCE = 20_000;

/** What a client was told, each event as a short text, and a way to wait for one. */
class Journal {
  #told = [];
  #waiting = [];

  constructor(client, describe) {
    for (const [event, text] of Object.entries(describe)) {
      client.on(event, (payload) => this.#note(`${event} ${text(payload)}`));
    }
  }

  #note(entry) {
    this.#told.push(entry);
    this.#waiting = this.#waiting.filter((check) => !check());
  }

  /** What was told since the last call, as soon as `last` is among it. */
  until(last) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no "${last}" in ${JSON.stringify(this.#told)}`)), PATIENCE);
      const check = () => {
        const position = this.#told.indexOf(last);
        if (position < 0) return false;
        clearTimeout(timer);
        resolve(this.#told.splice(0, position + 1));
        return true;
      };
      if (!check()) this.#waiting.push(check);
    });
  }
}

const EVENTS = {
  channelAdded: (channel) => channel.uniqueName,
  channelInvited: (channel) => channel.uniqueName,
  channelJoined: (channel) => channel.uniqueName,
  channelLeft: (channel) => channel.uniqueName,
  channelRemoved: (channel) => channel.uniqueName,
  channelRefetched: ({ channel }) => channel.uniqueName,
  memberJoined: (member) => member.identity,
  memberLeft: (member) => member.identity,
  memberUpdated: ({ member, updateReasons }) =>
    updateReasons.includes("lastConsumedMessageIndex")
      ? `${member.identity} read ${member.lastConsumedMessageIndex}`
      : member.identity,
  messageAdded: (message) =>
    `${message.index} ${message.author}: ${message.body} ${JSON.stringify(message.attributes)}`,
  messageUpdated: ({ message }) => `${message.index} ${message.body}`,
  messageRemoved: (message) => message.index,
  typingStarted: (member) => member.identity,
  typingEnded: (member) => member.identity,
  userUpdated: ({ user, updateReasons }) =>
    updateReasons.includes("friendlyName") ? `${user.identity} is ${user.friendlyName}` : user.identity,
};

/** A WebSocket class whose sockets can be cut, and a provider of tokens that can be held up. */
function breakable(WebSocketClass, token) {
  const sockets = [];
  let gate = Promise.resolve();
  let open = () => {};
  return {
    WebSocket: class {
      constructor(...given) {
        const socket = new WebSocketClass(...given);
        sockets.push(socket);
        return socket;
      }
    },
    provider: async () => {
      await gate;
      return token;
    },
    cut() {
      gate = new Promise((resolve) => (open = resolve));
      sockets.at(-1).close();
    },
    mend: () => open(),
  };
}

function state(client, wanted) {
  return new Promise((resolve) => {
    if (client.connectionState === wanted) resolve();
    else client.on("connectionStateChanged", (now) => now === wanted && resolve());
  });
}

/** Timers for a client whose time goes twenty times as fast: without a status, refusals count only after some time. */
function inHaste() {
  const began = Date.now();
  return { clock: () => began + 20 * (Date.now() - began), random: () => 0.1 };
}

async function refused(promise) {
  try {
    await promise;
    return "was allowed";
  } catch (error) {
    return [error.name, error.status, error.code];
  }
}

const bytes = (count) => Uint8Array.from({ length: count }, (_, at) => at % 251);

/** Send files from one client to another; says what the other has. */
export async function sendFiles({ Client, url, tokens, WebSocket = globalThis.WebSocket }) {
  const [alice, bob] = await Promise.all(
    [tokens.alice, tokens.bob].map((token) => Client.create(token, { url, WebSocket })),
  );
  const journal = new Journal(bob, { channelInvited: () => "", channelJoined: () => "", messageAdded: () => "" });
  const room = await alice.createChannel({ uniqueName: "files", isPrivate: true });
  await room.join();
  await room.invite("bob");
  await journal.until("channelInvited ");
  const bobs = await bob.getChannelByUniqueName("files");
  await bobs.join();
  const told = [];
  const film = new File([bytes(5_000_000)], "film.mp4", { type: "video/mp4" });
  const table = { media: "a,b", contentType: "text/csv", filename: "table.csv" };
  const index = await room.sendMedia([film, table], { onProgress: ({ loaded }) => told.push(loaded) });
  await journal.until("messageAdded ");
  const [message] = (await bobs.getMessages(1)).items;
  const [seen, other] = message.attachedMedia;
  const part = new Uint8Array(await (await seen.download({ start: 4_000_000, end: 4_000_004 })).arrayBuffer());
  const whole = new Uint8Array(await (await seen.download()).arrayBuffer());
  const controller = new AbortController();
  const stopped = refused(room.sendMedia(film, { onProgress: () => controller.abort(), signal: controller.signal }));
  const result = {
    index: [index, message.index, message.type],
    files: message.attachedMedia.map(({ filename, contentType, size }) => [filename, contentType, size]),
    text: await (await other.download()).text(),
    part: [...part],
    whole: whole.length === 5_000_000 && whole.every((byte, at) => byte === at % 251),
    progress: [told.length > 2, told.at(-1)],
    "beyond the end": await refused(seen.download({ start: 5_000_000 })),
    stopped: (await stopped)[0],
    messages: (await bobs.getMessages()).items.length,
  };
  await message.channel.getMessagesCount();
  await (await room.getMessages(1)).items[0].remove();
  result["after its message"] = await refused(seen.getContentTemporaryUrl());
  await Promise.all([alice.shutdown(), bob.shutdown()]);
  return result;
}

/** Hold the conversation; `tokens` are of alice and bob, and a `stranger`'s that is signed with a wrong key. */
export async function converse({ Client, url, tokens, WebSocket = globalThis.WebSocket }) {
  const told = {};
  const line = breakable(WebSocket, tokens.bob);
  const alice = await Client.create(tokens.alice, { url, WebSocket });
  const bob = await Client.create(line.provider, { url, WebSocket: line.WebSocket });
  const heardByAlice = new Journal(alice, EVENTS);
  const heardByBob = new Journal(bob, EVENTS);
  const people = { alice, bob, heardByAlice, heardByBob, line };
  try {
    told.session = [alice.connectionState, alice.user.identity, (await alice.getSubscribedChannels()).items.length];
    const rooms = await gathering(told, people);
    await talking(told, people, rooms);
    await reading(told, people, rooms);
    await missing(told, people, rooms);
    await aboutUsers(told, people);
    await parting(told, people, rooms);
    told["a wrong token"] = await refused(Client.create(tokens.stranger, { url, WebSocket, ...inHaste() }));
  } finally {
    await Promise.all([alice.shutdown(), bob.shutdown()]);
  }
  return told;
}

async function gathering(told, { alice, bob, heardByAlice, heardByBob }) {
  const room = await alice.createChannel({
    uniqueName: "room",
    friendlyName: "The room",
    isPrivate: true,
    attributes: { colour: "green" },
  });
  told.created = [room.uniqueName, room.friendlyName, room.isPrivate, room.attributes, room.status, room.createdBy];
  told["alice hears of it"] = await heardByAlice.until("channelAdded room");
  told["hidden from others"] = await refused(bob.getChannelByUniqueName("room"));
  await room.join();
  told["alice hears of joining"] = await heardByAlice.until("memberJoined alice");
  await room.invite("bob");
  told["bob hears of the invite"] = await heardByBob.until("channelInvited room");
  const same = (await bob.getSubscribedChannels()).items[0];
  told.invited = [same.status, same.friendlyName];
  await same.join();
  told["bob hears of joining"] = await heardByBob.until("memberJoined bob");
  told["alice hears of bob"] = await heardByAlice.until("memberJoined bob");
  const members = await room.getMembers();
  told.members = members.map(({ identity }) => identity);
  told["bob by SID"] = (await room.getMemberBySid(members[1].sid)).identity;
  told.descriptors = (await room.getUserDescriptors()).items.map(({ identity }) => identity);
  return { room, same };
}

async function talking(told, { heardByAlice, heardByBob }, { room, same }) {
  await room.typing();
  told["bob sees typing"] = await heardByBob.until("typingStarted alice");
  told["index of the first"] = await room.sendMessage("hello", { mood: "good" });
  told["bob hears a message"] = await heardByBob.until('messageAdded 0 alice: hello {"mood":"good"}');
  await same.sendMessage("żółw \u{1F422}");
  told["alice hears both"] = await heardByAlice.until("messageAdded 1 bob: żółw \u{1F422} {}");
  const [first, second] = (await room.getMessages()).items;
  await first.updateBody("Hello");
  told["bob hears an edit"] = await heardByBob.until("messageUpdated 0 Hello");
  told["not bob's to edit"] = await refused((await same.getMessages()).items[0].updateBody("mine"));
  await second.getMember().then(async (author) => (told.author = [author.identity, (await author.getUser()).identity]));
}

async function reading(told, { heardByAlice }, { room, same }) {
  told["unread at first"] = await same.getUnconsumedMessagesCount();
  told["unread then"] = await same.advanceLastConsumedMessageIndex(0);
  told["alice hears of reading"] = await heardByAlice.until("memberUpdated bob read 0");
  told["unread in the end"] = [await same.setAllMessagesConsumed(), same.lastConsumedMessageIndex];
  for (let number = 2; number < 8; number += 1) room.sendMessage(`number ${number}`);
  await room.sendMessage("number 8");
  const last = await room.getMessages(4);
  const before = await last.prevPage();
  told.pages = [last, before, await before.prevPage()].map((page) => [
    page.items.map(({ body }) => body),
    page.hasPrevPage,
    page.hasNextPage,
  ]);
  told["in the middle"] = (await room.getMessages(2, 3, "forward")).items.map(({ index }) => index);
  told.counts = [await room.getMembersCount(), await room.getMessagesCount()];
}

async function missing(told, { bob, heardByBob, line }, { room, same }) {
  await heardByBob.until("messageAdded 8 alice: number 8 {}");
  line.cut();
  await state(bob, "connecting");
  await room.sendMessage("while bob is away");
  await room.sendMessage("removed again");
  const { items } = await room.getMessages(2);
  await items[0].updateBody("while bob was away");
  await items[1].remove();
  await room.updateFriendlyName("Our room");
  const waiting = same.sendMessage("sent while away");
  line.mend();
  told["index of what waited"] = await waiting;
  told["bob hears what he missed"] = (await heardByBob.until("messageAdded 11 bob: sent while away {}")).filter(
    (event) => !event.startsWith("memberUpdated"),
  );
  told["the room's name for bob"] = same.friendlyName;
}

async function aboutUsers(told, { alice, bob, heardByBob }) {
  const user = await bob.getUser("alice");
  await alice.user.updateFriendlyName("Alice A.");
  told["bob hears of alice"] = (await heardByBob.until("userUpdated alice is Alice A.")).at(-1);
  told["alice for bob"] = [user.friendlyName, user.isSubscribed];
  told["no such user"] = await refused(bob.getUserDescriptor("nobody"));
}

async function parting(told, { alice, bob, heardByAlice, heardByBob }, { room, same }) {
  told["not bob's to delete"] = await refused(same.delete());
  await same.leave();
  told["bob hears of leaving"] = await heardByBob.until("channelRemoved room");
  told["alice hears bob leave"] = (await heardByAlice.until("memberLeft bob")).at(-1);
  await room.add("bob");
  told["bob is back"] = await heardByBob.until("memberJoined bob");
  await room.delete();
  told["bob hears of the end"] = await heardByBob.until("channelRemoved room");
  told["channels at last"] = [
    (await alice.getSubscribedChannels()).items.length,
    (await bob.getSubscribedChannels()).items.length,
  ];
}
