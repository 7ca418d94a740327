/** Who is typing in which channel. The server only says that typing begins; a message or a time-out ends it. */
export class Typing {
  #environment;
  #teller;

  constructor(environment, teller) {
    this.#environment = environment;
    this.#teller = teller;
  }

  /** The server says that somebody is typing. */
  async start(channel, { identity, typing_timeout: seconds }) {
    const before = channel._typing.get(identity);
    if (before) this.#environment.cancel(before.timer);
    const typing = { member: before?.member ?? null };
    typing.timer = this.#environment.after(seconds * 1000, () => this.stop(channel, identity));
    channel._typing.set(identity, typing);
    if (typing.member !== null) return;
    try {
      typing.member = channel._members.get(identity) ?? (await channel.getMemberByIdentity(identity));
    } catch {
      return;
    }
    // Typing may have ended or begun again while the client fetched the member.
    if (channel._typing.get(identity) !== typing) return;
    typing.member._isTyping = true;
    this.#teller.channel(channel, "typingStarted", typing.member);
    typing.member._emit("typingStarted", typing.member);
  }

  stop(channel, identity, isTold = true) {
    const typing = channel._typing.get(identity);
    if (typing === undefined) return;
    this.#environment.cancel(typing.timer);
    channel._typing.delete(identity);
    if (!typing.member?._isTyping) return;
    typing.member._isTyping = false;
    if (!isTold) return;
    this.#teller.channel(channel, "typingEnded", typing.member);
    typing.member._emit("typingEnded", typing.member);
  }

  stopAll(channel, isTold = true) {
    for (const identity of [...channel._typing.keys()]) this.stop(channel, identity, isTold);
  }
}
