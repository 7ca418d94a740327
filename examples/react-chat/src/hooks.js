import { useCallback, useEffect, useEffectEvent, useReducer, useRef, useState, useSyncExternalStore } from "react";

/** Call the listener at each of these events, as long as the component is shown. */
export function useEvents(emitter, events, listener) {
  const hear = useEffectEvent(listener);
  useEffect(() => {
    const call = (payload) => hear(payload);
    for (const event of events) emitter.on(event, call);
    return () => {
      for (const event of events) emitter.off(event, call);
    };
  }, [emitter, events]);
}

/** Draw the component again at each of these events: the client's objects change by themselves. */
export function useRedraw(emitter, events) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  useEvents(emitter, events, redraw);
}

/** A list that is fetched at first and at each of these events; also returns a function that fetches it again. */
export function useList(emitter, events, fetchList, attempt) {
  const [list, setList] = useState([]);
  const last = useRef(0);
  const refresh = useCallback(async () => {
    const turn = (last.current += 1);
    const fetched = await attempt(() => fetchList(emitter));
    // Answers may come in another order than that of the questions.
    if (fetched && turn === last.current) setList(fetched);
  }, [emitter, fetchList, attempt]);
  useEffect(() => void refresh(), [refresh]);
  useEvents(emitter, events, refresh);
  return [list, refresh];
}

const onVisibility = (listener) => {
  document.addEventListener("visibilitychange", listener);
  return () => document.removeEventListener("visibilitychange", listener);
};

/** Whether the person can see the page. */
export const useVisible = () => useSyncExternalStore(onVisibility, () => document.visibilityState === "visible");
