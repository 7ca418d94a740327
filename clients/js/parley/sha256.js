/**
 * SHA-256 of bytes that come piece by piece (FIPS 180-4).
 *
 * `crypto.subtle.digest` takes all bytes at once, and exists on secure pages only.
 */

const BLOCK = 64;
/** Where the length stands in the last block. */
const LENGTH_AT = 56;
const ROUNDS = 64;

/** The first 32 bits after the point of a root of a prime, `root` being the square or the cube root. */
function fractions(count, root) {
  const found = [];
  for (let number = 2; found.length < count; number += 1) {
    let isPrime = true;
    for (let divisor = 2; divisor * divisor <= number; divisor += 1) isPrime &&= number % divisor !== 0;
    if (isPrime) found.push(((root(number) % 1) * 2 ** 32) | 0);
  }
  return Int32Array.from(found);
}

const CONSTANTS = fractions(ROUNDS, Math.cbrt);
const START = fractions(8, Math.sqrt);

export class Sha256 {
  #state = START.slice();
  #words = new Int32Array(ROUNDS);
  /** The bytes that do not fill a block yet. */
  #rest = new Uint8Array(BLOCK);
  #restLength = 0;
  #length = 0;

  /** Take the next bytes. */
  update(bytes) {
    this.#length += bytes.length;
    let at = 0;
    if (this.#restLength > 0) {
      at = Math.min(BLOCK - this.#restLength, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#restLength);
      this.#restLength += at;
      if (this.#restLength < BLOCK) return this;
      this.#compress(this.#rest, 0, BLOCK);
      this.#restLength = 0;
    }
    const end = bytes.length - ((bytes.length - at) % BLOCK);
    this.#compress(bytes, at, end);
    this.#rest.set(bytes.subarray(end));
    this.#restLength = bytes.length - end;
    return this;
  }

  /** The 32 bytes of the digest. Call it once, after all bytes. */
  digest() {
    const length = this.#length;
    const zeros = (LENGTH_AT - 1 - this.#restLength + BLOCK) % BLOCK;
    const end = new Uint8Array(1 + zeros + 8);
    end[0] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(1 + zeros, Math.floor(length / 2 ** 29));
    view.setUint32(1 + zeros + 4, length << 3);
    this.update(end);
    const digest = new DataView(new ArrayBuffer(32));
    this.#state.forEach((word, position) => digest.setInt32(4 * position, word));
    return new Uint8Array(digest.buffer);
  }

  #compress(bytes, from, end) {
    const state = this.#state;
    const words = this.#words;
    for (let at = from; at < end; at += BLOCK) {
      for (let round = 0; round < 16; round += 1) {
        const first = at + 4 * round;
        words[round] =
          (bytes[first] << 24) | (bytes[first + 1] << 16) | (bytes[first + 2] << 8) | bytes[first + 3];
      }
      for (let round = 16; round < ROUNDS; round += 1) {
        const early = words[round - 15];
        const late = words[round - 2];
        const ofEarly = ((early >>> 7) | (early << 25)) ^ ((early >>> 18) | (early << 14)) ^ (early >>> 3);
        const ofLate = ((late >>> 17) | (late << 15)) ^ ((late >>> 19) | (late << 13)) ^ (late >>> 10);
        words[round] = (words[round - 16] + ofEarly + words[round - 7] + ofLate) | 0;
      }
      let a = state[0];
      let b = state[1];
      let c = state[2];
      let d = state[3];
      let e = state[4];
      let f = state[5];
      let g = state[6];
      let h = state[7];
      for (let round = 0; round < ROUNDS; round += 1) {
        const ofE = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
        const chosen = (e & f) ^ (~e & g);
        const one = (h + ofE + chosen + CONSTANTS[round] + words[round]) | 0;
        const ofA = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
        const majority = (a & b) ^ (a & c) ^ (b & c);
        h = g;
        g = f;
        f = e;
        e = (d + one) | 0;
        d = c;
        c = b;
        b = a;
        a = (one + ofA + majority) | 0;
      }
      state[0] += a;
      state[1] += b;
      state[2] += c;
      state[3] += d;
      state[4] += e;
      state[5] += f;
      state[6] += g;
      state[7] += h;
    }
  }
}

const PIECE = 1 << 20;

/** The digest of a Blob, of which a small piece at a time is in memory. */
export async function digestOf(blob, signal) {
  const hash = new Sha256();
  for (let at = 0; at < blob.size; at += PIECE) {
    signal?.throwIfAborted();
    hash.update(new Uint8Array(await blob.slice(at, at + PIECE).arrayBuffer()));
  }
  return hash.digest();
}
