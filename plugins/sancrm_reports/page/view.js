// What is shown, as the address says it: ?kind=…&last=2026-11-24&months=3&day=2026-11-17&subject=…

import { grid } from "./api.js";
import { isDay, moved } from "./dates.js";

const { useCallback, useEffect, useRef, useState } = React;
const { useSearchParams } = ReactRouterDOM;

const REFRESH = 30_000;

export function useView(kinds) {
  const [params, setParams] = useSearchParams();
  const kind = kinds.find(({ id }) => id === params.get("kind")) ?? kinds[0];
  const { newest } = kind;
  const last = isDay(params.get("last")) ? params.get("last") : newest;
  const months = Number(params.get("months")) || kind.spans.at(-2)[0];
  const view = {
    kind,
    months,
    last,
    first: moved(last, { months: -months, days: 1 }),
    isNewest: last >= newest,
    chosen: isDay(params.get("day"))
      ? { day: params.get("day"), subject: params.get("subject") }
      : null,
    movedBy(step) {
      const target = moved(last, { months: step * months });
      return { last: target >= newest ? null : target };
    },
  };
  const change = (changes) =>
    setParams((before) => {
      const after = new URLSearchParams(before);
      for (const [name, value] of Object.entries(changes)) {
        if (value === null) after.delete(name);
        else after.set(name, value);
      }
      return after;
    });
  return [view, change];
}

// The grid of a range, asked for anew while somebody looks at it. An answer that comes when another
// range is shown, whoever asked, is not taken; an error leaves the rows of its own range only.
export function useGrid({ kind, first, last }) {
  const [state, setState] = useState({});
  const asked = `${kind.id} ${first} ${last}`;
  const shown = useRef(asked);
  const reload = useCallback(() => {
    const take = (next) => shown.current === asked && setState(next);
    grid(kind.id, { first, last }).then(
      (data) => take({ asked, data }),
      ({ message }) =>
        take((before) => ({ ...(before.asked === asked ? before : {}), asked, error: message })),
    );
  }, [asked]);
  useEffect(() => {
    shown.current = asked;
    reload();
    const timer = setInterval(() => document.hidden || reload(), REFRESH);
    return () => clearInterval(timer);
  }, [reload]);
  return state.asked === asked ? { ...state, reload } : { reload };
}
