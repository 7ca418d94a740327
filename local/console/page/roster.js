// Who is in a channel, and who of them is online.

export class Roster {
  /** `changed()` is called after each change. */
  constructor(pane, channel, changed) {
    this.pane = pane;
    this.channel = channel;
    this.changed = changed;
    this.members = new Map(); // by identity
    this.users = new Map(); // by identity
  }

  get identities() {
    return [...this.members.keys()];
  }

  async load() {
    const members = await this.channel.getMembers();
    this.members = new Map(members.map((member) => [member.identity, member]));
    this.changed();
    for (const identity of this.members.keys()) this.#follow(identity);
  }

  put(member) {
    this.members.set(member.identity, member);
    this.changed();
    this.#follow(member.identity);
  }

  remove({ identity }) {
    this.members.delete(identity);
    this.changed();
  }

  userChanged(user) {
    if (this.users.has(user.identity)) this.users.set(user.identity, user);
    this.changed();
  }

  /** Whether somebody is online; null if that is not known. */
  isOnline(identity) {
    const user = this.users.get(identity);
    if (!user) return null;
    // For a user who has never connected, the service says nothing even if it has presence.
    return user.online ?? (this.pane.client?.reachabilityEnabled ? false : null);
  }

  async #follow(identity) {
    if (this.users.has(identity)) return;
    try {
      this.users.set(identity, await this.pane.client.getUser(identity));
      this.changed();
    } catch {
      // A user that cannot be read is shown without presence.
    }
  }
}
