// Who is in a channel, and who of them is online.

/** What a member is called: its identity, or the SID if it has none, as a phone. */
export const nameOf = (member) => member.identity ?? member.sid;

export class Roster {
  /** `changed()` is called after each change. */
  constructor(pane, channel, changed) {
    this.pane = pane;
    this.channel = channel;
    this.changed = changed;
    this.members = new Map(); // by name
    this.users = new Map(); // by identity
  }

  get names() {
    return [...this.members.keys()];
  }

  async load() {
    const members = await this.channel.getMembers();
    this.members = new Map(members.map((member) => [nameOf(member), member]));
    this.changed();
    for (const member of members) this.#follow(member);
  }

  put(member) {
    this.members.set(nameOf(member), member);
    this.changed();
    this.#follow(member);
  }

  remove(member) {
    this.members.delete(nameOf(member));
    this.changed();
  }

  userChanged(user) {
    if (this.users.has(user.identity)) this.users.set(user.identity, user);
    this.changed();
  }

  /**
   * Whether somebody is online: `true`, `false`, or `'unknown'` while this person's own connection is down. It is null if
   * the service does not tell.
   */
  isOnline(name) {
    const user = this.users.get(name);
    // After presence was switched off, a late push may still say who is online.
    if (!user || !this.pane.client?.reachabilityEnabled) return null;
    if (this.pane.state !== 'connected') return 'unknown';
    // For a user who has never connected, the service says nothing even if it has presence.
    return user.online ?? false;
  }

  async #follow({ identity }) {
    if (identity === null || this.users.has(identity)) return;
    try {
      this.users.set(identity, await this.pane.client.getUser(identity));
      this.changed();
    } catch {
      // A user that cannot be read is shown without presence.
    }
  }
}
