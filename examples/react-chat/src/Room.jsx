import { useCallback, useEffect, useRef, useState } from "react";
import { isOnline, listMembers, markRead, MEMBER_CHANGED, MEMBERS_CHANGED, MISSED, readUpTo } from "./chat.js";
import { useEvents, useList, useRedraw, useVisible } from "./hooks.js";

const ADDED = ["messageAdded"];
const CHANGED = ["messageUpdated"];
const REMOVED = ["messageRemoved"];
const USER_CHANGED = ["updated"];
const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const DAY_AND_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A channel: its members, its messages, and a field to write in. */
export function Room({ client, identity, channel, attempt, onBack }) {
  const [members, refreshMembers] = useList(channel, MEMBERS_CHANGED, listMembers, attempt);
  const { messages, showOlder, showNewest } = useMessages(channel, attempt);
  useRedraw(channel, MEMBER_CHANGED);
  useEvents(client, MISSED, ({ channel: missed }) => {
    if (missed.sid !== channel.sid) return;
    refreshMembers();
    showNewest();
  });

  const newest = messages.at(-1)?.index;
  const isVisible = useVisible();
  useEffect(() => {
    if (newest === undefined || !isVisible) return;
    // Many messages at once are marked with one request.
    const timer = setTimeout(() => attempt(() => markRead(channel, newest)), 200);
    return () => clearTimeout(timer);
  }, [channel, newest, isVisible, attempt]);

  const others = members.filter((member) => member.identity !== identity);
  const typing = others.filter((member) => member.isTyping).map((member) => member.identity);
  return (
    <main className="room">
      <header>
        <button className="back" onClick={onBack}>
          Back
        </button>
        <h1>{channel.friendlyName || channel.uniqueName || channel.sid}</h1>
        <ul aria-label="Members">
          {members.map((member) => (
            <li key={member.sid}>
              {member.identity}
              {member.identity && <Presence client={client} identity={member.identity} />}
            </li>
          ))}
        </ul>
        <AddMember channel={channel} attempt={attempt} />
      </header>
      <div className="scroller" tabIndex={0} role="log" aria-label="Messages">
        <ol>
          {showOlder && (
            <li className="older">
              <button onClick={showOlder}>Earlier messages</button>
            </li>
          )}
          {messages.map((message) => (
            <li key={message.sid} className={message.author === identity ? "message own" : "message"}>
              <p className="by">
                {message.author} <time>{message.dateCreated && when(message.dateCreated)}</time>
              </p>
              <p className="body">{message.body}</p>
              <Readers names={readersAt(message, messages, others)} />
            </li>
          ))}
        </ol>
      </div>
      <p className="typing" aria-live="polite">
        {typing.length > 0 && `${typing.join(", ")} ${typing.length > 1 ? "are" : "is"} typing …`}
      </p>
      <Composer channel={channel} attempt={attempt} />
    </main>
  );
}

/** The messages that are shown, oldest first; `showOlder` is null at the first message of the channel. */
function useMessages(channel, attempt) {
  const [messages, setMessages] = useState([]);
  const [oldest, setOldest] = useState(null);
  const merge = (more) =>
    setMessages((shown) => {
      const bySid = new Map([...shown, ...more].map((message) => [message.sid, message]));
      return [...bySid.values()].sort((a, b) => a.index - b.index);
    });
  const show = useCallback(
    async (fetchPage) => {
      const page = await attempt(fetchPage);
      if (!page) return;
      merge(page.items);
      setOldest(page.hasPrevPage ? page : null);
    },
    [attempt],
  );
  const showNewest = useCallback(() => {
    setMessages([]);
    return show(() => channel.getMessages(30));
  }, [channel, show]);
  useEffect(() => void showNewest(), [showNewest]);
  useEvents(channel, ADDED, (message) => merge([message]));
  useEvents(channel, CHANGED, ({ message }) => merge([message]));
  useEvents(channel, REMOVED, ({ sid }) => setMessages((shown) => shown.filter((message) => message.sid !== sid)));
  return { messages, showNewest, showOlder: oldest && (() => show(() => oldest.prevPage())) };
}

const when = (date) =>
  (date.toDateString() === new Date().toDateString() ? TIME : DAY_AND_TIME).format(date);

/** Who has read up to this message, and not up to a later one that is shown. */
const readersAt = (message, messages, members) =>
  members
    .filter((member) => messages.findLast(({ index }) => index <= readUpTo(member)) === message)
    .map((member) => member.identity)
    .filter((name) => name && name !== message.author);

const Readers = ({ names }) => names.length > 0 && <p className="readers">Read by {names.join(", ")}</p>;

/** Whether a user is online. The client follows up to a hundred users. */
function Presence({ client, identity }) {
  const [user, setUser] = useState(null);
  useEffect(() => {
    // Without an answer there is no dot; nothing else of the page depends on it.
    client.getUser(identity).then(setUser, () => {});
  }, [client, identity]);
  return user && <Dot user={user} />;
}

function Dot({ user }) {
  useRedraw(user, USER_CHANGED);
  const online = isOnline(user);
  if (online === null) return null;
  return (
    <span className={online ? "dot online" : "dot"}>
      <span className="hidden">{online ? " (online)" : " (offline)"}</span>
    </span>
  );
}

function AddMember({ channel, attempt }) {
  async function add(event) {
    event.preventDefault();
    const form = event.target;
    const isAdded = await attempt(async () => {
      await channel.add(form.elements.person.value.trim());
      return true;
    });
    if (isAdded) form.reset();
  }
  return (
    <form className="row" onSubmit={add}>
      <input name="person" aria-label="Person" placeholder="Person" autoComplete="off" required pattern=".*\S.*" />
      <button>Add</button>
    </form>
  );
}

function Composer({ channel, attempt }) {
  const [text, setText] = useState("");
  const field = useRef(null);

  async function send(event) {
    event.preventDefault();
    if (!text.trim()) return;
    setText("");
    field.current.focus();
    const index = await attempt(() => channel.sendMessage(text));
    // What could not be sent comes back, unless the person has begun to write something else.
    if (index === undefined) setText((later) => later || text);
  }

  function write(event) {
    setText(event.target.value);
    // If this fails, the others only do not see that somebody is typing.
    channel.typing().catch(() => {});
  }

  return (
    <form className="composer row" onSubmit={send}>
      <input
        ref={field}
        value={text}
        onChange={write}
        aria-label="Message"
        placeholder="Message"
        autoComplete="off"
        autoFocus
      />
      <button>Send</button>
    </form>
  );
}
