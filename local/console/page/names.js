// Names of the API that the page offers to choose from. A test compares them with those that the service knows.

export const PRE_EVENTS = [
  'onMessageSend',
  'onMediaMessageSend',
  'onMessageUpdate',
  'onMessageRemove',
  'onChannelAdd',
  'onChannelUpdate',
  'onChannelDestroy',
  'onMemberAdd',
  'onMemberUpdate',
  'onMemberRemove',
  'onUserUpdate',
];
export const POST_EVENTS = [
  'onMessageSent',
  'onMediaMessageSent',
  'onMessageUpdated',
  'onMessageRemoved',
  'onChannelAdded',
  'onChannelUpdated',
  'onChannelDestroyed',
  'onMemberAdded',
  'onMemberUpdated',
  'onMemberRemoved',
  'onUserAdded',
  'onUserUpdated',
];

/** Identities that nobody may have. */
export const RESERVED = ['system', 'private', 'unique'];

const IN_BOTH = [
  'addMember',
  'inviteMember',
  'removeMember',
  'destroyChannel',
  'editChannelName',
  'editChannelAttributes',
  'editAnyMessage',
  'editOwnMessage',
  'editAnyMessageAttributes',
  'editOwnMessageAttributes',
  'deleteAnyMessage',
  'editAnyUserInfo',
  'editOwnUserInfo',
  'editAnyMemberAttributes',
  'editOwnMemberAttributes',
];
/** The permissions that a role of each type may have. */
export const PERMISSIONS = {
  deployment: ['createChannel', 'joinChannel', ...IN_BOTH],
  channel: ['sendMessage', 'sendMediaMessage', 'deleteOwnMessage', 'leaveChannel', 'editNotificationLevel', ...IN_BOTH],
};
