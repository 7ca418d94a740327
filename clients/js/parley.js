/**
 * The JavaScript client of Parley, for browsers and Node. It has no dependencies and needs no build step.
 *
 * The application sees every change of a channel once and in order. The parts, from the socket up:
 *
 *   connection.js     keeps a socket open (link.js, pauses.js), pairs requests with replies (requests.js), renews tokens
 *                     (tokens.js)
 *   follower.js       decides which pushes of a channel are new (news.js), and when to ask for missing ones
 *   session.js        turns both into objects (channel.js, message.js, member.js, user.js) and events (delivery.js)
 *   files.js          uploads and fetches files over HTTP (http.js, sha256.js)
 *   notifications.js  reads push notifications, and remembers what the device is registered as
 *   client.js         the object that the application creates
 */

export { Channel } from "./parley/channel.js";
export { Client } from "./parley/client.js";
export {
  ConnectionLostError,
  FrameTooLargeError,
  ParleyError,
  RequestTimeoutError,
  TransferError,
  UnusableFileError,
  UnusableNotificationError,
} from "./parley/errors.js";
export { ChannelFollower } from "./parley/follower.js";
export { Media } from "./parley/media.js";
export { Member } from "./parley/member.js";
export { Message } from "./parley/message.js";
export { Paginator } from "./parley/paginator.js";
export { User } from "./parley/user.js";
