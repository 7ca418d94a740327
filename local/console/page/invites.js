// Those who are invited to a channel and have not answered. Clients cannot list them, so the page asks over REST.

import { avatar, debounce, explain, guarded, h, iconButton, keep } from './dom.js';

const SOON_MILLISECONDS = 300;

export class Invites {
  constructor(channel, { rest, service }) {
    this.rest = rest;
    this.path = `/chat/v2/Services/${service.sid}/Channels/${channel.sid}/Invites`;
    this.list = h('ul', { class: 'people invited', 'aria-label': 'Invited' });
    this.problem = h('p', { class: 'form-error', role: 'alert', hidden: true });
    this.element = h('section', { hidden: true }, h('h3', { class: 'section' }, 'Invited'), this.problem, this.list);
    /** Read the invites again soon; whoever accepts becomes a member, and the invite goes. */
    this.refresh = debounce(() => this.#read(), SOON_MILLISECONDS);
    this.#read();
  }

  async #read() {
    try {
      const { invites } = await this.rest.get(`${this.path}?PageSize=100`);
      keep(
        this.list,
        invites.map((invite) => this.#row(invite)),
      );
      this.element.hidden = invites.length === 0;
      this.problem.hidden = true;
    } catch (error) {
      this.problem.textContent = explain(error);
      this.problem.hidden = false;
      this.element.hidden = false;
    }
  }

  #row({ sid, identity, created_by: inviter }) {
    const revoke = async () => {
      await this.rest.request('DELETE', `${this.path}/${sid}`);
      await this.#read();
    };
    return h(
      'li',
      { data: { identity } },
      avatar(identity),
      h('span', { class: 'person' }, h('strong', {}, identity), h('small', {}, inviter ? `invited by ${inviter}` : 'invited')),
      iconButton('close', `Take back the invitation of ${identity}`, guarded(revoke)),
    );
  }
}
