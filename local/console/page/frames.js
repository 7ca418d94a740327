// A WebSocket that reports its frames, for the log.

const read = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** What a frame is called in the log. */
function title(frame, arrow) {
  if (Array.isArray(frame)) return `${arrow} ${frame.length} pushes`;
  const name = frame.event ?? frame.action ?? (frame.status ? `reply ${frame.status}` : 'frame');
  return `${arrow} ${name}`;
}

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
