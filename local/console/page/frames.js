// A WebSocket that reports its frames, for the log.

const read = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

const name = (frame) => frame?.event ?? frame?.action ?? (frame?.status ? `reply ${frame.status}` : 'frame');

/** What the parts of a frame are called: replies by their status; a single push by its event, several by their number. */
function names(parts) {
  const replies = parts.filter(({ event }) => event === undefined);
  const pushes = parts.filter(({ event }) => event !== undefined);
  const counted = pushes.length > 1 ? [`${pushes.length} pushes`] : pushes.map(name);
  return [...replies.map(name), ...counted].join(' and ');
}

/** What a frame is called in the log. */
const title = (frame, arrow) => `${arrow} ${Array.isArray(frame) ? names(frame) : name(frame)}`;

/** The title of a frame of Parley's own protocol, and the frame as it is shown: access tokens are left out. */
function decoded(text, arrow) {
  const frame = read(text);
  const shown = frame?.token ? { ...frame, token: '(an access token)' } : frame;
  return [title(shown, arrow), shown];
}

/**
 * Make a WebSocket class that calls `note(title, shown, socket)` for each frame. `decode(text, arrow)` gives the first
 * two.
 */
export function socketClass(note, decode = decoded) {
  return class extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => note(...decode(data, '←'), this));
    }

    send(data) {
      note(...decode(data, '→'), this);
      super.send(data);
    }
  };
}
