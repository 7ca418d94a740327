// Attributes: the JSON object that a program keeps with a message, a member or a channel.

import { askForm } from './dialogs.js';

/** Show the attributes of an object of the client, and let them be changed as far as this person may. */
export function attributesDialog(title, owner) {
  return askForm(title, {
    fields: [{ name: 'ownAttributes', label: 'Attributes (JSON)', type: 'json', value: owner.attributes }],
    act: ({ ownAttributes }) => owner.updateAttributes(ownAttributes),
  });
}
