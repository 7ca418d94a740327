import { isRefusal } from "./errors.js";

const CHANNELS_PER_REQUEST = 100;

/** Asks the server for the changes that the followers of the channels miss, when they are due. */
export class CatchingUp {
  #environment;
  #connection;
  #hooks;
  /** The channels whose followers have something to ask, now or later. */
  #waiting = new Set();
  /** The joined channels whose membership is in doubt. */
  #doubtful = new Set();
  #timer = null;
  #isStopped = false;

  /**
   * Hooks: `deliver(channel, push)` for each new push; `refetch(channel)` if the client missed too much;
   * `left(channel)` if the user is not a member; `removed(channel)` if the channel is gone.
   */
  constructor(environment, connection, hooks) {
    this.#environment = environment;
    this.#connection = connection;
    this.#hooks = hooks;
  }

  /** A push about a followed channel came. */
  receive(channel, push) {
    channel._follower.receive(push, this.#environment.now()).forEach((news) => this.#hooks.deliver(channel, news));
    this.#note(channel);
    if (this.#waiting.has(channel)) this.schedule();
  }

  /** A list of channels says that a channel has reached `seq`; -1 if it is not in the list. */
  expect(channel, seq) {
    channel._follower.expect(seq, this.#environment.now());
    this.#note(channel);
  }

  /** The server gave up pushes about a followed channel, up to `seq`. */
  missed(channel, seq) {
    channel._follower.missed(seq, this.#environment.now());
    this.#note(channel);
    if (this.#waiting.has(channel)) this.schedule();
  }

  /** The user may have left a joined channel: ask at once. */
  doubt(channel) {
    this.#doubtful.add(channel);
    this.expect(channel, -1);
    this.schedule();
  }

  /** The user is no longer a member: deliver what the follower still holds, and stop following the channel. */
  end(channel) {
    const held = channel._follower?.end() ?? [];
    channel._follower = null;
    this.#waiting.delete(channel);
    this.#doubtful.delete(channel);
    held.forEach((push) => this.#hooks.deliver(channel, push));
  }

  /** Ask about all channels that are due or missing from the list, until nothing is due. */
  async run(ask, missing) {
    // The new list has settled all earlier doubts.
    this.#doubtful.clear();
    const invited = missing.filter((channel) => channel._follower === null);
    await this.#ask(ask, [...invited, ...this.#due()], new Set(missing));
    for (let due; (due = this.#due()).length > 0;) await this.#ask(ask, due);
  }

  /** Ask again when the next question is due. */
  schedule() {
    this.#environment.cancel(this.#timer);
    if (this.#isStopped) return;
    const times = [...this.#waiting].map(({ _follower: follower }) => follower?.dueAt ?? null);
    const next = Math.min(...times.filter((time) => time !== null));
    if (next === Infinity) return;
    this.#timer = this.#environment.after(next - this.#environment.now(), () => this.#askDue());
  }

  stop() {
    this.#isStopped = true;
    this.#environment.cancel(this.#timer);
  }

  #note(channel) {
    if ((channel._follower?.dueAt ?? null) === null) this.#waiting.delete(channel);
    else this.#waiting.add(channel);
  }

  #due() {
    const now = this.#environment.now();
    return [...this.#waiting].filter(({ _follower: follower }) => (follower?.dueAt ?? Infinity) <= now);
  }

  /** Without a connection, ask nothing: the next session begins by asking. */
  async #askDue() {
    if (this.#connection.state !== "connected") return;
    try {
      // A question that is lost with the connection is not sent again: the next session asks again.
      await this.#ask((action, members) => this.#connection.request(action, members, "write"), this.#due());
    } catch {
      // The followers know that they got no answer.
    }
    this.schedule();
  }

  async #ask(ask, channels, missing = new Set()) {
    const asked = channels.map((channel) => {
      const follower = channel._follower;
      return { channel, follower, mark: follower === null ? Math.max(0, channel._seq) : follower.ask() };
    });
    while (asked.length > 0) {
      const marks = asked.slice(0, CHANNELS_PER_REQUEST).map(({ channel, mark }) => [channel.sid, mark]);
      let answers;
      try {
        ({ channels: answers } = await ask("catchUp", { channels: Object.fromEntries(marks) }));
      } catch (error) {
        asked.forEach(({ channel, follower }) => this.#unanswered(channel, follower, error));
        throw error;
      }
      for (const { channel, follower } of asked.splice(0, CHANNELS_PER_REQUEST)) {
        this.#answered(channel, follower, answers[channel.sid] ?? { status: "gone" }, missing);
      }
    }
  }

  #unanswered(channel, follower, error) {
    if (follower === null || channel._follower !== follower) return;
    if (isRefusal(error)) this.#progress(channel, follower.refused(error.code, this.#environment.now()));
    else follower.interrupted(this.#environment.now());
  }

  #answered(channel, follower, answer, missing) {
    if (channel._follower !== follower) return;
    const isDoubtful = this.#doubtful.delete(channel) || missing.has(channel);
    if (answer.status === "gone") {
      // Somebody who is no longer a member of a private channel cannot see it either.
      if (channel.isPrivate) this.#hooks.left(channel);
      this.#hooks.removed(channel);
    } else if (answer.status === "refetch" && isDoubtful) this.#hooks.left(channel);
    else if (follower !== null) this.#progress(channel, follower.answer(answer, this.#environment.now()));
  }

  #progress(channel, { isRefetch, deliver }) {
    if (isRefetch) this.#hooks.refetch(channel);
    deliver.forEach((push) => this.#hooks.deliver(channel, push));
    this.#note(channel);
  }
}
