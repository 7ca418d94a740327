/** The part of a WebSocket class that is used. */
export interface SocketClass {
  new (url: string): object;
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
 */
export function parley(url: string, given?: { WebSocket?: SocketClass }): ParleyOptions;
