// Dialogs about channels and people: who chats, a new channel, a channel's members and its settings.

import { avatar, explain, guarded, h, icon, iconButton, keep, textButton, toast } from './dom.js';
import { askForm, confirmDialog, makeForm, openDialog } from './dialogs.js';
import { nameOf } from './roster.js';
import { whyReadOnly } from './states.js';

/** What a channel is called. */
export const channelName = (channel) => channel.friendlyName || channel.uniqueName || channel.sid;

/** Ask who is to chat: nobody of `taken`. `act` gets the identity. */
export function identityDialog(title, { value, suggestions, taken, hint, submit, act }) {
  const field = { name: 'identity', label: 'Identity', value, hint, required: true, maximum: 256, autofocus: true };
  return askForm(title, {
    fields: [{ ...field, suggestions: suggestions.filter((identity) => !taken.includes(identity)) }],
    submit,
    act: ({ identity }) => {
      if (taken.includes(identity)) throw new Error(`${identity} has a pane already`);
      return act(identity);
    },
  });
}

/** Make a channel and join it; resolves to it, or to undefined. */
export function newChannelDialog(client) {
  let made = null;
  return askForm('New channel', {
    fields: [
      { name: 'friendlyName', label: 'Name', required: true, maximum: 256, autofocus: true },
      {
        name: 'uniqueName',
        label: 'Unique name (optional)',
        maximum: 256,
        hint: 'Can be used in place of the SID.',
      },
      {
        name: 'type',
        label: 'Who can find it',
        type: 'radio',
        value: 'public',
        options: [
          ['public', 'Public', 'Everybody can find and join it.'],
          ['private', 'Private', 'Only invited and added people see it. To the Conversations API it is a conversation.'],
        ],
      },
    ],
    submit: 'Create',
    act: async ({ friendlyName, uniqueName, type }) => {
      // If joining failed, a second try joins the channel that the first one made.
      made ??= await client.createChannel({
        friendlyName,
        uniqueName: uniqueName || undefined,
        isPrivate: type === 'private',
      });
      try {
        return await made.join();
      } catch (error) {
        throw new Error(`The channel “${channelName(made)}” was made, but cannot be joined: ${explain(error)}`);
      }
    },
  });
}

/** Show the members with their presence as they change, and a form to invite or add somebody. */
export function membersDialog(conversation) {
  const { channel, pane } = conversation;
  return openDialog('Members', (close, dialog) => {
    const list = h('ul', { class: 'people', 'aria-label': 'Members' });
    const rows = new Map();
    const show = () => {
      const members = [...conversation.roster.members.values()].sort((one, other) =>
        nameOf(one).localeCompare(nameOf(other)),
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
        const field = form.querySelector('input');
        field.value = '';
        field.focus();
        toast(button === 'add' ? `${identity} was added.` : `${identity} is invited.`);
      },
    });
    return h('div', { class: 'stacked' }, list, h('hr'), whyReadOnly(channel) ? readOnlyNote(channel) : form);
  });
}

function memberRow(rows, conversation, member) {
  const name = nameOf(member);
  const online = conversation.roster.isOnline(name);
  const self = name === conversation.pane.identity;
  const state = `${online}`;
  const kept = rows.get(name);
  if (kept?.dataset.state === state) return kept;
  const unknown = conversation.pane.client?.reachabilityEnabled ? 'presence is not known' : 'presence is off';
  const words = { true: 'online', false: 'offline', null: unknown }[state];
  const remove = guarded(() =>
    confirmDialog(`Remove ${name}?`, 'Removed people cannot read the channel any more.', 'Remove', () =>
      conversation.channel.removeMember(name),
    ),
  );
  const row = h(
    'li',
    { data: { state, identity: name } },
    avatar(name, online),
    h('span', { class: 'person' }, h('strong', {}, name, self && ' (you)'), h('small', {}, words)),
    !self && iconButton('trash', `Remove ${name}`, remove),
  );
  rows.set(name, row);
  return row;
}

/** Rename, mute, close, leave or delete a channel. */
export function channelDialog(conversation) {
  const { channel } = conversation;
  return openDialog('Channel', (close) => {
    const form = makeForm({
      fields: [
        { name: 'friendlyName', label: 'Name', value: channel.friendlyName ?? '', maximum: 256 },
        {
          name: 'uniqueName',
          label: 'Unique name',
          value: channel.uniqueName ?? '',
          maximum: 256,
          hint: 'Can be used in place of the SID.',
        },
        {
          name: 'muted',
          label: 'Mute: no push notifications from here',
          type: 'checkbox',
          value: channel.notificationLevel === 'muted',
        },
        ...(channel.isPrivate ? [stateField(channel)] : []),
      ],
      act: (values) => update(conversation, values),
      done: close,
      cancel: () => close(),
    });
    const error = h('p', { class: 'form-error', role: 'alert', hidden: true });
    const doing = (action) => async () => {
      try {
        await action();
        close();
      } catch (problem) {
        error.textContent = explain(problem);
        error.hidden = false;
      }
    };
    const act = (label, listener, look) =>
      h('button', { type: 'button', class: `button ${look}`, on: { click: listener } }, label);
    return h(
      'div',
      { class: 'stacked' },
      whyReadOnly(channel) ? readOnlyNote(channel) : form,
      h('hr'),
      error,
      h(
        'dl',
        { class: 'facts' },
        h('dt', {}, 'SID'),
        h('dd', {}, h('code', {}, channel.sid)),
        h('dt', {}, 'Type'),
        h('dd', {}, channel.isPrivate ? 'private' : 'public'),
        h('dt', {}, 'Created by'),
        h('dd', {}, channel.createdBy ?? ''),
      ),
      h(
        'div',
        { class: 'buttons start' },
        act(
          'Leave',
          doing(() => channel.leave()),
          'plain',
        ),
        act(
          'Delete channel',
          async () => {
            const done = await confirmDialog('Delete this channel?', 'All its messages go with it.', 'Delete', () =>
              channel.delete(),
            );
            if (done) close();
          },
          'danger-plain',
        ),
      ),
    );
  });
}

const readOnlyNote = (channel) => h('p', { class: 'note' }, whyReadOnly(channel));

/** The choice of a conversation's state, which clients cannot change: the page does it over REST, as a back end does. */
function stateField(channel) {
  return {
    name: 'state',
    label: 'State',
    type: 'select',
    value: channel.state,
    options: [
      ['active', 'active'],
      ['inactive', 'inactive: the next message makes it active'],
      ['closed', 'closed: for good; it can only be read'],
    ],
  };
}

async function update({ channel, pane }, { friendlyName, uniqueName, muted, state }) {
  if (friendlyName !== (channel.friendlyName ?? '')) await channel.updateFriendlyName(friendlyName);
  if (uniqueName !== (channel.uniqueName ?? '')) await channel.updateUniqueName(uniqueName);
  const level = muted ? 'muted' : 'default';
  if (level !== (channel.notificationLevel ?? 'default')) await channel.setUserNotificationLevel(level);
  if (state && state !== channel.state) {
    const { rest, service } = pane.app;
    await rest.post(`/conversations/v1/Services/${service.sid}/Conversations/${channel.sid}`, { State: state });
  }
}
