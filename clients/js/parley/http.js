import { ParleyError, RequestTimeoutError, TransferError } from "./errors.js";

const ANSWER_TIMEOUT = 30_000;
/** An upload fails if nothing moves for so long. */
const STALL_TIMEOUT = 60_000;
/** So many bytes of a file are in memory at a time. */
const PIECE = 1 << 18;
/** Browsers set these headers themselves, and complain if a page sets them. */
const OF_THE_PLATFORM = new Set(["content-length", "host"]);

/**
 * Do something that `beat` shows to be alive. If it is silent for so long, or if the caller's signal says so, it is
 * aborted. The caller's signal goes on to count for what an open-ended work returns: a response that is being read.
 */
async function attended(environment, silence, signal, work, isOpenEnded = false) {
  signal?.throwIfAborted();
  const controller = new AbortController();
  let isLate = false;
  let timer;
  const beat = () => {
    environment.cancel(timer);
    timer = environment.after(silence, () => {
      isLate = true;
      controller.abort();
    });
  };
  const abort = () => controller.abort(signal.reason);
  signal?.addEventListener("abort", abort);
  let isDone = false;
  beat();
  try {
    const result = await work(controller.signal, beat);
    isDone = true;
    return result;
  } catch (error) {
    signal?.throwIfAborted();
    if (isLate) throw new RequestTimeoutError("no answer in time");
    throw error instanceof ParleyError ? error : new TransferError(`the server was not reached: ${error.message}`);
  } finally {
    environment.cancel(timer);
    if (!isOpenEnded || !isDone) signal?.removeEventListener("abort", abort);
  }
}

/** Send a request to the REST API with a user's token; resolves with the answer's JSON. */
export function askRest(environment, method, url, { token, form, signal }) {
  return attended(environment, ANSWER_TIMEOUT, signal, async (aborted) => {
    const response = await environment.fetch(url, {
      method,
      headers: { "X-Twilio-Token": token },
      body: form === undefined ? undefined : new URLSearchParams(form),
      credentials: "omit",
      signal: aborted,
    });
    const body = await response.json().catch(() => ({}));
    if (response.ok) return body;
    throw new ParleyError(body.message ?? `the server answered ${response.status}`, response.status, body.code ?? null);
  });
}

/** Fetch a file, or a part of it; resolves with the response as soon as its bytes come. */
export function fetchFile(environment, url, { headers, signal }) {
  const work = async (aborted) => {
    const response = await environment.fetch(url, { headers, credentials: "omit", signal: aborted });
    if (response.status === (headers.Range ? 206 : 200)) return response;
    await response.body?.cancel();
    throw new TransferError(`the file was not sent: the server answered ${response.status}`, response.status);
  };
  return attended(environment, ANSWER_TIMEOUT, signal, work, true);
}

/** Send a Blob to where the server said; `onSent` hears how many of its bytes have gone. */
export function sendFile(environment, { method, url, headers }, blob, { onSent, signal }) {
  const send = environment.XMLHttpRequest === null ? sendByFetch : sendByXhr;
  return attended(environment, STALL_TIMEOUT, signal, async (aborted, beat) => {
    const told = (sent) => {
      beat();
      onSent(sent);
    };
    const status = await send(environment, { method, url, headers }, blob, told, aborted);
    if (status < 200 || status > 299) throw new TransferError(`the file was refused with status ${status}`, status);
  });
}

/** In browsers. Only this way shows how far an upload is. */
function sendByXhr(environment, { method, url, headers }, blob, onSent, aborted) {
  return new Promise((resolve, reject) => {
    const request = new environment.XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) {
      if (!OF_THE_PLATFORM.has(name.toLowerCase())) request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded }) => onSent(loaded);
    request.onload = () => resolve(request.status);
    request.onerror = () => reject(new TransferError("the connection broke during the upload"));
    request.onabort = request.onerror;
    aborted.addEventListener("abort", () => request.abort());
    request.send(blob);
  });
}

/** In Node, which has no XMLHttpRequest, and takes the length of a stream from the header. */
async function sendByFetch(environment, { method, url, headers }, blob, onSent, aborted) {
  let sent = 0;
  const body = new ReadableStream({
    async pull(controller) {
      if (sent === blob.size) return controller.close();
      const piece = await blob.slice(sent, sent + PIECE).arrayBuffer();
      controller.enqueue(new Uint8Array(piece));
      sent += piece.byteLength;
      return onSent(sent);
    },
  });
  const response = await environment.fetch(url, {
    method,
    headers: { ...headers, "content-length": String(blob.size) },
    body,
    duplex: "half",
    signal: aborted,
  });
  await response.body?.cancel();
  return response.status;
}
