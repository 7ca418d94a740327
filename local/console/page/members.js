// The dialog with the members of a channel and those who are invited.

import { attributesDialog } from './attributes.js';
import { avatar, guarded, h, iconButton, keep, toast } from './dom.js';
import { confirmDialog, openDialog } from './dialogs.js';
import { makeForm } from './forms.js';
import { Invites } from './invites.js';
import { keyOf } from './roster.js';
import { whyReadOnly } from './states.js';

/** Show the members with their presence as they change, and a form to invite or add somebody. */
export function membersDialog(conversation) {
  const { channel, pane } = conversation;
  return openDialog('Members', (close, dialog) => {
    const list = h('ul', { class: 'people', 'aria-label': 'Members' });
    const rows = new Map();
    const show = () => {
      const members = [...conversation.roster.members.values()].sort((one, other) =>
        conversation.roster.nameOf(one).localeCompare(conversation.roster.nameOf(other)),
      );
      keep(
        list,
        members.map((member) => memberRow(rows, conversation, member)),
      );
    };
    conversation.watchers.add(show);
    dialog.addEventListener('close', () => conversation.watchers.delete(show));
    show();
    const known = pane.app.panes
      .map(({ identity }) => identity)
      .filter((identity) => !conversation.roster.members.has(identity));
    const invites = new Invites(channel, pane.app);
    conversation.watchers.add(invites.refresh);
    dialog.addEventListener('close', () => conversation.watchers.delete(invites.refresh));
    const form = makeForm({
      fields: [
        {
          name: 'identity',
          label: 'Somebody else',
          required: true,
          maximum: 256,
          suggestions: known,
          value: known[0] ?? '',
          hint: 'Invited people can accept or decline. Added people are members at once.',
        },
      ],
      submit: 'Invite',
      others: [['add', 'Add']],
      act: async ({ identity }, button) => {
        if (button === 'add') await channel.add(identity);
        else await channel.invite(identity);
        invites.refresh();
        const field = form.querySelector('input');
        field.value = '';
        field.focus();
        toast(button === 'add' ? `${identity} was added.` : `${identity} is invited.`);
      },
    });
    const readOnly = whyReadOnly(channel);
    return h('div', { class: 'stacked' }, list, invites.element, h('hr'), readOnly ? h('p', { class: 'note' }, readOnly) : form);
  });
}

function memberRow(rows, conversation, member) {
  const { roster } = conversation;
  const key = keyOf(member);
  const name = roster.nameOf(member);
  const online = roster.isOnline(key);
  const self = key === conversation.pane.identity;
  const state = `${online} ${name}`;
  const kept = rows.get(key);
  if (kept?.dataset.state === state) return kept;
  const unknown = conversation.pane.client?.reachabilityEnabled ? 'presence is not known' : 'presence is off';
  const words = { true: 'online', false: 'offline', unknown: 'presence is not known', null: unknown }[online];
  const remove = guarded(() =>
    confirmDialog(`Remove ${name}?`, 'Removed people cannot read the channel any more.', 'Remove', () =>
      conversation.channel.removeMember(key),
    ),
  );
  const row = h(
    'li',
    { data: { state, identity: key } },
    avatar(name, online),
    h('span', { class: 'person' }, h('strong', {}, name, self && ' (you)'), h('small', {}, member.identity === null ? 'phone' : words)),
    iconButton(
      'braces',
      `Attributes of ${name}`,
      guarded(() => attributesDialog(`Attributes of ${name} here`, member)),
    ),
    !self && iconButton('trash', `Remove ${name}`, remove),
  );
  rows.set(key, row);
  return row;
}
