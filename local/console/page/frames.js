// A WebSocket that tells what passes through it, for the log.

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

/** A WebSocket class whose frames are told to `note(title, frame, socket)`. Access tokens are left out. */
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
