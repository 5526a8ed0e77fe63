// The page «Отчёты». Airflow imports this module and renders the component that it leaves in
// globalThis.AirflowPlugin; React, the router and Chakra UI are Airflow's own. What is shown is in
// the address, so that it can be sent to somebody, and «back» closes what was opened.

import * as api from "./api.js";
import { moved } from "./dates.js";
import { Details, Notice } from "./details.js";
import { FATES, TROUBLE, tally } from "./fates.js";
import { Grid } from "./grid.js";

const { createElement: h, useCallback, useEffect, useState } = React;
const { Box, Button, ButtonGroup, Heading, HStack, IconButton, Input, NativeSelect, Spinner, Stack, Text } = ChakraUI;
const { useSearchParams } = ReactRouterDOM;

const REFRESH = 30_000;
const SPANS = { day: [1, 3, 12], week: [3, 6, 12], month: [12, 24] };
const SPAN_NAMES = { 1: "месяц", 3: "3 месяца", 6: "полгода", 12: "год", 24: "2 года" };
const STYLES = new URL("reports.css", import.meta.url).href;

function Reports() {
  const [kinds, setKinds] = useState(null);
  const [error, setError] = useState("");
  useEffect(() => {
    api.kinds().then(setKinds, (problem) => setError(problem.message));
  }, []);
  return h(
    Stack,
    { className: "sancrm", gap: 3, p: 4, height: "100%", minHeight: 0 },
    h("link", { rel: "stylesheet", href: STYLES, precedence: "default" }),
    h(Heading, { srOnly: true, as: "h1" }, "Отчёты"),
    error && h(Notice, { status: "error" }, error),
    !kinds && !error && h(Spinner, { "aria-label": "Загрузка" }),
    kinds?.length === 0 && h(Notice, { status: "info" }, "Ваша роль в Airflow не разрешает видеть отчёты."),
    kinds?.length > 0 && h(Calendar, { kinds }),
  );
}

function Calendar({ kinds }) {
  const [params, setParams] = useSearchParams();
  const kind = kinds.find(({ id }) => id === params.get("kind")) ?? kinds[0];
  const yesterday = moved(kind.today, { days: -1 });
  const last = params.get("last") ?? yesterday;
  const months = Number(params.get("months")) || SPANS[kind.period].at(-2);
  const first = moved(last, { months: -months, days: 1 });
  const [filter, setFilter] = useState({ words: "", troubleOnly: false });
  const { data, error, reload } = useGrid(kind.id, first, last);

  const change = (changes) =>
    setParams((before) => {
      const after = new URLSearchParams(before);
      for (const [name, value] of Object.entries(changes)) {
        if (value === null) after.delete(name);
        else after.set(name, value);
      }
      return after;
    });
  const moveBy = (step) => {
    const target = moved(last, { months: step * months });
    change({ last: target >= yesterday ? null : target });
  };
  const rows = data?.rows.filter((row) => isWanted(row, filter));
  const chosen = params.has("day") && { day: params.get("day"), subject: params.get("subject") };
  const row = chosen && data?.rows.find(({ subject }) => subject === chosen.subject);

  return h(
    React.Fragment,
    null,
    h(HStack, { wrap: "wrap", gap: 2 },
      h(KindButtons, { kinds, kind, onChoose: (id) => change({ kind: id, months: null, last: null }) }),
      h(Spacer),
      h(IconButton, { size: "sm", variant: "outline", "aria-label": "Раньше", onClick: () => moveBy(-1) }, "‹"),
      h(SpanSelect, { period: kind.period, months, onChoose: (value) => change({ months: value }) }),
      h(IconButton, { size: "sm", variant: "outline", "aria-label": "Позже", disabled: last >= yesterday, onClick: () => moveBy(1) }, "›"),
    ),
    data && h(Legend, { rows: data.rows }),
    data?.rows.length > 8 && h(Filter, { filter, onChange: setFilter }),
    error && h(Notice, { status: "error" }, error),
    !data && !error && h(Spinner, { "aria-label": "Загрузка" }),
    data && (rows.length
      ? h(Grid, { days: data.days, rows, period: kind.period, chosen, onChoose: (day, subject) => change({ day, subject }) })
      : h(Text, { color: "fg.muted" }, "Такого филиала нет.")),
    row && h(Details, {
      key: `${chosen.day} ${chosen.subject}`,
      kind,
      day: chosen.day,
      row,
      letter: row.fates[data.days.indexOf(chosen.day)],
      onClose: () => change({ day: null, subject: null }),
      onStarted: reload,
    }),
  );
}

// The grid of a range, asked for anew while somebody looks at it.
function useGrid(kind, first, last) {
  const [state, setState] = useState({});
  const asked = `${kind} ${first} ${last}`;
  const reload = useCallback(() => {
    let isCurrent = true;
    api.grid(kind, { first, last }).then(
      (data) => isCurrent && setState({ asked, data }),
      (problem) => isCurrent && setState((before) => ({ ...before, asked, error: problem.message })),
    );
    return () => {
      isCurrent = false;
    };
  }, [asked]);
  useEffect(() => {
    const forget = reload();
    const timer = setInterval(() => document.hidden || reload(), REFRESH);
    return () => {
      forget();
      clearInterval(timer);
    };
  }, [reload]);
  return state.asked === asked ? { ...state, reload } : { reload };
}

function isWanted(row, { words, troubleOnly }) {
  const isNamed = row.name.toLowerCase().includes(words.trim().toLowerCase());
  return isNamed && (!troubleOnly || TROUBLE.some((letter) => row.fates.includes(letter)));
}

function KindButtons({ kinds, kind, onChoose }) {
  return h(ButtonGroup, { size: "sm", gap: 1, maxW: "100%", overflowX: "auto", "aria-label": "Вид сообщений" },
    kinds.map(({ id, name }) =>
      h(Button, { key: id, flexShrink: 0, variant: id === kind.id ? "solid" : "outline", colorPalette: "brand", "aria-pressed": id === kind.id, onClick: () => onChoose(id) }, name),
    ),
  );
}

function SpanSelect({ period, months, onChoose }) {
  return h(NativeSelect.Root, { size: "sm", width: "auto" },
    h(NativeSelect.Field, { value: months, "aria-label": "За сколько", onChange: (event) => onChoose(event.target.value) },
      SPANS[period].map((value) => h("option", { key: value, value }, SPAN_NAMES[value])),
    ),
    h(NativeSelect.Indicator),
  );
}

function Legend({ rows }) {
  const counts = tally(rows);
  return h(HStack, { as: "ul", className: "sancrm-legend", wrap: "wrap", columnGap: { base: 3, md: 4 }, rowGap: 1, fontSize: { base: "xs", md: "sm" } },
    Object.entries(FATES).map(([letter, { name, mark }]) =>
      h("li", { key: letter },
        h("span", { className: "sancrm-cell", "data-fate": letter, "aria-hidden": true }, mark),
        name,
        letter !== "." && h("b", null, counts[letter].toLocaleString("ru")),
      ),
    ),
  );
}

function Filter({ filter, onChange }) {
  return h(HStack, { gap: 2 },
    h(Input, { size: "sm", maxW: "64", placeholder: "Найти филиал", "aria-label": "Найти филиал", value: filter.words, onChange: (event) => onChange({ ...filter, words: event.target.value }) }),
    h(Button, { size: "sm", variant: filter.troubleOnly ? "solid" : "outline", "aria-pressed": filter.troubleOnly, onClick: () => onChange({ ...filter, troubleOnly: !filter.troubleOnly }) }, "Где не всё дошло"),
  );
}

const Spacer = () => h(Box, { flex: 1 });

globalThis.AirflowPlugin = Reports;
