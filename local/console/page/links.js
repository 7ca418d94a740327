// Links in texts. A text becomes text nodes and links; nothing in it is ever read as markup.

const CANDIDATE = /\bhttps?:\/\/[^\s<>"“”]+/gi;
// What ends a sentence stands after a link and does not belong to it.
const AFTER = /[.,;:!?'’…*_~)\]}]$/;
const PAIRS = { ')': '(', ']': '[', '}': '{' };

/** A text as nodes: addresses that begin with http or https are links, everything else is text. */
export function linked(text) {
  const nodes = [];
  let at = 0;
  for (const { 0: candidate, index } of text.matchAll(CANDIDATE)) {
    const address = trimmed(candidate);
    const url = readable(address);
    if (!url) continue;
    const link = document.createElement('a');
    Object.assign(link, { href: url.href, target: '_blank', rel: 'noopener noreferrer', textContent: address });
    nodes.push(text.slice(at, index), link);
    at = index + address.length;
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== '');
}

/** Without the punctuation behind it. A closing bracket stays if the address has opened it, as in `…/Rust_(language)`. */
function trimmed(candidate) {
  let address = candidate;
  while (AFTER.test(address)) {
    const last = address.at(-1);
    if (PAIRS[last] && address.split(PAIRS[last]).length >= address.split(last).length) break;
    address = address.slice(0, -1);
  }
  return address;
}

/** The URL of an address on the web; null if it is none, or if it hides its host behind a user name. */
function readable(address) {
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:';
  return isWeb && !url.username && !url.password ? url : null;
}
