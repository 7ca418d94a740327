// Files: those that somebody chooses, drops or pastes, and those of messages.

import { guarded, h, icon, iconButton, toast } from './dom.js';

export const MOST_FILES = 10;
// How far beyond the visible part of the list pictures and films are fetched already.
const NEAR = '400px';
// How long to wait before each new link, in milliseconds. The first link may have died; the links of a file that is being
// scanned lead nowhere yet.
const BEFORE_NEW_LINKS = [0, 2_000, 8_000];

const amount = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

/** A number of bytes for people. */
export function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  const [unit, size] = bytes < 1_000_000 ? ['kB', 1000] : bytes < 1_000_000_000 ? ['MB', 1_000_000] : ['GB', 1e9];
  return `${amount.format(bytes / size)} ${unit}`;
}

const nameOfFile = ({ filename, contentType }) => filename ?? contentType ?? 'file';
const isPicture = (type) => /^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(type ?? '');

// Choosing.

/** The files that somebody is about to send. `changed` is called after each change. */
export class Tray {
  constructor(changed) {
    this.changed = changed;
    this.files = [];
    this.element = h('ul', { class: 'tray', role: 'list', 'aria-label': 'Files to send', hidden: true });
  }

  add(files) {
    const room = MOST_FILES - this.files.length;
    if (files.length > room) toast(`A message has at most ${MOST_FILES} files`, 'error');
    for (const file of files.slice(0, room)) {
      this.files.push(file);
      this.element.append(this.#chip(file));
    }
    this.#show();
  }

  /** Take all files out. */
  take() {
    const { files } = this;
    this.files = [];
    for (const picture of this.element.querySelectorAll('img')) URL.revokeObjectURL(picture.src);
    this.element.replaceChildren();
    this.#show();
    return files;
  }

  #chip(file) {
    const picture = isPicture(file.type) && h('img', { src: URL.createObjectURL(file), alt: '' });
    const chip = h(
      'li',
      {},
      picture || icon('file'),
      h('span', { class: 'file-name' }, file.name),
      h('span', { class: 'file-size' }, sizeText(file.size)),
      iconButton('close', `Remove ${file.name}`, () => this.#remove(file, chip)),
    );
    return chip;
  }

  #remove(file, chip) {
    this.files = this.files.filter((one) => one !== file);
    const picture = chip.querySelector('img');
    if (picture) URL.revokeObjectURL(picture.src);
    chip.remove();
    this.#show();
  }

  #show() {
    this.element.hidden = this.files.length === 0;
    this.changed();
  }
}

/** The files in what was dropped or pasted. Folders have neither a type nor bytes, so they are left out. */
function filesOf(transfer) {
  const items = [...transfer.items].filter(({ kind }) => kind === 'file');
  const isFolder = (item) => item.webkitGetAsEntry?.()?.isDirectory;
  return items.flatMap((item) => (isFolder(item) ? [] : [item.getAsFile()])).filter(Boolean);
}

/** Let files be dropped on an element, which then has the class `dropping`. */
export function acceptDrops(element, take) {
  const isFiles = ({ dataTransfer }) => dataTransfer?.types.includes('Files');
  const over = (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    element.classList.add('dropping');
  };
  element.addEventListener('dragenter', over);
  element.addEventListener('dragover', over);
  element.addEventListener('dragleave', (event) => {
    if (!element.contains(event.relatedTarget)) element.classList.remove('dropping');
  });
  element.addEventListener('drop', (event) => {
    element.classList.remove('dropping');
    if (!isFiles(event)) return;
    event.preventDefault();
    take(filesOf(event.dataTransfer));
  });
}

/** A file that is dropped where nobody takes it would replace the page. */
export function refuseOtherDrops() {
  for (const type of ['dragover', 'drop'])
    document.addEventListener(type, (event) => {
      if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
    });
}

/** Let files be pasted into a field. A text that comes along, such as a table's, is left out. */
export function acceptPastes(field, take) {
  field.addEventListener('paste', (event) => {
    const files = filesOf(event.clipboardData);
    if (files.length === 0) return;
    event.preventDefault();
    take(files);
  });
}

// Showing.

const near = new WeakMap();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      near.get(target)();
    }
  },
  { rootMargin: NEAR, scrollMargin: NEAR },
);

/** Call `act` once, when the element is nearly in view. */
function whenNear(element, act) {
  near.set(element, act);
  watcher.observe(element);
}

/** A file of a message: a picture, something to play, or a name with a size. */
export function attachment(media) {
  if (isPicture(media.contentType)) return picture(media);
  const [kind] = media.contentType?.split('/') ?? [];
  return kind === 'video' || kind === 'audio' ? player(media, kind) : card(media);
}

/** Open the file, or save it, by a new link. */
const opener = (media) =>
  guarded(async () => {
    const href = await media.getContentTemporaryUrl();
    h('a', { href, target: '_blank', rel: 'noopener noreferrer' }).click();
  });

function card(media) {
  return h(
    'button',
    { type: 'button', class: 'file-card', on: { click: opener(media) } },
    icon('file'),
    h('span', { class: 'file-name' }, nameOfFile(media)),
    h('span', { class: 'file-size' }, sizeText(media.size)),
  );
}

/**
 * Give an element that shows a file a link when it is nearly in view. If the link leads nowhere, give it a new one; after
 * some links, call `fail`.
 */
function linked(element, media, fail, again = () => {}) {
  let failures = 0;
  const load = async () => {
    try {
      element.src = await media.getContentTemporaryUrl();
      again();
    } catch {
      fail();
    }
  };
  element.addEventListener('error', () => {
    if (failures === BEFORE_NEW_LINKS.length) return fail();
    setTimeout(load, BEFORE_NEW_LINKS[failures]);
    failures += 1;
    return undefined;
  });
  element.addEventListener(element.tagName === 'IMG' ? 'load' : 'playing', () => (failures = 0));
  whenNear(element, load);
}

function picture(media) {
  const image = h('img', { alt: nameOfFile(media), draggable: 'false' });
  const box = h('button', { type: 'button', class: 'picture', title: 'Open', on: { click: opener(media) } }, image);
  linked(image, media, () => box.replaceWith(card(media)));
  return box;
}

function player(media, kind) {
  const element = h(kind, { class: 'player', controls: true, preload: 'metadata', 'aria-label': nameOfFile(media) });
  const caption = h('p', { class: 'file-caption' }, `${nameOfFile(media)} · ${sizeText(media.size)}`);
  const box = h('div', { class: 'playable' }, element, caption);
  // Where somebody was in it. A new link begins at the beginning.
  let at = 0;
  element.addEventListener('timeupdate', () => {
    if (!element.error) at = element.currentTime || at;
  });
  linked(
    element,
    media,
    () => box.replaceWith(card(media)),
    () => (element.currentTime = at),
  );
  return box;
}
