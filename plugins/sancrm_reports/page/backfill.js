// What is said where nothing was sent; of what is missing, with the button that starts its backfill.

import { startBackfill } from "./api.js";
import { Notice } from "./notice.js";
import { word } from "./words.js";

const { createElement: h, Fragment, useState } = React;
const { Button, Link, Text } = ChakraUI;
const { Link: RouterLink } = ReactRouterDOM;

export function Nothing({ cell, letter, onStarted }) {
  const [state, setState] = useState("ready");
  const [error, setError] = useState("");
  if (letter !== "m" || !cell.backfill) {
    return h(Text, { color: "fg.muted" }, word("page.nothing_expected"));
  }
  async function start() {
    setState("asked");
    setError("");
    try {
      await startBackfill(cell.backfill);
      setState("started");
      onStarted();
    } catch (problem) {
      setState("ready");
      setError(problem.message);
    }
  }
  const backfills = h(
    Link,
    { asChild: true, color: "fg.info" },
    h(RouterLink, { to: `/dags/${cell.backfill.dag_id}/backfills` }, word("page.backfills")),
  );
  if (state === "started") {
    return h(
      Fragment,
      null,
      h(Notice, { status: "success" }, word("page.sending")),
      backfills,
    );
  }
  return h(
    Fragment,
    null,
    h(Text, null, word("page.missing")),
    cell.is_paused && h(Notice, { status: "warning" }, word("page.paused")),
    cell.may_backfill
      ? h(
          Button,
          { colorPalette: "brand", loading: state === "asked", onClick: start },
          word("page.send"),
        )
      : h(Notice, { status: "info" }, word("page.may_not_send")),
    error && h(Notice, { status: "error" }, error),
    error && backfills,
  );
}
