// The dialog with the settings of a channel.

import { explain, h } from './dom.js';
import { confirmDialog, openDialog } from './dialogs.js';
import { makeForm } from './forms.js';
import { whyReadOnly } from './states.js';

const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other ?? {});

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
        { name: 'attributes', label: 'Attributes (JSON)', type: 'json', value: channel.attributes },
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

async function update({ channel, pane }, { friendlyName, uniqueName, attributes, muted, state }) {
  if (friendlyName !== (channel.friendlyName ?? '')) await channel.updateFriendlyName(friendlyName);
  if (uniqueName !== (channel.uniqueName ?? '')) await channel.updateUniqueName(uniqueName);
  if (!isSame(attributes, channel.attributes)) await channel.updateAttributes(attributes);
  const level = muted ? 'muted' : 'default';
  if (level !== (channel.notificationLevel ?? 'default')) await channel.setUserNotificationLevel(level);
  if (state && state !== channel.state) {
    const { rest, service } = pane.app;
    await rest.post(`/conversations/v1/Services/${service.sid}/Conversations/${channel.sid}`, { State: state });
  }
}
