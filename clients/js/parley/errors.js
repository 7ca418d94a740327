/** The server refused a request, with `status` and `code`. Subclasses: the request got no answer. */
export class ParleyError extends Error {
  constructor(message, status = null, code = null) {
    super(message);
    this.name = new.target.name;
    this.status = status;
    this.code = code;
  }
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

/** The socket did not open: no server answered, or the server refused. `status` is set if the platform shows it. */
export class HandshakeError extends ParleyError {
  constructor(message, status, wasTimeout = false) {
    super(message, status);
    this.wasTimeout = wasTimeout;
  }
}

/** The platform cannot offer this token as a sub-protocol, so no server will ever see it. */
export class UnusableTokenError extends ParleyError {}

/** Codes with which the server refuses, as docs/sockets.md lists them. */
export const TOO_MANY_CONNECTIONS = 51001;
export const TOKEN_EXPIRED = 20104;
export const NOT_FOUND = 20404;
export const WRONG_GRANTS = 20106;
/** The server refused the request because of a rate limit: send it again a little later. */
export const TRY_LATER = new Set([51002, 50063, 50074]);
/** The server refused the request because the connection is over: send it again over another connection. */
export const CONNECTION_IS_OVER = new Set([51006, TOKEN_EXPIRED, 20103]);

/** Whether the server answered with a refusal. If not, no answer came. */
export const isRefusal = (error) => error instanceof ParleyError && error.status !== null;

/** The payload of `connectionError` for a failure. */
export function detailsOf(failure) {
  const details = { message: failure.message };
  if (failure.status) details.httpStatusCode = failure.status;
  if (failure.code) details.errorCode = failure.code;
  return details;
}
