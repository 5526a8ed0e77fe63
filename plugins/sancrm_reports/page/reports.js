// The page of reports. Airflow imports this module and renders the component that it leaves in
// globalThis.AirflowPlugin; React, the router and Chakra UI are Airflow's own. What is shown is in
// the address, so that it can be sent to somebody, and «back» closes what was opened.

import { kinds as askForKinds, words as askForWords } from "./api.js";
import { Filter, Legend, Toolbar } from "./controls.js";
import { Details } from "./details.js";
import { TROUBLE } from "./statuses.js";
import { Grid } from "./grid.js";
import { Notice } from "./notice.js";
import { useGrid, useView } from "./view.js";
import { learn, word } from "./words.js";

const { createElement: h, Fragment, useEffect, useState } = React;
const { Link, Spinner, Stack, Text } = ChakraUI;
const { Link: RouterLink } = ReactRouterDOM;

const STYLES = new URL("reports.css", import.meta.url).href;
const FEW = 8; // rows that need no search

function Reports() {
  const [kinds, setKinds] = useState(null);
  const [error, setError] = useState("");
  useEffect(() => {
    askForWords()
      .then(learn)
      .then(askForKinds)
      .then(setKinds, (problem) => setError(problem.message));
  }, []);
  useTitle(kinds && word("page.title"));
  return h(
    Stack,
    { className: "sancrm", gap: 3, p: 4, height: "100%", minHeight: 0 },
    h("link", { rel: "stylesheet", href: STYLES, precedence: "default" }),
    error && h(Notice, { status: "error" }, error),
    !kinds && !error && h(Spinner, { "aria-label": word("page.loading") }),
    kinds?.length === 0 &&
      h(Notice, { status: "info" }, word("page.may_see_nothing")),
    kinds?.length > 0 && h(Calendar, { kinds }),
  );
}

function Calendar({ kinds }) {
  const [view, change] = useView(kinds);
  const { data, error, reload } = useGrid(view);
  return h(
    Fragment,
    null,
    h(Toolbar, { kinds, view, onChange: change }),
    error && h(Notice, { status: "error" }, error),
    !data && !error && h(Spinner, { "aria-label": word("page.loading") }),
    data && h(Sheet, { data, view, change, reload }),
  );
}

// The tab's title, as those of Airflow's own pages; Airflow's comes back with them.
function useTitle(title) {
  useEffect(() => {
    if (!title) return undefined;
    const before = document.title;
    document.title = `${title} - Airflow`;
    return () => {
      document.title = before;
    };
  }, [title]);
}

// Where nothing was ever sent: what will be here, and what to do for it.
const Beginning = ({ kind }) =>
  h(
    Notice,
    { status: "info" },
    h("span", null, word(kind.is_report ? "page.new" : `page.${kind.id}.new`), " "),
    h(
      Link,
      { asChild: true, color: "fg.info" },
      h(RouterLink, { to: "/dags?tags=sancrm" }, word("page.dags")),
    ),
  );

function Sheet({ data, view, change, reload }) {
  const [filter, setFilter] = useState({ words: "", troubleOnly: false });
  const rows = data.rows.filter((row) => isWanted(row, filter));
  const { kind, last, isNewest, chosen } = view;
  const row = chosen && data.rows.find(({ subject }) => subject === chosen.subject);
  const column = chosen ? data.columns.findIndex(({ day }) => day === chosen.day) : -1;
  // With the kind and the range: a link to a cell must show it tomorrow, too. Who looked at the
  // newest reports does so again afterwards.
  const onChoose = (day, subject) => change({ kind: kind.id, last, day, subject });
  const onClose = () => change({ day: null, subject: null, ...(isNewest && { last: null }) });
  return h(
    Fragment,
    null,
    data.is_new ? h(Beginning, { kind }) : h(Legend, { kind, rows: data.rows }),
    data.rows.length > FEW && h(Filter, { filter, onChange: setFilter }),
    rows.length
      ? h(Grid, { columns: data.columns, rows, chosen, onChoose })
      : h(Text, { color: "fg.muted" }, word("page.no_branch")),
    row &&
      h(Details, {
        key: `${chosen.day} ${chosen.subject}`,
        kind,
        day: chosen.day,
        row,
        periodName: data.columns[column]?.name ?? chosen.day,
        letter: row.statuses[column],
        onClose,
        onStarted: reload,
      }),
  );
}

function isWanted(row, { words, troubleOnly }) {
  const isNamed = row.name.toLowerCase().includes(words.trim().toLowerCase());
  return isNamed && (!troubleOnly || TROUBLE.some((letter) => row.statuses.includes(letter)));
}

globalThis.AirflowPlugin = Reports;
