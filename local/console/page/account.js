// The account: the form that asks for it, and signing out.

import { explain } from './dom.js';
import { askForm } from './dialogs.js';
import { makeForm } from './forms.js';

const PLACE = '.execute-api.us-east-1.amazonaws.com/prod';

const ADDRESSES = [
  { name: 'restUrl', label: 'REST URL', type: 'url', required: true, placeholder: `https://abc${PLACE}` },
  { name: 'wsUrl', label: 'WebSocket URL', type: 'url', required: true, placeholder: `wss://def${PLACE}` },
];
const CREDENTIALS = [
  { name: 'account', label: 'Account SID', required: true, placeholder: 'AC…' },
  { name: 'token', label: 'Auth token', type: 'password', required: true },
];

const cleaned = (given) =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value.trim().replace(/\/+$/, '')]));

/**
 * Make the form that asks for the account, and for the addresses if the server does not name them. `open` is called
 * after the form was filled in; if it throws, the form shows the error. From the start, the form shows `problem`.
 */
export function accountForm(session, open, problem = null) {
  const { values, served } = session;
  const fields = [...(served ? [] : ADDRESSES), ...CREDENTIALS];
  const form = makeForm({
    fields: fields.map((field) => ({ ...field, value: field.name === 'token' ? '' : (values[field.name] ?? '') })),
    submit: 'Open the console',
    act: async (given) => {
      const clean = cleaned(given);
      // Another account has other services, and the API key is not its own.
      const isSame = clean.account === session.values.account && !session.values.key?.isGiven;
      session.set(isSame ? clean : { ...clean, key: null, serviceSid: null });
      try {
        await open();
      } catch (error) {
        session.set({ token: null });
        throw error;
      }
    },
  });
  if (problem && values.account) {
    const alert = form.querySelector('[role=alert]');
    alert.hidden = false;
    alert.textContent = problem.message;
  }
  return form;
}

/** Ask whether to sign out. If so, call `leave`, delete the tab's API key and forget the account. */
export async function signOutDialog(session, rest, leave) {
  await askForm('Sign out?', {
    note: 'This tab forgets the account. If it has made an API key, the key is deleted. The chat itself stays.',
    submit: 'Sign out',
    act: async () => {
      await leave();
      const { key } = session.values;
      try {
        await rest.forgetKey();
      } catch (error) {
        throw new Error(`The account is forgotten, but its API key ${key.sid} is not deleted: ${explain(error)}`);
      } finally {
        session.forget();
      }
    },
  });
  // The account is forgotten even if its key could not be deleted. The page begins anew once the dialog is closed.
  if (!session.isComplete) location.reload();
}
