// Between the page and its sockets: `holds` names the action whose requests do not leave until `letGo`, `spoils` the
// one that the service is not to understand, `cut` breaks what is open. Half a minute is over with `losePatience`.
() => {
  const { send } = WebSocket.prototype;
  const { setTimeout, clearTimeout } = window;
  const sockets = new Set();
  const held = (window.held = []);
  const waiting = new Map();
  WebSocket.prototype.send = function (data) {
    sockets.add(this);
    const { action } = JSON.parse(data);
    if (action === window.holds) held.push(() => this.readyState === WebSocket.OPEN && send.call(this, data));
    else send.call(this, action === window.spoils ? data.replace(`"${action}"`, '"nonsense"') : data);
  };
  window.letGo = () => {
    window.holds = null;
    for (const go of held.splice(0)) go();
  };
  window.cut = () => {
    for (const socket of sockets) socket.close();
  };
  window.setTimeout = (action, delay, ...given) => {
    const timer = setTimeout(action, delay, ...given);
    if (delay === 30_000) waiting.set(timer, action);
    return timer;
  };
  window.clearTimeout = (timer) => {
    waiting.delete(timer);
    clearTimeout(timer);
  };
  window.losePatience = () => {
    for (const [timer, action] of [...waiting]) {
      window.clearTimeout(timer);
      action();
    }
  };
}
