// What is said where nothing was sent; of what is missing, with the button that starts its backfill.

import { startBackfill } from "./api.js";
import { Notice } from "./notice.js";

const { createElement: h, Fragment, useState } = React;
const { Button, Link, Text } = ChakraUI;
const { Link: RouterLink } = ReactRouterDOM;

export function Nothing({ cell, letter, onStarted }) {
  const [state, setState] = useState("ready");
  const [error, setError] = useState("");
  if (letter !== "m" || !cell.backfill) {
    return h(Text, { color: "fg.muted" }, "За этот период сообщения не ожидалось.");
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
    h(RouterLink, { to: `/dags/${cell.backfill.dag_id}/backfills` }, "Бэкфиллы отчёта"),
  );
  if (state === "started") {
    return h(
      Fragment,
      null,
      h(
        Notice,
        { status: "success" },
        "Бэкфилл начат: отчёт придёт в чат, а здесь появится его текст.",
      ),
      backfills,
    );
  }
  return h(
    Fragment,
    null,
    h(
      Text,
      null,
      "Отчёт ожидался, но его не отправили. Бэкфилл посчитает период заново, отправит то, чего " +
        "нет, и исправит то, что изменилось.",
    ),
    cell.is_paused &&
      h(Notice, { status: "warning" }, "DAG на паузе: бэкфилл будет ждать, пока её не снимут."),
    cell.may_backfill
      ? h(
          Button,
          { colorPalette: "brand", loading: state === "asked", onClick: start },
          "Отправить отчёт",
        )
      : h(
          Notice,
          { status: "info" },
          "Отправить может тот, чья роль в Airflow разрешает запуски этого DAG.",
        ),
    error && h(Notice, { status: "error" }, error),
    error && backfills,
  );
}
