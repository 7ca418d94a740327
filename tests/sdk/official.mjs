// Twilio's own SDKs, from their npm packages, as the scenarios of this folder speak of them: one vocabulary for the five
// versions, sockets that can be cut and lose pushes, and a note of every event.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { Client as ParleyClient } from "../../clients/js/parley.js";
import { parley } from "../../clients/js/twilio-sdk.js";
import { unreliable } from "../support/unreliable.mjs";

const PATIENCE = Number(process.env.PATIENCE ?? 60_000);
const MOST_FAILURES = 3;
const EVENTS =
  "channelAdded channelInvited channelJoined channelLeft channelRemoved channelUpdated memberJoined memberLeft " +
  "memberUpdated messageAdded messageRemoved messageUpdated typingStarted typingEnded userSubscribed userUnsubscribed " +
  "userUpdated tokenAboutToExpire tokenExpired connectionError connectionStateChanged";
// What a scenario says to Chat, and how Conversations calls the same.
const CONVERSATIONS = [
  ["setNoMessagesConsumed", "setAllMessagesUnread"],
  ["Unconsumed", "Unread"],
  ["Consumed", "Read"],
  ["Channel", "Conversation"],
  ["channel", "conversation"],
  ["Member", "Participant"],
  ["member", "participant"],
];

const inConversations = (name) => CONVERSATIONS.reduce((text, [chat, other]) => text.replaceAll(chat, other), name);

/** One version of one package, by the name of its folder: "twilio-chat-3.4.0", "conversations-3.0.1". */
export class Sdk {
  constructor(name, folder) {
    const [, kind, version] = /^(?:twilio-)?(\w+)-(.+)$/.exec(name);
    this.name = name;
    this.isConversations = kind === "conversations";
    this.major = this.isConversations ? 6 : Number(version[0]);
    const packages = createRequire(`${folder}/`);
    const module = packages(folder);
    this.Client = module.Client ?? module;
    this.Sockets = createRequire(createRequire(`${folder}/`).resolve("twilsock"))("ws");
  }

  say(name) {
    return this.isConversations ? inConversations(name) : name;
  }

  /** An object of the SDK whose members have the names of Chat. */
  view(object) {
    if (Array.isArray(object)) return object.map((one) => this.view(one));
    if (object instanceof Promise) return object.then((value) => this.view(value));
    if (object === null || typeof object !== "object" || object instanceof Date || this.#isPlain(object)) return object;
    return new Proxy(object, {
      get: (target, name) => {
        if (name === REAL) return target;
        const value = target[typeof name === "string" ? this.say(name) : name];
        if (typeof value !== "function") return this.view(value);
        return (...given) => this.view(value.apply(target, given.map(real)));
      },
    });
  }

  #isPlain(object) {
    const maker = Object.getPrototypeOf(object);
    return maker === null || maker === Object.prototype;
  }
}

/** The JavaScript client of Parley, which has the names of Chat. */
export class NativeSdk {
  name = "parley-client";
  isConversations = false;
  major = 4;
  Client = {
    create: (token, { Twilsock }) => {
      const url = Twilsock.uri.replace("?protocol=twilsock", "");
      return ParleyClient.create(token, { url, WebSocket: this.Connected });
    },
  };

  constructor(Sockets) {
    this.Sockets = Sockets;
  }

  say(name) {
    return name;
  }

  view(object) {
    return object;
  }
}

const REAL = Symbol("the object itself");
const real = (value) => value?.[REAL] ?? value;

/** Somebody with a client of one SDK. */
export class Person {
  events = [];
  #waiting = new Set();

  /**
   * `network` says what becomes of what the server sends, as in unreliable.mjs; with null, the SDK has its own sockets.
   * `more` are further arguments for the shim.
   */
  constructor(sdk, identity, network, more = {}) {
    this.sdk = sdk;
    this.more = more;
    this.identity = identity;
    this.Sockets = network === null ? undefined : unreliable(sdk.Sockets, network);
  }

  /** Connect, and wait until the client is ready. */
  async connect(url, token) {
    if (this.sdk.major < 6) {
      this.#listen(await this.sdk.Client.create(token, this.#options(url)));
      return this;
    }
    this.begin(url, token);
    await new Promise((resolve, reject) => {
      this.real.on("stateChanged", (state) => (state === "initialized" ? resolve() : reject(new Error(state))));
    });
    return this;
  }

  /** Make a client without waiting for it. */
  begin(url, token) {
    this.#listen(new this.sdk.Client(token, this.#options(url)));
    if (this.sdk.major < 6) this.real.initialize().catch(() => {});
  }

  #options(url) {
    this.sdk.Connected = this.Sockets;
    return parley(url, { WebSocket: this.Sockets, ...this.more });
  }

  #listen(client) {
    this.real = client;
    this.client = this.sdk.view(client);
    for (const name of EVENTS.split(" ")) {
      client.on(this.sdk.say(name), (payload) => {
        this.events.push({ name, payload: this.sdk.view(payload), text: `${name} ${shown(this.sdk, payload)}`.trim() });
        this.#waiting.forEach((look) => look());
      });
    }
  }

  get sockets() {
    return this.Sockets.sockets;
  }

  /** Break the connection as a network does. */
  cut() {
    this.sockets.at(-1).terminate();
  }

  /** Wait until something is so; it is looked at after each event, and now and then. */
  async until(what, isSo) {
    const end = Date.now() + PATIENCE;
    let found;
    while (!(found = await isSo())) {
      assert.ok(Date.now() < end, `${this.sdk.name}: ${this.identity} waits in vain for: ${what}; had ${this.told()}`);
      await new Promise((resolve) => {
        const look = () => {
          clearTimeout(timer);
          this.#waiting.delete(look);
          resolve();
        };
        const timer = setTimeout(look, 50);
        this.#waiting.add(look);
      });
    }
    return found;
  }

  /** Wait for events by their text, in any order, and forget them; returns the payload of the last. */
  async hears(...texts) {
    let last;
    for (const text of texts) {
      const isIt = (event) => event.text === text || event.name === text;
      last = await this.until(text, () => this.events.find(isIt));
      this.events.splice(this.events.indexOf(last), 1);
    }
    return last.payload;
  }

  /** The texts of the events that were not asked for yet. */
  told() {
    return this.events.map(({ text }) => text).join(", ");
  }

  /** Forget the events so far. */
  forget() {
    this.events.length = 0;
  }

  channel(sid) {
    return this.client.getChannelBySid(sid);
  }

  async shutdown() {
    await this.real.shutdown();
  }
}

/** The subject of an event, and what changed in it. */
function shown(sdk, payload) {
  if (payload === null || typeof payload !== "object") return String(payload ?? "");
  const name = inverse(sdk, payload.updateReasons);
  const subject = ["message", "member", "participant", "user", "channel", "conversation"].find(
    (key) => payload.updateReasons && payload[key],
  );
  const one = subject ? payload[subject] : payload;
  const label = one.index ?? one.identity ?? one.uniqueName ?? one.friendlyName ?? "";
  return `${label}${name}`;
}

function inverse(sdk, reasons) {
  if (!reasons) return "";
  // Which dates change with a member is of no interest here.
  const chat = reasons.filter((reason) => !reason.startsWith("date")).map((reason) => reason.replace("lastRead", "lastConsumed").replace("lastReadTime", "lastConsumptionTime"));
  return ` [${chat.sort().join(" ")}]`;
}

/** Fails with every check that failed, not with the first only. */
export class Checks {
  #failures = [];
  #done = 0;

  /** A rejection that nobody catches is a failure too, unless its message is of the `usual` ones. */
  constructor(usual = /^$/) {
    process.on("unhandledRejection", (error) => {
      if (!usual.test(error?.message)) this.#fail("nobody caught", error);
    });
  }

  #fail(what, error) {
    this.#failures.push(`${what}: ${error?.stack ?? error} ${JSON.stringify(error?.body ?? null)}`);
  }

  check = async (what, act) => {
    if (this.#failures.length >= MOST_FAILURES) return;
    try {
      await inTime(act());
      this.#done += 1;
    } catch (error) {
      this.#fail(what, error);
    }
  };

  end = () => {
    console.log(JSON.stringify({ done: this.#done, failures: this.#failures }));
    process.exit(this.#failures.length > 0 ? 1 : 0);
  };
}

/** A promise that fails when the SDK never settles it. */
async function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("it never ended")), 2 * PATIENCE);
  });
  await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The refusal of a promise: its status and code as the SDK tells them. */
export async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error.status ?? error.code ?? error.message;
  }
  return assert.fail("it was not refused");
}

export const given = JSON.parse(process.env.GIVEN);
const { stack } = given;

/** An access token for somebody, as a back end makes it. */
export function token(identity, { seconds = 3600, service = given.service_sid, key = stack.api_key_sid, secret = stack.api_key_secret } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    jti: `${key}-${now}-${Math.random()}`,
    iss: key,
    sub: stack.account_sid,
    exp: now + seconds,
    grants: { identity, chat: { service_sid: service } },
  };
  const parts = [{ typ: "JWT", alg: "HS256", cty: "twilio-fpa;v=1" }, claims];
  const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** A REST request with the account's credentials. */
export async function ask(method, path, form) {
  const authorization = `Basic ${Buffer.from(`${stack.account_sid}:${stack.auth_token}`).toString("base64")}`;
  const type = form ? { "Content-Type": "application/x-www-form-urlencoded" } : {};
  const body = form && new URLSearchParams(form);
  const response = await fetch(stack.rest_url + path, { method, headers: { authorization, ...type }, body });
  // A fast machine makes more than thirty changes of a channel in a second.
  if (response.status === 429) return new Promise((resolve) => setTimeout(resolve, 200)).then(() => ask(method, path, form));
  const answer = response.status === 204 ? null : await response.json();
  assert.ok(response.ok, `${method} ${path}: ${JSON.stringify(answer)}`);
  return answer;
}

const inService = (path) => `/chat/v2/Services/${given.service_sid}${path}`;

/** A request about the scenario's service; with a form, it creates or updates. */
export const rest = (path, form) => ask(form ? "POST" : "GET", inService(path), form);
export const remove = (path) => ask("DELETE", inService(path));
