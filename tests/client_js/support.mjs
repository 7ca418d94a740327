// What the tests of the client share: a clock that is moved by hand, a WebSocket class without a network, and behind it
// a server that answers as docs/sockets.md says.

import assert from "node:assert/strict";
import { Client } from "../../clients/js/parley.js";

/** Let everything that needs no timer happen. */
export async function settled() {
  for (let round = 0; round < 8; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Time that passes only when told to. */
export class FakeClock {
  now = 1_800_000_000_000;
  #timers = new Map();
  #last = 0;

  setTimeout(callback, delay) {
    this.#last += 1;
    this.#timers.set(this.#last, { at: this.now + delay, callback });
    return this.#last;
  }

  clearTimeout(timer) {
    this.#timers.delete(timer);
  }

  get pending() {
    return this.#timers.size;
  }

  async advance(milliseconds) {
    const until = this.now + milliseconds;
    await settled();
    for (;;) {
      const [next] = [...this.#timers]
        .filter(([, { at }]) => at <= until)
        .sort(([, one], [, other]) => one.at - other.at);
      if (next === undefined) break;
      const [timer, { at, callback }] = next;
      this.#timers.delete(timer);
      this.now = Math.max(this.now, at);
      callback();
      await settled();
    }
    this.now = until;
  }
}

/** A token without a signature that expires so many seconds after the clock's time. */
export function token(clock, seconds = 3600, name = "token") {
  const payload = { jti: name, exp: Math.floor(clock.now / 1000) + seconds };
  return ["e30", Buffer.from(JSON.stringify(payload)).toString("base64url"), "c2ln"].join(".");
}

/** A socket as the client sees it, with methods by which a test plays the server. */
class FakeSocket {
  readyState = 0;
  sent = [];

  constructor(server, url, protocols) {
    this.server = server;
    this.url = url;
    this.protocols = protocols;
    server.sockets.push(this);
    queueMicrotask(() => server.arrived(this));
  }

  get token() {
    return this.protocols[1];
  }

  get actions() {
    return this.sent.map((frame) => frame.action);
  }

  open() {
    this.readyState = 1;
    this.onopen?.({});
  }

  send(text) {
    if (this.readyState !== 1) throw new Error("sent on a socket that is not open");
    const frame = JSON.parse(text);
    this.sent.push(frame);
    queueMicrotask(() => this.server.received(this, frame));
  }

  close() {
    if (this.readyState >= 2) return;
    this.readyState = 2;
    queueMicrotask(() => this.break(1000));
  }

  /** The server sends a frame. */
  tell(frame) {
    if (this.readyState === 1) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** The connection ends. */
  break(code = 1006) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code });
  }

  /** The handshake is refused; a class that shows the status does so as the package "ws" does. */
  refuse(status) {
    this.onerror?.(status === undefined ? {} : { message: `Unexpected server response: ${status}` });
    this.break();
  }
}

export class Refusal extends Error {
  constructor(status, code, message = "refused") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The other end: what it has, and what it was asked. */
export class FakeServer {
  sockets = [];
  /** What happens to a socket that arrives: "open", "hang", or the status of a refusal ("refuse": none is shown). */
  arrival = "open";
  answersPings = true;
  channels = [];
  catchUps = {};
  users = { alice: userView("alice"), bob: userView("bob"), carol: userView("carol") };
  /** Replies by action: a result, a Refusal, or a function of the frame and the socket. Undefined: no reply. */
  replies = {
    fetchSession: () => ({
      identity: "alice",
      user: this.users.alice,
      service: { sid: "IS1", reachability_enabled: true },
      media_url: "https://chat.example.com/media/v1/Services/IS1",
      media_size_limit_mb: 2,
      token_expires_at: "2027-01-15T09:00:00Z",
    }),
    listMyChannels: () => ({ channels: this.channels, next: null }),
    catchUp: (frame) => ({
      channels: Object.fromEntries(
        Object.keys(frame.channels).map((sid) => [sid, this.catchUps[sid]?.shift() ?? { status: "gone" }]),
      ),
    }),
    followUsers: ({ identities }) => ({ users: identities.map((identity) => this.users[identity]).filter(Boolean) }),
    refreshToken: { token_expires_at: "2027-01-15T09:00:00Z" },
  };

  constructor(clock) {
    this.clock = clock;
    const server = this;
    this.WebSocket = class {
      constructor(url, protocols) {
        return new FakeSocket(server, url, protocols);
      }
    };
  }

  get socket() {
    return this.sockets.at(-1);
  }

  /** The requests with an action, over all sockets. */
  asked(action) {
    return this.sockets.flatMap((socket) => socket.sent.filter((frame) => frame.action === action));
  }

  arrived(socket) {
    const arrival = typeof this.arrival === "function" ? this.arrival(socket) : this.arrival;
    if (arrival === "open") socket.open();
    else if (arrival === "refuse") socket.refuse();
    else if (arrival !== "hang") socket.refuse(arrival);
  }

  received(socket, frame) {
    if (frame.action === "ping") {
      if (this.answersPings) socket.tell({ action: "pong" });
      return;
    }
    const reply = this.replies[frame.action];
    let result;
    try {
      result = typeof reply === "function" ? reply(frame, socket) : reply;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      result = error;
    }
    if (result === undefined) return;
    if (result instanceof Refusal) {
      const { status, code, message } = result;
      socket.tell({ id: frame.id, status, error: { code, message } });
    } else {
      socket.tell({ id: frame.id, status: 200, result });
    }
  }
}

export function userView(identity, members = {}) {
  return {
    sid: `US-${identity}`,
    identity,
    friendly_name: null,
    attributes: "{}",
    is_online: null,
    is_notifiable: null,
    seq: 1,
    ...members,
  };
}

export function channelView(sid, seq, members = {}) {
  return {
    sid,
    unique_name: sid.toLowerCase(),
    type: "public",
    attributes: "{}",
    created_by: "bob",
    seq,
    last_message_index: null,
    ...members,
  };
}

/** An item of listMyChannels. */
export function listed(sid, seq, status = "joined", members = {}) {
  return {
    channel: channelView(sid, seq, members),
    user_channel: { status, last_consumed_message_index: null, notification_level: "default" },
  };
}

export function messageView(index, seq, members = {}) {
  return {
    sid: `IM${index}`,
    index,
    body: `body ${index}`,
    from: "bob",
    attributes: "{}",
    date_created: "2026-11-20T10:00:00Z",
    seq,
    ...members,
  };
}

export function memberView(identity, seq, members = {}) {
  return {
    sid: `MB-${identity}`,
    identity,
    role_sid: "RL1",
    attributes: "{}",
    last_consumed_message_index: null,
    seq,
    ...members,
  };
}

export function added(channel_sid, seq, index = seq, members = {}) {
  return { event: "messageAdded", channel_sid, seq, message: messageView(index, seq, members) };
}

export function edited(channel_sid, seq, index, body = "edited") {
  return {
    event: "messageUpdated",
    channel_sid,
    seq,
    message: messageView(index, seq, { body }),
    updateReasons: ["body"],
  };
}

export const CLIENT_EVENTS = [
  "channelAdded",
  "channelInvited",
  "channelJoined",
  "channelLeft",
  "channelRemoved",
  "channelUpdated",
  "channelRefetched",
  "memberJoined",
  "memberLeft",
  "memberUpdated",
  "messageAdded",
  "messageRemoved",
  "messageUpdated",
  "typingStarted",
  "typingEnded",
  "userSubscribed",
  "userUnsubscribed",
  "userUpdated",
];

/** A client of a fake server, and what it was told, each event as a short text. */
export function world({ source, options = {}, ...server } = {}) {
  const clock = new FakeClock();
  const fake = Object.assign(new FakeServer(clock), server);
  const given =
    source === undefined ? token(clock, 10 * 3600) : typeof source === "function" ? () => source(clock) : source;
  const client = new Client(given, {
    url: "wss://chat.example.com/ws",
    WebSocket: fake.WebSocket,
    timers: clock,
    clock: () => clock.now,
    random: () => 0.5,
    fetch: async () => ({}),
    log: null,
    ...options,
  });
  const states = [];
  const errors = [];
  const events = [];
  client.on("connectionStateChanged", (state) => states.push(state));
  client.on("connectionError", (error) => errors.push(error));
  for (const name of CLIENT_EVENTS) client.on(name, (payload) => events.push(`${name} ${named(payload)}`));
  return { clock, server: fake, client, states, errors, events };
}

/** The same, connected. */
export async function connected(given = {}) {
  const made = world(given);
  await made.client.initialize();
  return made;
}

function named(payload) {
  const reasons = payload.updateReasons ? ` [${payload.updateReasons}]` : "";
  const subject =
    payload.updateReasons || !payload.on
      ? (payload.message ?? payload.member ?? payload.user ?? payload.channel)
      : payload;
  return (subject.index ?? subject.identity ?? subject.sid) + reasons;
}

/** The channel of tests that need one only. */
export const CH = "CH1";
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;

/** A client in the channels that are listed, with a way to be told things. */
export async function inChannels(...channels) {
  const made = await connected({ channels });
  const tell = async (...frames) => {
    frames.forEach((frame) => made.server.socket.tell(frame));
    await settled();
  };
  const heard = () => made.events.splice(0);
  /** Lose the connection, let the world change, and be connected again. */
  const away = async (change = () => {}) => {
    made.server.socket.break();
    change(made.server);
    await made.clock.advance(SECOND);
    assert.equal(made.client.connectionState, "connected");
  };
  const [channel] = (await made.client.getSubscribedChannels()).items;
  return { ...made, tell, heard, away, channel };
}

export const member = (event, seq, identity = "bob", members = {}) => ({
  event,
  channel_sid: CH,
  seq,
  member: memberView(identity, seq, members),
});
export const membership = (event, seq, members = {}) => ({
  event,
  channel_sid: CH,
  seq,
  channel: channelView(CH, seq, members),
  user_channel: { status: event === "channelInvited" ? "invited" : "joined" },
  member: memberView("alice", seq),
});

/** Nobody waits for the outcome; it is looked at later. */
export function outcomeOf(promise) {
  const outcome = {};
  promise.then(
    (value) => (outcome.value = value),
    (error) => (outcome.error = error),
  );
  return outcome;
}

/** A provider of tokens that counts, each with a life of so many seconds. */
export function provider(seconds = 3600) {
  const made = [];
  const source = (clock) => {
    made.push(token(clock, seconds, `token ${made.length + 1}`));
    return made.at(-1);
  };
  return { source, made };
}

export const inRoom = { channels: [listed("CH1", 0)] };
