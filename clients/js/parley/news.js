/** Which pushes of a channel say something new, in which order, and under which name they are told. */

import { Recent } from "./recent.js";

/** The record that each event is about. Pushes with other names only take their number. */
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

/** How an addition is told if the record is known already. What has changed is not known, so every reason is named. */
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

/** How an update is told if the record was known to be gone. Messages do not come back, members do. */
const AS_ADDITION = { memberUpdated: { event: "memberJoined", updateReasons: undefined } };

const isAddition = ({ event }) => event in AS_UPDATE;

/** Which record a push is about, and in which version; null for a push that only takes a number. */
export function recordOf(push) {
  const subject = SUBJECTS[push.event];
  const record = push[subject];
  if (record === undefined) return null;
  // The view of a channel may be newer than the change that it is sent for, so only the push tells the version.
  if (subject === "channel") return { key: push.user_channel ? "user_channel" : "channel", version: push.seq };
  return { key: `${subject} ${record.sid}`, version: Math.max(push.seq, record.seq ?? 0) };
}

/** The index of a new message; -1 for any other push. */
const indexOf = ({ event, message }) => (event === "messageAdded" ? message.index : -1);

/**
 * Sorts pushes by `seq`, but new messages by index: in an answer to `catchUp`, a message that was edited since it was
 * written carries the `seq` of the edit.
 */
function inOrder(pushes) {
  const ordered = [...pushes].sort((one, other) => one.seq - other.seq || isAddition(other) - isAddition(one));
  const messages = ordered.filter((push) => indexOf(push) >= 0).sort((one, other) => indexOf(one) - indexOf(other));
  return ordered.flatMap((push) => {
    const index = indexOf(push);
    return index < 0 ? [push] : messages.splice(0, messages.filter((other) => indexOf(other) <= index).length);
  });
}

/** Remembers what was told of each record, and picks what is new. */
export class News {
  #known;
  /** By record: an addition from an answer that is not told yet. Until it is, nothing else is told of the record. */
  #arriving = new Map();

  constructor(memory) {
    this.#known = new Recent(memory);
  }

  /** Whether a push is about a record that is known in this or a newer version. */
  isKnown(push) {
    const { key, version } = recordOf(push);
    return this.#known.get(key)?.version >= version;
  }

  /** Remember pushes that are not told, so that late repeats of them are not told either. */
  remember(pushes) {
    for (const push of pushes) {
      if (recordOf(push) !== null && !this.isKnown(push)) this.#remember(push);
    }
  }

  /** Note an addition that an answer contains; returns false for any other push. */
  expect(push) {
    if (isAddition(push)) this.#arriving.set(recordOf(push).key, push);
    return isAddition(push);
  }

  expectNothing() {
    this.#arriving.clear();
  }

  /** Forget all records: the channel has begun to count anew. */
  forget() {
    this.#known.clear();
  }

  /**
   * What to tell, in order, when these pushes have their turn and everything up to `mark` has been seen. The expected
   * additions up to `mark` come with them, and older messages come before newer ones. What is known of a member from
   * before `base` counts for nothing: the member may have left or come back since, which nobody told.
   */
  of(pushes, mark, base) {
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
