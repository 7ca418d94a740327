// The notifications of a service: which events reach phones and browsers, and in which words.

const KINDS = [
  ['new_message', 'NewMessage', 'New message'],
  ['added_to_channel', 'AddedToChannel', 'Added to a channel'],
  ['removed_from_channel', 'RemovedFromChannel', 'Removed from a channel'],
  ['invited_to_channel', 'InvitedToChannel', 'Invited to a channel'],
];
const TEMPLATE_HINT = 'For example ${USER}: ${MESSAGE}. Empty: the default words.';

/** Make the form; `form(fields, fieldsOf)` makes it save what `fieldsOf` makes of its values. */
export function notificationsPanel({ notifications }, form) {
  const kinds = KINDS.flatMap(([key, name, label]) => {
    const { enabled, template, sound } = notifications[key];
    return [
      { name: `${name}.Enabled`, label, type: 'checkbox', value: enabled },
      { name: `${name}.Template`, label: `${label}: words`, value: template ?? '', maximum: 2048, hint: TEMPLATE_HINT },
      { name: `${name}.Sound`, label: `${label}: sound`, value: sound ?? '', maximum: 256 },
    ];
  });
  return form(
    [
      ...kinds,
      {
        name: 'NewMessage.BadgeCountEnabled',
        label: 'New message: count channels with unread messages on the app’s icon',
        type: 'checkbox',
        value: notifications.new_message.badge_count_enabled ?? false,
      },
      {
        name: 'LogEnabled',
        label: 'Log each notification and its outcome, for a week',
        type: 'checkbox',
        value: notifications.log_enabled,
      },
    ],
    (given) => Object.fromEntries(Object.entries(given).map(([name, value]) => [`Notifications.${name}`, value])),
  );
}
