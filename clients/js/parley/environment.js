const LONGEST_TIMER = 2 ** 31 - 1;

/** What the client takes from the platform. An option can replace each. */
export function environment(options) {
  checkUrl(options.url);
  const WebSocketClass = options.WebSocket ?? globalThis.WebSocket;
  if (WebSocketClass === undefined) {
    throw new TypeError(
      'This platform has no WebSocket (Node has one since 22): pass a class as options.WebSocket, that of "ws" say',
    );
  }
  const timers = options.timers ?? {
    setTimeout: (callback, delay) => globalThis.setTimeout(callback, delay),
    clearTimeout: (timer) => globalThis.clearTimeout(timer),
  };
  return {
    url: options.url,
    WebSocket: WebSocketClass,
    after: (delay, callback) => timers.setTimeout(callback, Math.min(Math.max(delay, 0), LONGEST_TIMER)),
    cancel: (timer) => timers.clearTimeout(timer),
    random: options.random ?? Math.random,
    now: options.clock ?? Date.now,
    // Without any word, a page whose token function fails would look as if it waited for the network.
    log: options.log === undefined ? (text) => console.warn(text) : options.log,
    // Null on a platform that has none, such as Node.
    XMLHttpRequest: options.XMLHttpRequest ?? globalThis.XMLHttpRequest ?? null,
    fetch: options.fetch ?? ((...request) => globalThis.fetch(...request)),
  };
}

/** A browser would take more, such as the address of a page, and the client would try it again for ever. */
function checkUrl(url) {
  const parts = /^wss?:\/\/[^/?#]/i.test(url ?? "") ? parsed(url) : null;
  if (parts?.searchParams.get("protocol") === "twilsock") {
    throw new TypeError(
      "options.url: this address is for Twilio's SDKs. Give the one without `protocol`: `SocketUrl` of a deployed stack, " +
        "or `ws_url` in the `.parley/local.json` of a local run.",
    );
  }
  if (parts !== null && parts.hash === "") return;
  throw new TypeError(
    `options.url: ${JSON.stringify(url)} is not the address of a socket. Give the one that begins with wss:// or ws://: ` +
      "`SocketUrl` of a deployed stack, or `ws_url` in the `.parley/local.json` of a local run.",
  );
}

/** `URL.canParse` is young, and polyfills of `URL` lack it. */
function parsed(url) {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}

/** A random UUID. `crypto.randomUUID` exists on secure pages only. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
