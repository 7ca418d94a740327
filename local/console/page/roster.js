// Who is in a channel, and who of them is online.

/** What requests call a member: its identity, or the SID if it has none, as a phone. */
export const keyOf = (member) => member.identity ?? member.sid;

export class Roster {
  /** `changed()` is called after each change. */
  constructor(pane, channel, changed) {
    this.pane = pane;
    this.channel = channel;
    this.changed = changed;
    this.members = new Map(); // by key
    this.users = new Map(); // by identity
    this.addresses = new Map(); // of phones, by SID
  }

  get keys() {
    return [...this.members.keys()];
  }

  /** What people call a member: its identity or its address, or the SID while the address is not known. */
  nameOf({ identity, sid }) {
    return identity ?? this.addresses.get(sid) ?? sid;
  }

  async load() {
    const members = await this.channel.getMembers();
    this.members = new Map(members.map((member) => [keyOf(member), member]));
    this.changed();
    for (const member of members) this.#follow(member);
  }

  put(member) {
    this.members.set(keyOf(member), member);
    this.changed();
    this.#follow(member);
  }

  remove(member) {
    this.members.delete(keyOf(member));
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
  isOnline(key) {
    const user = this.users.get(key);
    // After presence was switched off, a late push may still say who is online.
    if (!user || !this.pane.client?.reachabilityEnabled) return null;
    if (this.pane.state !== 'connected') return 'unknown';
    // For a user who has never connected, the service says nothing even if it has presence.
    return user.online ?? false;
  }

  async #follow({ identity, sid }) {
    if (identity === null) return this.#readAddress(sid);
    if (this.users.has(identity)) return;
    try {
      this.users.set(identity, await this.pane.client.getUser(identity));
      this.changed();
    } catch {
      // A user that cannot be read is shown without presence.
    }
  }

  /** Clients cannot read the addresses of phones, so the page asks over REST. */
  async #readAddress(sid) {
    if (this.addresses.has(sid)) return;
    const { rest, service } = this.pane.app;
    const path = `/conversations/v1/Services/${service.sid}/Conversations/${this.channel.sid}/Participants/${sid}`;
    try {
      const { messaging_binding: binding } = await rest.get(path);
      const address = binding?.address ?? binding?.projected_address;
      if (!address) return;
      this.addresses.set(sid, address);
      this.changed();
    } catch {
      // A phone that cannot be read is shown by its SID.
    }
  }
}
