import { ParleyError, RequestTimeoutError, TransferError, UnusableFileError } from "./errors.js";
import { askRest, fetchFile, sendFile } from "./http.js";
import { digestOf } from "./sha256.js";

const MOST_FILES = 10;
const MOST_ATTEMPTS = 4;
const MEGABYTE = 1_000_000;
const MEDIA_SIZE_REFUSED = 50512;
const UNKNOWN_TYPE = "application/octet-stream";
/** With these statuses of the API, another attempt with the token of a new session may succeed. */
const PASSING = new Set([401, 408, 429]);
/** The status of a link that is over. */
const LINK_OVER = 403;

const isBlob = (given) => typeof given?.arrayBuffer === "function" && typeof given.size === "number";
const isBytes = (given) => given instanceof ArrayBuffer || ArrayBuffer.isView(given);
const isNamed = (given) => typeof given === "object" && given !== null && "media" in given;
const isForm = (given) => typeof FormData !== "undefined" && given instanceof FormData;

/** Whether `sendMessage` was given a file in one of Twilio's two ways. */
export const isMedia = (given) => isForm(given) || isNamed(given);

/** The files in what the application gave: one or several, or a form with files. */
export function filesIn(given) {
  const several = isForm(given) ? [...given.values()].filter(isBlob) : Array.isArray(given) ? given : [given];
  if (several.length < 1 || several.length > MOST_FILES) {
    throw new TypeError(`a message has 1 to ${MOST_FILES} files, not ${several.length}`);
  }
  return several.map(fileOf);
}

function fileOf(given) {
  const { media, contentType, filename } = isNamed(given) ? given : { media: given };
  const isText = isNamed(given) && typeof media === "string";
  if (!isBlob(media) && !isBytes(media) && !isText) throw new TypeError("a file must be a File, a Blob, or bytes");
  const blob = isBlob(media) ? media : new Blob([media]);
  if (blob.size === 0) throw new UnusableFileError("an empty file cannot be sent");
  return { blob, contentType: contentType || blob.type || UNKNOWN_TYPE, filename: filename ?? media.name ?? null };
}

/**
 * Uploads and fetches files over HTTP. An upload:
 *
 *   POST Uploads ──> a link ──> PUT the bytes there ──> GET Media/<sid>: the server sees that they came
 *
 * If a step fails for a reason that may pass, it is repeated as soon as the socket is connected. A repeated upload has a
 * new link. The server forgets a file that was not uploaded, or that no message carries.
 */
export class Files {
  /** What the URLs of the service's files begin with; null before the first session has begun. */
  #url = null;
  #mostBytes = Infinity;
  #environment;
  #connection;

  constructor(environment, connection) {
    this.#environment = environment;
    this.#connection = connection;
  }

  /** A session has begun: it says where the files are, and how large they may be. */
  sessionBegan({ media_url: url, media_size_limit_mb: megabytes = Infinity }) {
    this.#url = url;
    this.#mostBytes = megabytes * MEGABYTE;
  }

  /** Upload files; resolves with their SIDs. A message must carry them within five minutes. */
  async upload(files, { onProgress, signal } = {}) {
    const total = files.reduce((sum, { blob }) => sum + blob.size, 0);
    // The server would say so too, but only after the file has been read for its digest.
    if (files.some(({ blob }) => blob.size > this.#mostBytes)) {
      const message = `a file has at most ${this.#mostBytes / MEGABYTE} MB`;
      throw new ParleyError(message, 413, MEDIA_SIZE_REFUSED);
    }
    let before = 0;
    const sids = [];
    for (const file of files) {
      const onSent = (sent) => onProgress?.({ loaded: before + Math.min(sent, file.blob.size), total });
      sids.push(await this.#upload(file, { onSent, signal }));
      before += file.blob.size;
      onProgress?.({ loaded: before, total });
    }
    // The five minutes begin when the server sees a file, and uploading the others may take longer.
    await Promise.all(sids.map((sid) => this.fetch(sid, signal)));
    return sids;
  }

  async #upload({ blob, contentType, filename }, { onSent, signal }) {
    const digest = await digestOf(blob, signal).catch((error) => {
      signal?.throwIfAborted();
      throw new UnusableFileError(`the file cannot be read: ${error.message}`);
    });
    const form = { Size: blob.size, ContentType: contentType, Sha256: hex(digest) };
    if (filename !== null) form.Filename = filename;
    return this.#patiently(signal, async (url, token) => {
      const { sid, upload } = await askRest(this.#environment, "POST", `${url}/Uploads`, { token, form, signal });
      await sendFile(this.#environment, upload, blob, { onSent, signal });
      return sid;
    });
  }

  /** The server's record of a file. Its links are new. */
  fetch(sid, signal) {
    return this.#patiently(signal, (url, token) =>
      askRest(this.#environment, "GET", `${url}/Media/${sid}`, { token, signal }),
    );
  }

  /** A URL under which everybody can fetch the file for some minutes. */
  async link(sid, signal) {
    return (await this.fetch(sid, signal)).links.content_direct_temporary;
  }

  /** Fetch a file from one byte up to another; resolves with a response whose bytes the application reads. */
  async download(sid, { start = 0, end, signal } = {}) {
    if (start < 0 || end <= start) throw new RangeError(`there are no bytes from ${start} up to ${end}`);
    const isWhole = start === 0 && end === undefined;
    const headers = isWhole ? {} : { Range: `bytes=${start}-${end === undefined ? "" : end - 1}` };
    return this.#patiently(signal, async (url, token) => {
      const record = await askRest(this.#environment, "GET", `${url}/Media/${sid}`, { token, signal });
      return fetchFile(this.#environment, record.links.content_direct_temporary, { headers, signal });
    });
  }

  async #patiently(signal, step) {
    for (let attempt = 1; ; attempt += 1) {
      const url = this.#url ?? (await this.#askWhere());
      try {
        return await step(url, this.#connection.token);
      } catch (error) {
        if (attempt === MOST_ATTEMPTS || !mayPass(error)) throw error;
      }
      await this.#pause(signal);
      // This waits for a connection, which has a good token.
      await this.#askWhere();
      signal?.throwIfAborted();
    }
  }

  async #askWhere() {
    const session = await this.#connection.request("fetchSession", {}, "read");
    this.sessionBegan(session);
    return this.#url;
  }

  #pause(signal) {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#environment.cancel(timer);
        reject(signal.reason);
      };
      const timer = this.#environment.after(1_000 + this.#environment.random() * 3_000, () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      signal?.addEventListener("abort", abort);
    });
  }
}

function mayPass(error) {
  if (error instanceof RequestTimeoutError) return true;
  if (error instanceof TransferError && (error.status === null || error.status === LINK_OVER)) return true;
  return error instanceof ParleyError && (PASSING.has(error.status) || error.status >= 500);
}

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
