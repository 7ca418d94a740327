import { useCallback, useState } from "react";
import { Channels } from "./Channels.jsx";
import { Room } from "./Room.jsx";
import { CHANNEL_CHANGED, connect, LIST_CHANGED, listChannels } from "./chat.js";
import { useEvents, useList, useRedraw } from "./hooks.js";

const CONNECTION = ["connectionStateChanged"];

export function App() {
  const [session, setSession] = useState(null);
  if (!session) return <SignIn onSignedIn={setSession} />;
  return <Chat {...session} onSignOut={() => setSession(null)} />;
}

function SignIn({ onSignedIn }) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");

  async function signIn(event) {
    event.preventDefault();
    const identity = event.target.elements.identity.value.trim();
    setBusy(true);
    setProblem("");
    try {
      onSignedIn({ identity, client: await connect(identity) });
    } catch (error) {
      setProblem(error.message);
      setBusy(false);
    }
  }

  return (
    <main className="sign-in">
      <h1>Chat</h1>
      <form onSubmit={signIn}>
        <label htmlFor="identity">Your name</label>
        <input id="identity" name="identity" autoComplete="username" required pattern=".*\S.*" autoFocus />
        <button disabled={isBusy}>{isBusy ? "Connecting …" : "Sign in"}</button>
      </form>
      <p role="alert">{problem}</p>
    </main>
  );
}

function Chat({ client, identity, onSignOut }) {
  const [state, setState] = useState(client.connectionState);
  const [problem, setProblem] = useState("");
  const [sid, setSid] = useState(null);
  /** Do something; if it fails, say so. */
  const attempt = useCallback(async (action) => {
    try {
      return await action();
    } catch (error) {
      setProblem(error.message);
    }
  }, []);
  const [channels, refresh] = useList(client, LIST_CHANGED, listChannels, attempt);
  useRedraw(client, CHANNEL_CHANGED);
  useEvents(client, CONNECTION, setState);
  const channel = channels.find((one) => one.sid === sid);

  async function choose(chosen) {
    await refresh();
    setSid(chosen.sid);
    setProblem("");
  }

  return (
    <div className={channel ? "chat with-room" : "chat"}>
      <div className="notes">
        <p role="status">{state === "connected" ? "" : `The connection is ${state}. What you missed will follow.`}</p>
        <p role="alert">
          {problem}
          {problem && <button onClick={() => setProblem("")}>Close</button>}
        </p>
      </div>
      <Channels {...{ client, channels, sid, choose, attempt }}>
        <p>
          Signed in as <b>{identity}</b>
        </p>
        <button onClick={() => client.shutdown().finally(onSignOut)}>Sign out</button>
      </Channels>
      {channel ? (
        <Room key={sid} {...{ client, identity, channel, attempt }} onBack={() => setSid(null)} />
      ) : (
        <main className="nothing">
          <h1>Chat</h1>
          <p>Choose a channel, or open one by its name.</p>
        </main>
      )}
    </div>
  );
}
