import { NOT_FOUND, ParleyError, UnusableNotificationError } from "./errors.js";

/** The members of a payload that are about a channel; apps of Conversations call a channel a conversation. */
const DATA = {
  channel_sid: "channelSid",
  channel_title: "channelTitle",
  conversation_sid: "channelSid",
  conversation_title: "channelTitle",
  message_sid: "messageSid",
  message_index: "messageIndex",
  author: "author",
  media_count: "mediaCount",
  media: "media",
};
const READ = {
  message_index: wholeNumber,
  media_count: wholeNumber,
  media: parsed,
};

/**
 * What a push notification says. `payload` is what APNs gives the app, with `aps`, or what Firebase gives it, with
 * `data`. `sid` is the same if the notification comes twice.
 */
export function parsePushNotification(payload) {
  const isApple = isObject(payload?.aps);
  const carried = isApple ? payload : payload?.data;
  if (!isObject(carried) || typeof carried.twi_message_type !== "string") {
    throw new UnusableNotificationError("this is not a push notification of Parley's");
  }
  return {
    type: carried.twi_message_type,
    sid: carried.twi_message_id ?? null,
    ...(isApple ? shownByApple(payload.aps) : shownByGoogle(carried)),
    data: dataOf(carried),
  };
}

function shownByApple({ alert, sound, badge, category }) {
  const { title, body } = isObject(alert) ? alert : { body: alert };
  return { title: title ?? null, body: body ?? null, sound: sound ?? null, badge: badge ?? null, action: category ?? null };
}

function shownByGoogle({ twi_title: title, twi_body: body, twi_sound: sound, twi_action: action }) {
  return { title: title ?? null, body: body ?? null, sound: sound ?? null, badge: null, action: action ?? null };
}

function dataOf(carried) {
  const data = {};
  for (const [name, own] of Object.entries(DATA)) {
    const value = carried[name] ?? null;
    const read = value === null || !(name in READ) ? value : READ[name](value);
    if (read !== null) data[own] = read;
  }
  return data;
}

/** Firebase gives numbers as texts. */
function wholeNumber(value) {
  return /^\d+$/.test(value) ? Number(value) : null;
}

function parsed(value) {
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

/** The registrations that one client has made, by type. */
export class Registrations {
  #client;
  #sids = new Map();

  /** `client` registers and removes bindings. */
  constructor(client) {
    this.#client = client;
  }

  /** Register a token. If the client has registered another one of this type, that registration goes. */
  async set(bindingType, address) {
    const { sid } = await this.#client.registerBinding({ bindingType, address });
    const earlier = this.#sids.get(bindingType);
    this.#sids.set(bindingType, sid);
    if (earlier !== undefined && earlier !== sid) await this.#remove(earlier);
  }

  /** Remove what this client has registered of a type; nothing happens if it has registered nothing. */
  async unset(bindingType) {
    const sid = this.#sids.get(bindingType);
    if (sid === undefined) return;
    await this.#remove(sid);
    if (this.#sids.get(bindingType) === sid) this.#sids.delete(bindingType);
  }

  async #remove(sid) {
    try {
      await this.#client.removeBinding(sid);
    } catch (error) {
      if (!(error instanceof ParleyError && error.code === NOT_FOUND)) throw error;
    }
  }
}
