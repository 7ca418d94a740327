import { CONNECTION_IS_OVER } from "./errors.js";
import { News, recordOf } from "./news.js";
import { Skipped } from "./skipped.js";

/**
 * How long a gap may last, in milliseconds, before the client asks the server about it. Pushes of two senders often
 * overtake each other, and some changes come later than others. Whoever writes a message pushes it at once; other
 * changes wait for the stream, which Lambda reads every quarter of a second. Then fan-out may wait another quarter of a
 * second for a writer. The rest is for reading and posting.
 */
const GAP_PATIENCE = 600;
const ASK_AGAIN_AFTER = 1_000;
/** After so many questions in a row without success, the client skips a number. */
const MOST_TRIES = 3;
/** The client skips so many numbers of a gap one by one, and then the rest of the gap at once. */
const MOST_STEPS = 8;
/** Of how many answers the client remembers which numbers they covered. */
const COVERED_SPANS = 20;

const LIMITS = {
  /** How many records the client remembers the version of. */
  memory: 2_000,
  /** Under how many numbers the client holds pushes. It drops others, and asks for them when their turn comes. */
  held: 1_000,
  /** How many answers in a row may say `more` without getting further. */
  stalls: 100,
};

/**
 * Decides, for one channel, which pushes to deliver, which to hold back, and when to ask the server about a gap.
 *
 *   push = mark + 1  ──> delivered, with the held pushes that follow it
 *   push > mark + 1  ──> held: this is a gap, and after GAP_PATIENCE the client asks about it
 *   push <= mark     ──> delivered, unless this or a newer version of its record is known
 *
 * It has no clock: callers pass times in milliseconds. `dueAt` says when to call `ask`, which returns the number for
 * `catchUp`. Then the caller calls `answer`, `refused` or `interrupted`. The rules are those of "Missing nothing" in
 * docs/sockets.md; clients/vectors has an example of each.
 */
export class ChannelFollower {
  #limits;
  #news;
  #mark;
  /** The first mark. */
  #base;
  /** The highest number that the channel is known to have reached. */
  #target;
  /** The pushes that came too early, by number. */
  #held = new Map();
  /** Pushes from before the base. They wait until the client knows what happened since. */
  #late = [];
  /** Those of them that the open question is about. */
  #lateAsked = [];
  #covered = [];
  #dueAt = null;
  /** Whether there is a reason to ask even without a gap. */
  #mustAsk = false;
  #isAsking = false;
  #askedFrom = 0;
  #markWhenAsked = 0;
  /** Where the next question continues, if an answer below the mark said `more`. */
  #goesOnFrom = null;
  /** The mark before the gap that `#tries` and `#steps` count for. */
  #gapAt = null;
  #tries = 0;
  #steps = 0;
  #stalls = 0;
  #skipped = new Skipped();
  /** Whether the open question is about skipped numbers. */
  #asksAboutSkipped = false;

  constructor(mark, limits = {}) {
    this.#limits = { ...LIMITS, ...limits };
    this.#news = new News(this.#limits.memory);
    this.#mark = this.#base = this.#target = mark;
  }

  /** The last `seq` up to which everything has been seen or skipped; null after `end`. */
  get mark() {
    return this.#mark;
  }

  /** When to call `ask`; null for never. */
  get dueAt() {
    if (this.#isAsking) return null;
    const times = [this.#dueAt, this.#skipped.askAt].filter((time) => time !== null);
    return times.length > 0 ? Math.min(...times) : null;
  }

  /** A push came; returns the pushes to deliver now, in order. */
  receive(push, now) {
    if (push.seq <= this.#mark) return this.#receiveLate(push, now);
    if (this.#held.size < this.#limits.held || push.seq === this.#mark + 1) this.#hold(push.seq, [push]);
    else this.#target = Math.max(this.#target, push.seq);
    const delivered = this.#drain();
    this.#watchGap(now);
    return delivered;
  }

  /** A list says which number this channel has reached (-1: it is not in the list). Ask unless it is the mark. */
  expect(seq, now) {
    this.#withdraw();
    // If pushes are held, the client may have dropped others that are newer than the list.
    this.#target = this.#held.size > 0 ? Math.max(this.#target, seq) : seq;
    this.#mustAsk = seq !== this.#mark || this.#held.size > 0 || this.#late.length > 0 || this.#goesOnFrom !== null;
    if (this.#mustAsk) this.#dueAt = now;
    else this.#watchGap(now);
    // The push of a skipped number may have been lost with the connection.
    this.#skipped.ask(now);
  }

  /** The server gave up pushes up to `seq`. Ask at once if any of them is missing. */
  missed(seq, now) {
    this.#skipped.ask(now, seq);
    if (seq <= this.#mark) return;
    this.#target = Math.max(this.#target, seq);
    this.#mustAsk = true;
    this.#dueAt = now;
  }

  /** The number to ask from. Nothing is due until `answer`, `failed` or `interrupted` is called. */
  ask() {
    const due = this.dueAt;
    this.#isAsking = true;
    if (due !== this.#dueAt) {
      this.#asksAboutSkipped = true;
      this.#askedFrom = this.#skipped.after;
      return this.#askedFrom;
    }
    this.#mustAsk = false;
    this.#dueAt = null;
    this.#markWhenAsked = this.#mark;
    this.#askedFrom = this.#goesOnFrom ?? Math.min(this.#mark, ...this.#late.map(({ seq }) => seq - 1));
    this.#lateAsked = this.#late.filter(({ seq }) => seq > this.#askedFrom);
    this.#late = this.#late.filter(({ seq }) => seq <= this.#askedFrom);
    return this.#askedFrom;
  }

  /** The channel's part of the reply to `catchUp` came, with status `changes` or `refetch`. */
  answer({ status, seq, events = [], more = false }, now) {
    if (!this.#isAsking) return { isRefetch: false, deliver: [] };
    this.#isAsking = false;
    if (status === "refetch") return { isRefetch: true, deliver: this.#beginAnew(seq, now) };
    this.#stalls = seq > this.#askedFrom ? 0 : this.#stalls + 1;
    const goesOn = more && this.#stalls < this.#limits.stalls;
    if (this.#asksAboutSkipped) return this.#answerAboutSkipped(events, seq, goesOn, now);
    const deliver = [...this.#take(events, seq), ...this.#settleLate(seq, goesOn)];
    this.#goesOnFrom = goesOn && seq < this.#mark ? seq : null;
    if (goesOn || this.#late.length > 0) this.#mustAsk = true;
    if (this.#mustAsk) this.#dueAt = now;
    else if (!this.#hasGap()) this.#watchGap(now);
    else if (this.#isLastTry()) deliver.push(...this.#skip(now));
    else this.#askLater(now);
    return { isRefetch: false, deliver };
  }

  /**
   * The server refused to answer. After the third time, deliver the held pushes and say that a refetch is needed. If it
   * refused because the connection is over, the question is lost with the connection.
   */
  refused(code, now) {
    if (CONNECTION_IS_OVER.has(code)) return this.interrupted(now);
    if (this.#asksAboutSkipped) {
      this.#withdraw();
      this.#skipped.refused(now);
      return { isRefetch: false, deliver: [] };
    }
    this.#withdraw();
    if (!this.#isLastTry()) {
      this.#mustAsk = true;
      this.#dueAt = now + ASK_AGAIN_AFTER;
      return { isRefetch: false, deliver: [] };
    }
    this.#late = [];
    this.#goesOnFrom = null;
    this.#mustAsk = false;
    if (this.#hasGap()) this.#mark = this.#endOfGap();
    const deliver = this.#drain();
    this.#watchGap(now);
    return { isRefetch: true, deliver };
  }

  /** The user is no longer a member. Returns the held pushes, because nothing will fill their gaps now. */
  end() {
    const held = [...this.#held].sort(([one], [other]) => one - other).flatMap(([, pushes]) => pushes);
    const last = Math.max(this.#mark, ...this.#held.keys());
    this.#held.clear();
    this.#mark = this.#dueAt = null;
    this.#skipped.forget();
    return this.#news.select(held, last, this.#base);
  }

  /** The question was lost with the connection. It does not count; `expect` decides whether to ask again. */
  interrupted(now) {
    const isAboutSkipped = this.#asksAboutSkipped;
    this.#withdraw();
    if (isAboutSkipped) {
      this.#skipped.ask(now + ASK_AGAIN_AFTER);
      return { isRefetch: false, deliver: [] };
    }
    this.#mustAsk = true;
    this.#dueAt = now + ASK_AGAIN_AFTER;
    return { isRefetch: false, deliver: [] };
  }

  /**
   * A push at or below the mark. About a push from before the base, the client asks first: the record may have been
   * changed or removed before the base too, and no push would say so.
   */
  #receiveLate(push, now) {
    this.#skipped.see(push.seq);
    if (this.#isCovered(push)) return [];
    if (push.seq >= this.#base || recordOf(push) === null || push.event === "messageRemoved") {
      return this.#deliver([push]);
    }
    if (this.#news.isKnown(push)) return [];
    this.#late.push(push);
    this.#mustAsk = true;
    this.#dueAt = now;
    return [];
  }

  /** The application fetches everything again; the mark is `seq`. */
  #beginAnew(seq, now) {
    if (seq < this.#mark) this.#news.forget();
    this.#news.expectNothing();
    this.#mark = this.#base = this.#target = seq;
    for (const [number, pushes] of [...this.#held]) {
      if (number > seq) continue;
      this.#news.remember(pushes);
      this.#held.delete(number);
    }
    this.#covered = [];
    this.#late = [];
    this.#lateAsked = [];
    this.#goesOnFrom = this.#gapAt = null;
    this.#stalls = 0;
    this.#skipped.forget();
    this.#asksAboutSkipped = false;
    const delivered = this.#drain();
    this.#mustAsk = false;
    this.#watchGap(now);
    return delivered;
  }

  /** Deliver the events of an answer up to its `seq`, and hold those beyond. */
  #take(events, seq) {
    const fresh = events.filter((push) => !this.#isCovered(push));
    this.#covered = [...this.#covered.slice(1 - COVERED_SPANS), { after: this.#askedFrom, upTo: seq }];
    this.#mark = Math.max(this.#mark, seq);
    // The answer covers these held pushes.
    for (const number of [...this.#held.keys()]) if (number <= this.#mark) this.#held.delete(number);
    const reached = [];
    for (const push of fresh) {
      const isExpected = this.#news.expect(push);
      if (push.seq > this.#mark) this.#hold(push.seq, isExpected ? [] : [push]);
      else if (!isExpected) reached.push(push);
    }
    return this.#drain(reached);
  }

  /** The answer covers the late pushes up to `seq`. Ask about the rest again, or deliver it if asking is no use. */
  #settleLate(seq, goesOn) {
    const left = this.#lateAsked.filter((push) => push.seq > seq);
    const gotFurther = left.length < this.#lateAsked.length;
    this.#lateAsked = [];
    if (!goesOn && !gotFurther) return this.#deliver(left);
    this.#late = [...left, ...this.#late];
    return [];
  }

  /** An answer about skipped numbers came. Those that it covers are settled, written or not. */
  #answerAboutSkipped(events, seq, goesOn, now) {
    this.#asksAboutSkipped = false;
    // The client has seen everything between the skipped numbers and the mark.
    const fresh = events.filter((push) => push.seq <= this.#skipped.upTo || push.seq > this.#mark);
    const deliver = this.#take(fresh, seq);
    this.#skipped.settle(seq, goesOn, now);
    if (this.#mustAsk) this.#dueAt = now;
    else this.#watchGap(now);
    return { isRefetch: false, deliver };
  }

  /** Count a question that did not help; returns whether it was the last attempt. */
  #isLastTry() {
    if (this.#markWhenAsked !== this.#mark) this.#tries = this.#steps = 0;
    this.#tries += 1;
    return this.#tries >= MOST_TRIES;
  }

  #askLater(now) {
    this.#gapAt = this.#mark;
    this.#dueAt = now + ASK_AGAIN_AFTER;
  }

  /**
   * Skip one number of a gap. The push of the next number may have been lost too, and an answer may have ended before
   * the missing number. So ask once more before skipping the next number.
   */
  #skip(now) {
    this.#steps += 1;
    const skippedTo = this.#steps > MOST_STEPS ? this.#endOfGap() : this.#mark + 1;
    this.#skipped.add(this.#mark, skippedTo, now);
    this.#mark = skippedTo;
    const delivered = this.#drain();
    if (this.#hasGap() && this.#mark === skippedTo) {
      this.#gapAt = skippedTo;
      this.#tries = MOST_TRIES - 1;
      this.#dueAt = now;
    } else {
      this.#watchGap(now);
    }
    return delivered;
  }

  /** Set the time to ask about a new gap; clear it if there is none. The time of a known gap stays. */
  #watchGap(now) {
    if (this.#isAsking || this.#mustAsk) return;
    const gapAt = this.#hasGap() ? this.#mark : null;
    if (gapAt !== null && gapAt === this.#gapAt) return;
    this.#gapAt = gapAt;
    this.#dueAt = gapAt === null ? null : now + GAP_PATIENCE;
    this.#tries = this.#steps = 0;
  }

  #hasGap() {
    return this.#held.size > 0 || this.#target > this.#mark;
  }

  /** The last missing number before the next held push, or the number that the channel has reached. */
  #endOfGap() {
    const ends = [...this.#held.keys()].map((number) => number - 1);
    return Math.min(...ends, ...(this.#target > this.#mark ? [this.#target] : []));
  }

  #hold(number, pushes) {
    this.#held.set(number, [...(this.#held.get(number) ?? []), ...pushes]);
  }

  /** Deliver these and the held pushes that follow the mark; move the mark to the last of them. */
  #drain(reached = []) {
    const drained = [...reached];
    for (let held; (held = this.#held.get(this.#mark + 1));) {
      this.#mark += 1;
      this.#held.delete(this.#mark);
      drained.push(...held);
    }
    return this.#deliver(drained);
  }

  #deliver(pushes) {
    return this.#news.select(pushes, this.#mark, this.#base);
  }

  /** Stop waiting for the answer to the open question. */
  #withdraw() {
    this.#isAsking = this.#asksAboutSkipped = false;
    this.#late = [...this.#lateAsked, ...this.#late];
    this.#lateAsked = [];
  }

  /** Whether an answer covered the number of this push. */
  #isCovered({ seq }) {
    return this.#covered.some(({ after, upTo }) => seq > after && seq <= upTo);
  }
}
