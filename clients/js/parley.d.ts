// Without this, everything declared here would be exported, `export` or not.
export {};

/** Attributes are a JSON object, unless a back end has set another JSON value. */
export type Attributes = { [name: string]: any };

export type ConnectionState = "connecting" | "connected" | "disconnecting" | "disconnected" | "denied";
export type ChannelStatus = "joined" | "invited" | "notParticipating";
export type ChannelState = "initializing" | "active" | "inactive" | "closed";
export type NotificationLevel = "default" | "muted";
export type MessageType = "text" | "media";

export type ChannelUpdateReason =
  | "attributes"
  | "createdBy"
  | "dateCreated"
  | "dateUpdated"
  | "friendlyName"
  | "state"
  | "uniqueName"
  | "bindings"
  | "notificationLevel"
  | "status"
  | "lastMessage"
  | "lastConsumedMessageIndex";
export type MemberUpdateReason =
  | "attributes"
  | "dateCreated"
  | "dateUpdated"
  | "roleSid"
  | "lastConsumedMessageIndex"
  | "lastConsumptionTimestamp"
  | "bindings";
export type MessageUpdateReason =
  "body" | "lastUpdatedBy" | "dateUpdated" | "dateCreated" | "attributes" | "author" | "deliveryReceipt";
export type UserUpdateReason = "friendlyName" | "attributes" | "online" | "notifiable";

export interface ChannelUpdate {
  channel: Channel;
  updateReasons: ChannelUpdateReason[];
}
export interface MemberUpdate {
  member: Member;
  updateReasons: MemberUpdateReason[];
}
export interface MessageUpdate {
  message: Message;
  updateReasons: MessageUpdateReason[];
}
export interface UserUpdate {
  user: User;
  updateReasons: UserUpdateReason[];
}

export interface ConnectionErrorDetails {
  /** True if the token was refused, or if the server closes the connection. */
  terminal: boolean;
  message: string;
  httpStatusCode?: number;
  errorCode?: number;
}

export interface ClientEvents {
  channelAdded: Channel;
  channelInvited: Channel;
  channelJoined: Channel;
  channelLeft: Channel;
  channelRemoved: Channel;
  channelUpdated: ChannelUpdate;
  /** The client missed too much to list each change. Fetch again what you show of this channel. */
  channelRefetched: { channel: Channel };
  memberJoined: Member;
  memberLeft: Member;
  memberUpdated: MemberUpdate;
  messageAdded: Message;
  messageRemoved: Message;
  messageUpdated: MessageUpdate;
  typingStarted: Member;
  typingEnded: Member;
  userSubscribed: User;
  userUnsubscribed: User;
  userUpdated: UserUpdate;
  connectionStateChanged: ConnectionState;
  connectionError: ConnectionErrorDetails;
  /** The milliseconds that are left. */
  tokenAboutToExpire: number;
  tokenExpired: void;
  pushNotification: PushNotification;
}

export interface ChannelEvents {
  memberJoined: Member;
  memberLeft: Member;
  memberUpdated: MemberUpdate;
  messageAdded: Message;
  messageRemoved: Message;
  messageUpdated: MessageUpdate;
  typingStarted: Member;
  typingEnded: Member;
  updated: ChannelUpdate;
  removed: Channel;
}

export interface MemberEvents {
  typingStarted: Member;
  typingEnded: Member;
  updated: MemberUpdate;
}

export interface MessageEvents {
  updated: MessageUpdate;
}

export interface UserEvents {
  updated: UserUpdate;
  userSubscribed: User;
  userUnsubscribed: User;
}

/** Calls listeners by event name. If one throws, the others are still called, and its error is reported as uncaught. */
declare class Emitter<Events> {
  on<Name extends keyof Events>(event: Name, listener: (payload: Events[Name]) => void): this;
  once<Name extends keyof Events>(event: Name, listener: (payload: Events[Name]) => void): this;
  off<Name extends keyof Events>(event: Name, listener: (payload: Events[Name]) => void): this;
  addListener<Name extends keyof Events>(event: Name, listener: (payload: Events[Name]) => void): this;
  removeListener<Name extends keyof Events>(event: Name, listener: (payload: Events[Name]) => void): this;
  removeAllListeners(event?: keyof Events): this;
  listenerCount(event: keyof Events): number;
}

/** One page of a list. Asking for a page that does not exist throws a RangeError. */
export class Paginator<Item> {
  private constructor();
  readonly items: Item[];
  readonly hasNextPage: boolean;
  readonly hasPrevPage: boolean;
  nextPage(): Promise<Paginator<Item>>;
  prevPage(): Promise<Paginator<Item>>;
}

export class User extends Emitter<UserEvents> {
  private constructor();
  readonly sid: string;
  readonly identity: string;
  readonly friendlyName: string | null;
  readonly attributes: Attributes;
  readonly roleSid: string;
  /** Null if the service does not show who is online. */
  readonly online: boolean | null;
  readonly notifiable: boolean | null;
  /** Whether the user is followed. */
  readonly isSubscribed: boolean;
  readonly dateCreated: Date | null;
  readonly dateUpdated: Date | null;
  updateFriendlyName(friendlyName: string): Promise<User>;
  updateAttributes(attributes: Attributes): Promise<User>;
  unsubscribe(): Promise<void>;
}

/** A member of a channel. After leaving, it shows the last known values, at least `sid` and `identity`. */
export class Member extends Emitter<MemberEvents> {
  private constructor();
  readonly channel: Channel;
  readonly sid: string;
  /** Null for a member that has none, such as a phone. */
  readonly identity: string | null;
  readonly roleSid: string | null;
  readonly attributes: Attributes;
  readonly lastConsumedMessageIndex: number | null;
  readonly lastConsumptionTimestamp: Date | null;
  readonly isTyping: boolean;
  readonly dateCreated: Date | null;
  readonly dateUpdated: Date | null;
  updateAttributes(attributes: Attributes): Promise<Member>;
  remove(): Promise<void>;
  getUser(): Promise<User>;
}

/** Which bytes of a file to fetch: from `start` up to, but not including, `end`. By default all. */
export interface DownloadOptions {
  start?: number;
  end?: number;
  signal?: AbortSignal;
}

/** A file of a message. Its bytes never change; they go with the message. */
export class Media {
  private constructor();
  readonly sid: string;
  readonly size: number;
  readonly contentType: string;
  readonly filename: string | null;
  readonly category: string;
  /** A URL under which everybody can fetch the file for some minutes, without a token. */
  getContentTemporaryUrl(options?: { signal?: AbortSignal }): Promise<string>;
  download(options?: DownloadOptions): Promise<Response>;
}

/** A file to send with a type and a name of its own, as Twilio's SDKs take it. */
export interface NamedMedia {
  media: Blob | ArrayBuffer | ArrayBufferView | string;
  contentType?: string;
  filename?: string;
}

/** A file to send. */
export type MediaSource = Blob | ArrayBuffer | ArrayBufferView | NamedMedia;

export interface SendMediaOptions {
  body?: string;
  attributes?: Attributes;
  /** Hears how many bytes of all files have gone. */
  onProgress?: (progress: { loaded: number; total: number }) => void;
  /** Stops the upload. `sendMedia` then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** A message. After its removal, it shows the last known values, at least `sid` and `index`. */
export class Message extends Emitter<MessageEvents> {
  private constructor();
  readonly channel: Channel;
  readonly sid: string;
  readonly index: number;
  readonly author: string | null;
  readonly body: string | null;
  readonly attributes: Attributes;
  readonly type: MessageType;
  /** The first file; null if there is none. */
  readonly media: Media | null;
  /** All files, in order. */
  readonly attachedMedia: Media[];
  readonly dateCreated: Date | null;
  /** The same as `dateCreated`. */
  readonly timestamp: Date | null;
  readonly dateUpdated: Date | null;
  readonly lastUpdatedBy: string | null;
  updateBody(body: string): Promise<Message>;
  updateAttributes(attributes: Attributes): Promise<Message>;
  remove(): Promise<Message>;
  /** The author, as a member of the channel. */
  getMember(): Promise<Member>;
}

export interface LastMessage {
  index: number;
  /** Null for a message from before the connection. */
  dateCreated: Date | null;
}

export class Channel extends Emitter<ChannelEvents> {
  private constructor();
  readonly sid: string;
  readonly uniqueName: string | null;
  readonly friendlyName: string | null;
  readonly attributes: Attributes;
  readonly type: "public" | "private";
  readonly isPrivate: boolean;
  /** Nothing can be sent to a closed conversation. */
  readonly state: ChannelState;
  readonly status: ChannelStatus;
  readonly createdBy: string;
  readonly dateCreated: Date | null;
  readonly dateUpdated: Date | null;
  /** Null while the channel is empty. */
  readonly lastMessage: LastMessage | null;
  readonly lastConsumedMessageIndex: number | null;
  readonly notificationLevel: NotificationLevel;

  /** Join, or accept the invitation. */
  join(attributes?: Attributes): Promise<Channel>;
  acceptInvitation(attributes?: Attributes): Promise<Channel>;
  decline(): Promise<Channel>;
  leave(): Promise<Channel>;
  delete(): Promise<Channel>;

  invite(identity: string): Promise<void>;
  add(identity: string, attributes?: Attributes): Promise<void>;
  removeMember(memberOrIdentity: Member | string): Promise<void>;
  /** All members, oldest first. */
  getMembers(): Promise<Member[]>;
  getMemberByIdentity(identity: string): Promise<Member>;
  getMemberBySid(sid: string): Promise<Member>;
  /** The users of all members; the client does not follow them. */
  getUserDescriptors(pageSize?: number): Promise<Paginator<User>>;
  getMembersCount(): Promise<number>;

  /** A page of messages, oldest first, that ends (`backwards`) or begins (`forward`) with the message at `anchor`. */
  getMessages(
    pageSize?: number,
    anchor?: number | "end",
    direction?: "backwards" | "forward",
  ): Promise<Paginator<Message>>;
  getMessagesCount(): Promise<number>;
  /** How many messages come after the last consumed one; null if the user has not reported any as consumed. */
  getUnconsumedMessagesCount(): Promise<number | null>;
  /** Send a message; resolves with its index. Messages get their indexes in the order of the calls. */
  sendMessage(body: string | NamedMedia | FormData, attributes?: Attributes): Promise<number>;
  /** Upload one file, or up to ten, and send them as one message; resolves with its index. */
  sendMedia(files: MediaSource | MediaSource[] | FormData, options?: SendMediaOptions): Promise<number>;
  /** Tell the others that the user is typing. Call it at each key: the client sends only as many requests as needed. */
  typing(): Promise<void>;

  /** Mark messages as consumed up to an index, never back; resolves with the number of unconsumed messages. */
  advanceLastConsumedMessageIndex(index: number): Promise<number | null>;
  updateLastConsumedMessageIndex(index: number): Promise<number | null>;
  setAllMessagesConsumed(): Promise<number | null>;
  setNoMessagesConsumed(): Promise<number | null>;

  setUserNotificationLevel(level: NotificationLevel): Promise<void>;
  updateAttributes(attributes: Attributes): Promise<Channel>;
  updateFriendlyName(friendlyName: string): Promise<Channel>;
  updateUniqueName(uniqueName: string): Promise<Channel>;
}

/** An access token, or a function for one. The client calls it before each connect and before a token expires. */
export type TokenOrProvider = string | (() => string | Promise<string>);

/** A WebSocket class: the global one, or the one of the package "ws". */
export interface WebSocketClass {
  new (url: string, protocols: string[]): any;
}

export interface Timers {
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: any): void;
}

export interface ClientOptions {
  /** The address of the socket: `wss://…`. */
  url: string;
  /** By default the global one. */
  WebSocket?: WebSocketClass;
  timers?: Timers;
  /** Milliseconds since 1970, as `Date.now`. */
  clock?: () => number;
  /** Hears what is wrong with the connection, once of each cause. By default `console.warn`; null is silent. */
  log?: ((text: string) => void) | null;
  /** From 0 to 1, as `Math.random`. */
  random?: () => number;
  /** For files, and to check that the server can be reached after handshakes failed without a status. */
  fetch?: (url: string, init: any) => Promise<any>;
  /** For uploads, because it tells how far they are. Where there is none, as in Node, `fetch` uploads. */
  XMLHttpRequest?: { new (): any };
}

export interface CreateChannelOptions {
  friendlyName?: string;
  uniqueName?: string;
  /** By default `public`. */
  type?: "public" | "private";
  /** How Twilio's SDK says `type: "private"`; `type` wins. */
  isPrivate?: boolean;
  attributes?: Attributes;
}

export interface BindingOptions {
  bindingType: PushType;
  address: string;
  /** By default, the token's. */
  credentialSid?: string;
  endpoint?: string;
  messageTypes?: string[];
}

export interface Binding {
  sid: string;
  bindingType: string;
  endpoint: string | null;
  identity: string;
  credentialSid: string;
  messageTypes: string[];
}

export type PushType = "apn" | "fcm" | "gcm";

/** What a push notification says. What it does not say is null, or missing in `data`. */
export interface PushNotification {
  /** Such as "twilio.channel.new_message". */
  type: string;
  /** The same if the notification comes twice. */
  sid: string | null;
  title: string | null;
  body: string | null;
  sound: string | null;
  /** The number for the app's icon; only Apple's have one. */
  badge: number | null;
  action: string | null;
  data: {
    /** The channel or conversation. */
    channelSid?: string;
    channelTitle?: string;
    messageSid?: string;
    messageIndex?: number;
    author?: string;
    mediaCount?: number;
    /** What is told of the first file. */
    media?: Record<string, any>;
  };
}

export class Client extends Emitter<ClientEvents> {
  /** Makes a client that connects only on `initialize`, so that listeners hear of its first attempts. */
  constructor(tokenOrProvider: TokenOrProvider, options: ClientOptions);
  /** Connect; resolves when the channels are known. Rejects if the token is refused; retries if no server answers. */
  static create(tokenOrProvider: TokenOrProvider, options: ClientOptions): Promise<Client>;
  initialize(): Promise<Client>;

  readonly connectionState: ConnectionState;
  /** This client's own user; null before `initialize` is done. */
  readonly user: User | null;
  readonly reachabilityEnabled: boolean;

  /** The channels that the user has joined or is invited to, on one page. */
  getSubscribedChannels(): Promise<Paginator<Channel>>;
  getPublicChannelDescriptors(pageSize?: number): Promise<Paginator<Channel>>;
  getChannelBySid(sid: string): Promise<Channel>;
  getChannelByUniqueName(uniqueName: string): Promise<Channel>;
  /** Create a channel. Its creator does not join it. */
  createChannel(options?: CreateChannelOptions): Promise<Channel>;

  /** Fetch a user and follow it. Beyond a hundred users, the client drops the one followed longest. */
  getUser(identity: string): Promise<User>;
  getSubscribedUsers(): Promise<User[]>;
  /** Fetch a user as it is now, without following it. */
  getUserDescriptor(identity: string): Promise<User>;
  getUserDescriptors(pageSize?: number): Promise<Paginator<User>>;

  registerBinding(options: BindingOptions): Promise<Binding>;
  removeBinding(sid: string): Promise<void>;
  /** Register this device's token for push notifications. If the client has registered another, that one goes. */
  setPushRegistrationId(type: PushType, token: string): Promise<void>;
  /** Remove what this client has registered of this type. */
  unsetPushRegistrationId(type: PushType): Promise<void>;
  /** Remove all of the user's registrations of a device's token, whichever client made them. */
  removePushRegistrations(type: PushType, token: string): Promise<void>;
  /** Emit `pushNotification` for what APNs or Firebase gave the application; rejects if it is none of Parley's. */
  handlePushNotification(payload: object): Promise<void>;
  /** What a payload says, without a client: in a service worker there may be none. */
  static parsePushNotification(payload: object): PushNotification;

  /** Use another token of the same identity. If the server refuses it, this rejects and the old one stays in use. */
  updateToken(token: string): Promise<Client>;
  shutdown(): Promise<void>;
}

/** The server refused a request. Subclasses: the request got no answer. */
export class ParleyError extends Error {
  constructor(message: string, status?: number | null, code?: number | null);
  readonly status: number | null;
  readonly code: number | null;
}

/** The connection broke after the request was sent. It is unknown whether the server carried it out. */
export class ConnectionLostError extends ParleyError {}

/** No reply came within 30 seconds. The time without a connection counts too. */
export class RequestTimeoutError extends ParleyError {}

/** The request is larger than a WebSocket frame that API Gateway takes. */
export class FrameTooLargeError extends ParleyError {}

/** The file is empty, or it cannot be read. */
export class UnusableFileError extends ParleyError {}

/** The payload is not a push notification of Parley's. */
export class UnusableNotificationError extends ParleyError {}

/** The bytes of a file did not get through. `status` is that of the store, or null if no answer came. */
export class TransferError extends ParleyError {}

/** A push as it comes on the socket. */
export interface Push {
  event: string;
  seq: number;
  [member: string]: any;
}

/** A channel's part of the reply to `catchUp`, with status `changes` or `refetch`. */
export type CatchUp =
  { status: "changes"; seq: number; more: boolean; events: Push[] } | { status: "refetch"; seq: number };

/** The outcome of an answer: the pushes to deliver, and whether the application must fetch the channel again. */
export interface Progress {
  isRefetch: boolean;
  deliver: Push[];
}

/** How much a `ChannelFollower` remembers, and how patient it is. */
export interface FollowerLimits {
  /** How many records it remembers the version of: by default 2,000. */
  memory?: number;
  /** Under how many numbers it holds pushes: by default 1,000. */
  held?: number;
  /** How many answers in a row may say `more` without getting further: by default 100. */
  stalls?: number;
}

/** Decides, for one channel, which pushes to deliver and when to ask the server about a gap. Times are milliseconds. */
export class ChannelFollower {
  constructor(mark: number, limits?: FollowerLimits);
  /** The `seq` up to which everything has been seen; null after `end`. */
  readonly mark: number | null;
  /** When to call `ask`; null for never. */
  readonly dueAt: number | null;
  /** A push came; returns the pushes to deliver now, in order. */
  receive(push: Push, now: number): Push[];
  /** A list says which number this channel has reached (-1: it is not in the list). Ask unless it is the mark. */
  expect(seq: number, now: number): void;
  /** The number to ask from. Nothing is due until `answer`, `failed` or `interrupted` is called. */
  ask(): number;
  answer(answer: CatchUp, now: number): Progress;
  /** The server refused to answer. After the third time, deliver the held pushes and say that a refetch is needed. */
  failed(now: number): Progress;
  /** The user is no longer a member. Returns the held pushes, because nothing will fill their gaps now. */
  end(): Push[];
  /** The question was lost with the connection. It does not count; `expect` decides whether to ask again. */
  interrupted(now: number): void;
}
