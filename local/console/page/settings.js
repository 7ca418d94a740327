// The settings of a service, in tabs. "Save" saves the fields of its tab and closes the dialog.

import { copyText, h, iconButton, guarded } from './dom.js';
import { openDialog } from './dialogs.js';
import { makeForm } from './forms.js';
import { keysPanel } from './keys.js';
import { POST_EVENTS, PRE_EVENTS } from './names.js';
import { notificationsPanel } from './notifications.js';
import { rolesPanel } from './roles.js';
import { deleteServiceDialog, MOST_CHARACTERS } from './services.js';
import { tablist } from './tablist.js';
import { usersPanel } from './users.js';

const RETRIES = [0, 1, 2, 3].map((count) => [String(count), count === 0 ? 'none' : String(count)]);
const wholeNumber = (name, label, value, minimum, most, hint) => ({
  name,
  label,
  type: 'number',
  value,
  minimum,
  most,
  required: true,
  hint,
});
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/**
 * Show a service's settings, as they are stored at this moment. `changed(before)` is called after they were saved in
 * `service`, `deleted()` after the service was deleted.
 */
export async function settingsDialog(service, rest, { changed, deleted }) {
  const path = `/chat/v2/Services/${service.sid}`;
  Object.assign(service, await rest.get(path));
  const save = async (fields) => {
    const before = { ...service };
    Object.assign(service, await rest.post(path, fields));
    changed(before);
  };
  return openDialog(
    'Service settings',
    (close) => {
      const form = (fields, fieldsOf) =>
        makeForm({ fields, act: (given) => save(fieldsOf(given)), done: close, cancel: () => close() });
      const remove = async () => {
        if (!(await deleteServiceDialog(service, rest))) return;
        close();
        deleted();
      };
      return tablist('Settings', [
        { name: 'general', label: 'General', make: () => general(service, form, remove) },
        { name: 'webhooks', label: 'Webhooks', make: () => webhooks(service, form) },
        { name: 'notifications', label: 'Notifications', make: () => notificationsPanel(service, form) },
        { name: 'limits', label: 'Limits', make: () => limits(service, form) },
        { name: 'roles', label: 'Roles', make: () => rolesPanel(service, rest, save) },
        { name: 'users', label: 'Users', make: () => usersPanel(service, rest) },
        { name: 'keys', label: 'API keys', make: () => keysPanel(rest) },
      ]);
    },
    'wide',
  );
}

function general(service, form, remove) {
  const { friendly_name: name, reachability_enabled: presence, read_status_enabled: marks } = service;
  const facts = [
    ['SID', h('code', {}, service.sid), copyButton('Copy the SID', service.sid)],
    ['Made', day.format(new Date(service.date_created))],
    ['Changed', day.format(new Date(service.date_updated))],
  ];
  return h(
    'div',
    { class: 'stacked' },
    form(
      [
        { name: 'name', label: 'Name', value: name, required: true, maximum: MOST_CHARACTERS, autofocus: true },
        { name: 'presence', label: 'Presence: show who is online', type: 'checkbox', value: presence },
        { name: 'marks', label: 'Read marks: tell how far each member has read', type: 'checkbox', value: marks },
        wholeNumber('typing', 'Typing ends after (seconds)', service.typing_indicator_timeout, 1),
      ],
      (given) => ({
        FriendlyName: given.name,
        ReachabilityEnabled: given.presence,
        ReadStatusEnabled: given.marks,
        TypingIndicatorTimeout: given.typing,
      }),
    ),
    h('hr'),
    h('dl', { class: 'facts' }, facts.flatMap(([term, ...what]) => [h('dt', {}, term), h('dd', {}, what)])),
    h(
      'div',
      { class: 'buttons start' },
      h('button', { type: 'button', class: 'button danger-plain', on: { click: guarded(remove) } }, 'Delete service'),
    ),
  );
}

const copyButton = (label, text) =>
  iconButton(
    'copy',
    label,
    guarded(() => copyText(text)),
  );

function webhooks(service, form) {
  const method = service.webhook_method ?? '';
  const events = (names) => names.map((name) => [name, name]);
  const url = { type: 'url', maximum: 2048, placeholder: 'https://example.com/hooks' };
  const preUrl = service.pre_webhook_url ?? '';
  const postUrl = service.post_webhook_url ?? '';
  const chosen = service.webhook_filters ?? [];
  return form(
    [
      { ...url, name: 'preUrl', label: 'Pre-event URL', value: preUrl, hint: 'Parley asks this URL before something happens.' },
      { ...url, name: 'postUrl', label: 'Post-event URL', value: postUrl, hint: 'Parley tells this URL what has happened.' },
      {
        name: 'method',
        label: 'Method',
        type: 'select',
        value: method,
        options: [...(method ? [] : [['', 'not set: POST']]), ['POST', 'POST'], ['GET', 'GET']],
      },
      {
        name: 'preRetries',
        label: 'Further attempts, pre-event',
        type: 'select',
        value: String(service.pre_webhook_retry_count),
        options: RETRIES,
      },
      {
        name: 'postRetries',
        label: 'Further attempts, post-event',
        type: 'select',
        value: String(service.post_webhook_retry_count),
        options: RETRIES,
      },
      { name: 'pre', label: 'Pre-events', type: 'checks', value: chosen, options: events(PRE_EVENTS) },
      { name: 'post', label: 'Post-events', type: 'checks', value: chosen, options: events(POST_EVENTS) },
    ],
    (given) => ({
      PreWebhookUrl: given.preUrl,
      PostWebhookUrl: given.postUrl,
      ...(given.method && { WebhookMethod: given.method }),
      PreWebhookRetryCount: given.preRetries,
      PostWebhookRetryCount: given.postRetries,
      // An empty value clears the filters; leaving the field out would keep the old ones.
      WebhookFilters: [...given.pre, ...given.post].length ? [...given.pre, ...given.post] : '',
    }),
  );
}

function limits(service, form) {
  const { channel_members: members, user_channels: channels } = service.limits;
  return form(
    [
      wholeNumber('members', 'Members of a channel', members, 1, 1000, 'At most 1,000.'),
      wholeNumber('channels', 'Channels of a user', channels, 1, 1000, 'At most 1,000.'),
      wholeNumber('interval', 'Clients report what was read every (seconds)', service.consumption_report_interval, 0),
    ],
    (given) => ({
      'Limits.ChannelMembers': given.members,
      'Limits.UserChannels': given.channels,
      ConsumptionReportInterval: given.interval,
    }),
  );
}
