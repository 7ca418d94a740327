/** The part of a WebSocket class that is used. */
export interface SocketClass {
  new (url: string): object;
}

/** The part of an XMLHttpRequest class that is used. */
export interface RequestClass {
  new (): object;
}

export interface ParleyOptions {
  Twilsock: { uri: string };
}

/**
 * The options with which `twilio-chat` or `@twilio/conversations` connects to Parley. Write it where the client is made:
 * `new Client(token, parley(url))`, or in 3.x and 4.x `Client.create(token, parley(url))`.
 *
 * @param url The address of the socket.
 * @param given.WebSocket The class to connect with. By default it is the platform's; in a Node that has none, it is the one
 *   that the SDK itself would take from the package "ws".
 * @param given.XMLHttpRequest The class with which the SDK sends files. By default it is the platform's, and in Node also
 *   that of the package "xmlhttprequest" that the SDK has loaded. With null, all of them stay as they are: files over
 *   4.5 MB are refused then, and 3.x and 4.x find no files.
 */
export function parley(
  url: string,
  given?: { WebSocket?: SocketClass; XMLHttpRequest?: RequestClass | null },
): ParleyOptions;
