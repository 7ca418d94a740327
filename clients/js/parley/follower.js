import { CONNECTION_IS_OVER } from "./errors.js";
import { News, recordOf } from "./news.js";

/** How long a hole may fill itself before it is asked about. */
const HOLE_PATIENCE = 250;
const ASK_AGAIN_AFTER = 1_000;
/** So many questions in a row may bring nothing before a number is passed over. */
const MOST_TRIES = 3;
/** So many numbers of a hole are passed over one by one; the rest of the hole is then passed over at once. */
const MOST_STEPS = 8;
/** How many answers are remembered as having told everything about their time. */
const TOLD_SPANS = 20;

const LIMITS = {
  /** The versions of so many records are remembered. */
  memory: 2_000,
  /** Pushes under so many numbers are held; those that do not fit are asked for when their turn comes. */
  held: 1_000,
  /** So many answers in a row may say that there is more without getting further. */
  stalls: 100,
};

/**
 * Decides, for one channel, which pushes are delivered, which are held back and when to ask the server for a hole.
 *
 *   push = mark + 1  ──> delivered, and the held ones that follow
 *   push > mark + 1  ──> held; this makes a hole, which is asked about after a quarter of a second
 *   push <= mark     ──> delivered if its record is not known in this or a newer version
 *
 * Pure: times are passed in as milliseconds. `dueAt` says when to call `ask`, which gives the mark for `catchUp`. Then
 * `answer`, `refused` or `interrupted` says what became of the question. The rules are those of "Missing nothing" in
 * docs/sockets.md; clients/vectors has an example of each.
 */
export class ChannelFollower {
  #limits;
  #news;
  #mark;
  /** Where following began. */
  #base;
  /** How far the channel is said to have come. */
  #target;
  /** The pushes that came before their turn, by number. */
  #held = new Map();
  /** Pushes from before the base, which are told once it is known what happened since. */
  #late = [];
  /** Those of them that the question under way is about. */
  #lateAsked = [];
  #told = [];
  #dueAt = null;
  /** Whether there is another reason to ask than a hole. */
  #mustAsk = false;
  #isAsking = false;
  #askedFrom = 0;
  #markWhenAsked = 0;
  /** Where the next question goes on if an answer below the mark said that there is more. */
  #goesOnFrom = null;
  /** The mark below the hole for which the next two count. */
  #holeAt = null;
  #tries = 0;
  #steps = 0;
  #stalls = 0;

  constructor(mark, limits = {}) {
    this.#limits = { ...LIMITS, ...limits };
    this.#news = new News(this.#limits.memory);
    this.#mark = this.#base = this.#target = mark;
  }

  /** The last `seq` up to which everything has been seen; null after `end`. */
  get mark() {
    return this.#mark;
  }

  /** When `ask` is to be called, or null. */
  get dueAt() {
    return this.#isAsking ? null : this.#dueAt;
  }

  /** A push came; returns those to deliver now, in order. */
  receive(push, now) {
    if (push.seq <= this.#mark) return this.#receiveLate(push, now);
    if (this.#held.size < this.#limits.held || push.seq === this.#mark + 1) this.#hold(push.seq, [push]);
    else this.#target = Math.max(this.#target, push.seq);
    const delivered = this.#drain();
    this.#watch(now);
    return delivered;
  }

  /** A list of channels says how far this one has come (-1: it is not in the list). Asks unless that is the mark. */
  expect(seq, now) {
    this.#withdraw();
    // If pushes are held, others may have been dropped that are newer than the list.
    this.#target = this.#held.size > 0 ? Math.max(this.#target, seq) : seq;
    this.#mustAsk = seq !== this.#mark || this.#held.size > 0 || this.#late.length > 0 || this.#goesOnFrom !== null;
    if (this.#mustAsk) this.#dueAt = now;
    else this.#watch(now);
  }

  /** The mark to ask with; nothing is due until the question is answered, has failed or was interrupted. */
  ask() {
    this.#isAsking = true;
    this.#mustAsk = false;
    this.#dueAt = null;
    this.#markWhenAsked = this.#mark;
    this.#askedFrom = this.#goesOnFrom ?? Math.min(this.#mark, ...this.#late.map(({ seq }) => seq - 1));
    this.#lateAsked = this.#late.filter(({ seq }) => seq > this.#askedFrom);
    this.#late = this.#late.filter(({ seq }) => seq <= this.#askedFrom);
    return this.#askedFrom;
  }

  /** The channel's part of the reply to `catchUp`, unless it is that the channel is gone. */
  answer({ status, seq, events = [], more = false }, now) {
    if (!this.#isAsking) return { isRefetch: false, deliver: [] };
    this.#isAsking = false;
    if (status === "refetch") return { isRefetch: true, deliver: this.#beginAnew(seq, now) };
    this.#stalls = seq > this.#askedFrom ? 0 : this.#stalls + 1;
    const goesOn = more && this.#stalls < this.#limits.stalls;
    const deliver = [...this.#take(events, seq), ...this.#settleLate(seq, goesOn)];
    this.#goesOnFrom = goesOn && seq < this.#mark ? seq : null;
    if (goesOn || this.#late.length > 0) this.#mustAsk = true;
    if (this.#mustAsk) this.#dueAt = now;
    else if (!this.#hasHole()) this.#watch(now);
    else if (this.#isLastTry()) deliver.push(...this.#passOver(now));
    else this.#askLater(now);
    return { isRefetch: false, deliver };
  }

  /**
   * The server refused to answer. After the third time what is held is delivered, the rest is to be fetched again. If it
   * refused because the connection is over, the question is lost with the connection.
   */
  refused(code, now) {
    if (CONNECTION_IS_OVER.has(code)) return this.interrupted(now);
    this.#withdraw();
    if (!this.#isLastTry()) {
      this.#mustAsk = true;
      this.#dueAt = now + ASK_AGAIN_AFTER;
      return { isRefetch: false, deliver: [] };
    }
    this.#late = [];
    this.#goesOnFrom = null;
    this.#mustAsk = false;
    if (this.#hasHole()) this.#mark = this.#endOfHole();
    const deliver = this.#drain();
    this.#watch(now);
    return { isRefetch: true, deliver };
  }

  /** The user is no member any more. Returns what is held, for nobody fills its holes now. */
  end() {
    const held = [...this.#held].sort(([one], [other]) => one - other).flatMap(([, pushes]) => pushes);
    const last = Math.max(this.#mark, ...this.#held.keys());
    this.#held.clear();
    this.#mark = this.#dueAt = null;
    return this.#news.of(held, last, this.#base);
  }

  /** The question got lost with the connection. It does not count, and `expect` will say whether to ask again. */
  interrupted(now) {
    this.#withdraw();
    this.#mustAsk = true;
    this.#dueAt = now + ASK_AGAIN_AFTER;
    return { isRefetch: false, deliver: [] };
  }

  /**
   * A push at or below the mark. One from before the base is asked about first: its record may have been changed or
   * removed since, and of what happened before the base nothing more is heard.
   */
  #receiveLate(push, now) {
    if (this.#isTold(push)) return [];
    if (push.seq >= this.#base || recordOf(push) === null || push.event === "messageRemoved") {
      return this.#tell([push]);
    }
    if (this.#news.isKnown(push)) return [];
    this.#late.push(push);
    this.#mustAsk = true;
    this.#dueAt = now;
    return [];
  }

  /** The application fetches everything anew, as of `seq`. */
  #beginAnew(seq, now) {
    if (seq < this.#mark) this.#news.forget();
    this.#news.expectNothing();
    this.#mark = this.#base = this.#target = seq;
    for (const [number, pushes] of [...this.#held]) {
      if (number > seq) continue;
      this.#news.remember(pushes);
      this.#held.delete(number);
    }
    this.#told = [];
    this.#late = [];
    this.#lateAsked = [];
    this.#goesOnFrom = this.#holeAt = null;
    this.#stalls = 0;
    const delivered = this.#drain();
    this.#mustAsk = false;
    this.#watch(now);
    return delivered;
  }

  /** Deliver what an answer up to `seq` tells, and hold what it tells beyond. */
  #take(events, seq) {
    const fresh = events.filter((push) => !this.#isTold(push));
    this.#told = [...this.#told.slice(1 - TOLD_SPANS), { after: this.#askedFrom, upTo: seq }];
    this.#mark = Math.max(this.#mark, seq);
    // The answer has told what was held of its time.
    for (const number of [...this.#held.keys()]) if (number <= this.#mark) this.#held.delete(number);
    const reached = [];
    for (const push of fresh) {
      const isExpected = this.#news.expect(push);
      if (push.seq > this.#mark) this.#hold(push.seq, isExpected ? [] : [push]);
      else if (!isExpected) reached.push(push);
    }
    return this.#drain(reached);
  }

  /** The answer has told the late pushes up to `seq`; those beyond are asked about again if that gets any further. */
  #settleLate(seq, goesOn) {
    const left = this.#lateAsked.filter((push) => push.seq > seq);
    const gotFurther = left.length < this.#lateAsked.length;
    this.#lateAsked = [];
    if (!goesOn && !gotFurther) return this.#tell(left);
    this.#late = [...left, ...this.#late];
    return [];
  }

  /** Count a question; whether it was the last of those that may bring the mark no further. */
  #isLastTry() {
    if (this.#markWhenAsked !== this.#mark) this.#tries = this.#steps = 0;
    this.#tries += 1;
    return this.#tries >= MOST_TRIES;
  }

  #askLater(now) {
    this.#holeAt = this.#mark;
    this.#dueAt = now + ASK_AGAIN_AFTER;
  }

  /**
   * Pass over one number of a hole. What comes after it in the same hole may be lost too, and an answer may end where a
   * number is missing: so the next number is asked about once more before it is passed over.
   */
  #passOver(now) {
    this.#steps += 1;
    const passed = this.#steps > MOST_STEPS ? this.#endOfHole() : this.#mark + 1;
    this.#mark = passed;
    const delivered = this.#drain();
    if (this.#hasHole() && this.#mark === passed) {
      this.#holeAt = passed;
      this.#tries = MOST_TRIES - 1;
      this.#dueAt = now;
    } else {
      this.#watch(now);
    }
    return delivered;
  }

  /** Make a new hole due, and nothing if there is none. A hole that is due or asked about already stays so. */
  #watch(now) {
    if (this.#isAsking || this.#mustAsk) return;
    const holeAt = this.#hasHole() ? this.#mark : null;
    if (holeAt !== null && holeAt === this.#holeAt) return;
    this.#holeAt = holeAt;
    this.#dueAt = holeAt === null ? null : now + HOLE_PATIENCE;
    this.#tries = this.#steps = 0;
  }

  #hasHole() {
    return this.#held.size > 0 || this.#target > this.#mark;
  }

  /** The last number that is missing before something that is held, or before the end. */
  #endOfHole() {
    const ends = [...this.#held.keys()].map((number) => number - 1);
    return Math.min(...ends, ...(this.#target > this.#mark ? [this.#target] : []));
  }

  #hold(number, pushes) {
    this.#held.set(number, [...(this.#held.get(number) ?? []), ...pushes]);
  }

  /** Deliver these and what is held of the numbers that follow the mark, which moves to the last of them. */
  #drain(reached = []) {
    const drained = [...reached];
    for (let held; (held = this.#held.get(this.#mark + 1));) {
      this.#mark += 1;
      this.#held.delete(this.#mark);
      drained.push(...held);
    }
    return this.#tell(drained);
  }

  #tell(pushes) {
    return this.#news.of(pushes, this.#mark, this.#base);
  }

  /** The question under way is not waited for any more. */
  #withdraw() {
    this.#isAsking = false;
    this.#late = [...this.#lateAsked, ...this.#late];
    this.#lateAsked = [];
  }

  /** Whether an answer has told all there is to say of the time of this push, and better. */
  #isTold({ seq }) {
    return this.#told.some(({ after, upTo }) => seq > after && seq <= upTo);
  }
}
