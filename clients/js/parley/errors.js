/** What the server refused, with `status` and `code`; or, in subclasses, what kept a request from being answered. */
export class ParleyError extends Error {
  constructor(message, status = null, code = null) {
    super(message);
    this.name = new.target.name;
    this.status = status;
    this.code = code;
  }
}

/** The connection broke after the request was sent: whether it was carried out is unknown. */
export class ConnectionLostError extends ParleyError {}

/** No reply came within 30 seconds. The time without a connection counts too. */
export class RequestTimeoutError extends ParleyError {}

/** The request does not fit into one WebSocket frame that API Gateway takes. */
export class FrameTooLargeError extends ParleyError {}

/** The socket did not open: nobody answered, or it was refused, with a status if the platform shows one. */
export class HandshakeError extends ParleyError {
  constructor(message, status, wasTimeout = false) {
    super(message, status);
    this.wasTimeout = wasTimeout;
  }
}

/** The platform cannot even offer this text as a sub-protocol, so no server ever takes it. */
export class UnusableTokenError extends ParleyError {}

/** Codes with which the server refuses, as docs/sockets.md lists them. */
export const TOO_MANY_CONNECTIONS = 51001;
export const TOKEN_EXPIRED = 20104;
export const NOT_FOUND = 20404;
export const WRONG_GRANTS = 20106;
/** Refused for being too fast: the same request may be sent again a little later. */
export const TRY_LATER = new Set([51002, 50063, 50074]);
/** Refused because of the connection, not the request: it may be sent again over another connection. */
export const CONNECTION_IS_OVER = new Set([51006, TOKEN_EXPIRED, 20103]);

/** Whether the server answered with a refusal; otherwise no answer came. */
export const isRefusal = (error) => error instanceof ParleyError && error.status !== null;

/** What `connectionError` says of a failure. */
export function detailsOf(failure) {
  const details = { message: failure.message };
  if (failure.status) details.httpStatusCode = failure.status;
  if (failure.code) details.errorCode = failure.code;
  return details;
}
