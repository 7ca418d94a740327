/** Picks the pushes of a channel that say something new, puts them in order, and gives each the right event name. */

import { Recent } from "./recent.js";

/** The record that each event is about. Pushes with other names only take a number. */
const SUBJECTS = {
  messageAdded: "message",
  messageUpdated: "message",
  messageRemoved: "message",
  memberJoined: "member",
  memberUpdated: "member",
  memberLeft: "member",
  channelUpdated: "channel",
};
const REMOVALS = new Set(["messageRemoved", "memberLeft"]);

/** The event for an addition whose record is known already. Nobody knows what has changed, so it names every reason. */
const AS_UPDATE = {
  messageAdded: {
    event: "messageUpdated",
    updateReasons: ["body", "lastUpdatedBy", "dateUpdated", "dateCreated", "attributes", "author"],
  },
  memberJoined: {
    event: "memberUpdated",
    updateReasons: [
      "attributes",
      "dateCreated",
      "dateUpdated",
      "roleSid",
      "lastConsumedMessageIndex",
      "lastConsumptionTimestamp",
    ],
  },
};

/** The event for an update of a record that was gone. Members come back, messages do not. */
const AS_ADDITION = { memberUpdated: { event: "memberJoined", updateReasons: undefined } };

const isAddition = ({ event }) => event in AS_UPDATE;

/** The record that a push is about, and its version; null for a push that only takes a number. */
export function recordOf(push) {
  const subject = SUBJECTS[push.event];
  const record = push[subject];
  if (record === undefined) return null;
  // A push may show a channel as it was after later changes, so for channels only the push's own `seq` counts.
  if (subject === "channel") return { key: push.user_channel ? "user_channel" : "channel", version: push.seq };
  return { key: `${subject} ${record.sid}`, version: Math.max(push.seq, record.seq ?? 0) };
}

/** The index of a new message; -1 for any other push. */
const indexOf = ({ event, message }) => (event === "messageAdded" ? message.index : -1);

/**
 * Sorts pushes by `seq`, but new messages by index. In an answer to `catchUp`, a message that was written and then
 * edited has the `seq` of the edit. It must still come before the messages that were written after it.
 */
function inOrder(pushes) {
  const ordered = [...pushes].sort((one, other) => one.seq - other.seq || isAddition(other) - isAddition(one));
  const messages = ordered.filter((push) => indexOf(push) >= 0).sort((one, other) => indexOf(one) - indexOf(other));
  return ordered.flatMap((push) => {
    const index = indexOf(push);
    return index < 0 ? [push] : messages.splice(0, messages.filter((other) => indexOf(other) <= index).length);
  });
}

/** Remembers which version of each record was delivered, and picks the pushes that are new. */
export class News {
  #known;
  /** By record: additions from answers that are not delivered yet. No other push of the record is delivered before. */
  #arriving = new Map();

  constructor(memory) {
    this.#known = new Recent(memory);
  }

  /** Whether this or a newer version of the push's record is known. */
  isKnown(push) {
    const { key, version } = recordOf(push);
    return this.#known.get(key)?.version >= version;
  }

  /** Remember pushes as delivered, so that late repeats of them are dropped. */
  remember(pushes) {
    for (const push of pushes) {
      if (recordOf(push) !== null && !this.isKnown(push)) this.#remember(push);
    }
  }

  /** Keep an addition from an answer until `select` delivers it; returns false for any other push. */
  expect(push) {
    if (isAddition(push)) this.#arriving.set(recordOf(push).key, push);
    return isAddition(push);
  }

  expectNothing() {
    this.#arriving.clear();
  }

  /** Forget all records: the channel has started counting again. */
  forget() {
    this.#known.clear();
  }

  /**
   * The pushes to deliver, in order, when the turn of `pushes` has come and the mark is `mark`. They include the
   * expected additions up to `mark`, and expected messages that are older than one of these pushes. Versions of members
   * from before `base` do not count: the member may have left or come back since.
   */
  select(pushes, mark, base) {
    const arriving = [...this.#arriving.values()];
    const reached = [...pushes, ...arriving.filter(({ seq }) => seq <= mark)];
    const newest = Math.max(-1, ...reached.map(indexOf));
    const older = arriving.filter((push) => push.seq > mark && indexOf(push) >= 0 && indexOf(push) < newest);
    return inOrder([...reached, ...older]).flatMap((push) => this.#asNews(push, base));
  }

  #asNews(push, base) {
    const record = recordOf(push);
    if (record === null) return [];
    const arriving = this.#arriving.get(record.key);
    if (arriving === push) this.#arriving.delete(record.key);
    else if (arriving?.seq >= record.version) return [];
    const known = this.#known.get(record.key);
    if (known?.version >= record.version) return [];
    this.#remember(push);
    if (known === undefined || (push.member && known.version < base)) return [push];
    if (known.isGone && REMOVALS.has(push.event)) return [];
    const renamed = known.isGone ? AS_ADDITION[push.event] : AS_UPDATE[push.event];
    return [renamed === undefined ? push : { ...push, ...renamed }];
  }

  #remember(push) {
    const { key, version } = recordOf(push);
    this.#known.set(key, { version, isGone: REMOVALS.has(push.event) });
  }
}
