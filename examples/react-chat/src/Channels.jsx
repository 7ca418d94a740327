import { countUnread, openChannel } from "./chat.js";

/** The channels of the user, with the number of unread messages. */
export function Channels({ client, channels, sid, choose, attempt, children }) {
  async function open(event) {
    event.preventDefault();
    const form = event.target;
    const channel = await attempt(() => openChannel(client, form.elements.name.value.trim()));
    if (!channel) return;
    form.reset();
    await choose(channel);
  }

  return (
    <nav aria-label="Channels">
      <header>{children}</header>
      <ul>
        {channels.map((channel) => (
          <li key={channel.sid}>
            <button aria-current={channel.sid === sid ? "page" : undefined} onClick={() => choose(channel)}>
              <span>{channel.friendlyName || channel.uniqueName || channel.sid}</span>
              <Unread count={countUnread(channel)} />
            </button>
          </li>
        ))}
      </ul>
      <form onSubmit={open}>
        <label htmlFor="name">Create or join</label>
        <div className="row">
          <input id="name" name="name" placeholder="Channel" autoComplete="off" required pattern=".*\S.*" />
          <button>Open</button>
        </div>
      </form>
    </nav>
  );
}

const Unread = ({ count }) =>
  count > 0 && (
    <span className="unread">
      {count}
      <span className="hidden"> unread</span>
    </span>
  );
