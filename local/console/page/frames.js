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

/** Make a WebSocket class that calls `note(title, frame, socket)` for each frame, with access tokens left out. */
export function socketClass(note) {
  return class NotedSocket extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => {
        const frame = read(data);
        note(title(frame, '←'), frame, this);
      });
    }

    send(data) {
      const frame = read(data);
      const shown = frame?.token ? { ...frame, token: '(an access token)' } : frame;
      note(title(shown, '→'), shown, this);
      super.send(data);
    }
  };
}
