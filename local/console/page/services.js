// Services: the dialogs to make one and to delete one, and a first conversation in a new one.

import { askForm, confirmDialog } from './dialogs.js';

export const MOST_CHARACTERS = 64;

/** Make a service with presence and a public channel, in which these identities are members as administrators. */
export async function makeService(rest, friendlyName, identities) {
  const made = await rest.post('/chat/v2/Services', { FriendlyName: friendlyName });
  const path = `/chat/v2/Services/${made.sid}`;
  const service = await rest.post(path, { ReachabilityEnabled: 'true' });
  await rest.post(`${path}/Channels`, { UniqueName: 'general', FriendlyName: 'General' });
  for (const identity of identities) {
    const fields = { Identity: identity, RoleSid: service.default_channel_creator_role_sid };
    await rest.post(`${path}/Channels/general/Members`, fields);
  }
  return service;
}

/** Ask for the name of a new service and call `make` with it. */
export function newServiceDialog(suggestion, make) {
  const name = { name: 'name', label: 'Name', required: true, autofocus: true, maximum: MOST_CHARACTERS };
  return askForm('New service', {
    fields: [{ ...name, value: suggestion }],
    note: 'A service is a chat of its own. This one starts with presence and a public channel for all on this page.',
    submit: 'Create',
    act: (given) => make(given.name),
  });
}

/** Ask whether to delete a service, and do it; resolves to whether it was deleted. */
export async function deleteServiceDialog({ sid, friendly_name: name }, rest) {
  const note = `${sid} goes with all its channels, messages and users, for good.`;
  const remove = () => rest.request('DELETE', `/chat/v2/Services/${sid}`);
  return Boolean(await confirmDialog(`Delete the service “${name}”?`, note, `Delete “${name}”`, remove));
}
