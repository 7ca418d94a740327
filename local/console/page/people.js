// What channels are called, and the dialogs that ask who chats and make a channel.

import { explain } from './dom.js';
import { askForm } from './dialogs.js';
import { RESERVED } from './names.js';

/** What a channel is called. A name may be nothing but spaces. */
export const channelName = (channel) => channel.friendlyName?.trim() || channel.uniqueName?.trim() || channel.sid;

/** Ask who is to chat: nobody of `taken`. `act` gets the identity. */
export function identityDialog(title, { value, suggestions, taken, hint, submit, act }) {
  const field = { name: 'identity', label: 'Identity', value, hint, required: true, maximum: 256, autofocus: true };
  return askForm(title, {
    fields: [{ ...field, suggestions: suggestions.filter((identity) => !taken.includes(identity)) }],
    submit,
    act: ({ identity }) => {
      if (taken.includes(identity)) throw new Error(`${identity} has a pane already`);
      if (RESERVED.includes(identity)) throw new Error(`Nobody may be called ${identity}: the identity is reserved`);
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

