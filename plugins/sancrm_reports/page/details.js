// What opens beside the grid: the messages of one cell, their history and links, and the backfill.

import * as api from "./api.js";
import { instantName, periodName } from "./dates.js";
import { FATES } from "./fates.js";
import { telegramText } from "./telegram.js";

const { createElement: h, Fragment, useEffect, useState } = React;
const { Alert, Badge, Box, Button, CloseButton, Drawer, HStack, Link, Portal, Spinner, Stack, Text } = ChakraUI;
const { Link: RouterLink } = ReactRouterDOM;

export function Details({ kind, day, row, letter, onClose, onStarted }) {
  const [cell, setCell] = useState(null);
  const [error, setError] = useState("");
  useEffect(() => {
    let isCurrent = true;
    api.cell(kind.id, day, row.subject).then(
      (found) => isCurrent && setCell(found),
      (problem) => isCurrent && setError(problem.message),
    );
    return () => {
      isCurrent = false;
    };
  }, [kind.id, day, row.subject, letter]);
  return h(
    Drawer.Root,
    { open: true, onOpenChange: ({ open }) => open || onClose(), size: { base: "full", md: "md" } },
    h(Portal, null,
      h(Drawer.Backdrop),
      h(Drawer.Positioner, null,
        h(Drawer.Content, { "data-testid": "sancrm-details" },
          h(Drawer.Header, { borderBottomWidth: 1 },
            h(Stack, { gap: 1 },
              h(Drawer.Title, null, row.name),
              h(Text, { color: "fg.muted", fontSize: "sm" }, `${kind.name} · ${periodName(kind.period, day)}`),
            ),
          ),
          h(Drawer.CloseTrigger, { asChild: true }, h(CloseButton, { "aria-label": "Закрыть" })),
          h(Drawer.Body, { py: 4 },
            error && h(Notice, { status: "error" }, error),
            !cell && !error && h(Spinner, { "aria-label": "Загрузка" }),
            cell && h(Stack, { gap: 4 },
              cell.messages.map((message, place) => h(Message, { key: place, message, zone: kind.timezone })),
              cell.messages.length === 0 && h(Nothing, { key: day, cell, letter, onStarted }),
            ),
          ),
        ),
      ),
    ),
  );
}

function Message({ message, zone }) {
  const { dag_id, run_id, task_id, map_index } = message.run;
  const task = run_id && `/dags/${dag_id}/runs/${encodeURIComponent(run_id)}/tasks/${task_id}`;
  return h(
    Stack,
    { as: "article", gap: 3, borderWidth: 1, borderRadius: "md", p: 3 },
    h(HStack, { justify: "space-between", wrap: "wrap" },
      h(Badge, { colorPalette: FATES[message.fate].palette, variant: "solid" }, FATES[message.fate].name),
      h(Text, { color: "fg.muted", fontSize: "xs" }, `чат ${message.chat}`),
    ),
    message.html &&
      h(Box, { className: "sancrm-text", bg: "bg.muted", borderRadius: "lg", p: 3 },
        telegramText(message.html),
        message.note && h(Text, { as: "i", display: "block" }, message.note),
      ),
    message.html === null &&
      h(Text, { color: "fg.muted", fontSize: "sm" }, "Текст хранится только в чате: в нём есть люди."),
    message.error && h(Notice, { status: "error" }, message.error),
    h(History, { message, zone }),
    h(HStack, { gap: 4, fontSize: "sm", wrap: "wrap" },
      message.url && h(Link, { href: message.url, target: "_blank", rel: "noreferrer", color: "fg.info" }, "Сообщение в Telegram"),
      task && h(Link, { asChild: true, color: "fg.info" }, h(RouterLink, { to: map_index >= 0 ? `${task}/mapped/${map_index}` : task }, "Запуск в Airflow")),
    ),
  );
}

function History({ message, zone }) {
  const events = [
    message.sent_at && [message.sent_at, "отправлено"],
    ...message.corrections.map(({ at, change }) => [at, `исправлено: ${change}`]),
    !message.sent_at && [message.updated_at, FATES[message.fate].name],
  ].filter(Boolean);
  return h(
    Stack,
    { as: "ol", gap: 1, fontSize: "sm", listStyleType: "none" },
    events.map(([at, what], place) =>
      h("li", { key: place }, h(Text, { as: "span", color: "fg.muted" }, `${instantName(at, zone)} `), what),
    ),
  );
}

function Nothing({ cell, letter, onStarted }) {
  const [state, setState] = useState("ready");
  const [error, setError] = useState("");
  if (letter !== "m" || !cell.backfill) {
    return h(Text, { color: "fg.muted" }, "За этот период сообщения не ожидалось.");
  }
  async function start() {
    setState("asked");
    setError("");
    try {
      await api.startBackfill(cell.backfill);
      setState("started");
      onStarted();
    } catch (problem) {
      setState("ready");
      setError(problem.message);
    }
  }
  const backfills = h(Link, { asChild: true, color: "fg.info" }, h(RouterLink, { to: `/dags/${cell.backfill.dag_id}/backfills` }, "Бэкфиллы отчёта"));
  if (state === "started") {
    return h(Fragment, null, h(Notice, { status: "success" }, "Бэкфилл начат: отчёт придёт в чат, а здесь появится его текст."), backfills);
  }
  return h(
    Fragment,
    null,
    h(Text, null, "Отчёт ожидался, но его не отправили. Бэкфилл посчитает период заново, отправит то, чего нет, и исправит то, что изменилось."),
    cell.is_paused && h(Notice, { status: "warning" }, "DAG на паузе: бэкфилл будет ждать, пока её не снимут."),
    cell.may_backfill
      ? h(Button, { colorPalette: "brand", loading: state === "asked", onClick: start }, "Отправить отчёт")
      : h(Notice, { status: "info" }, "Отправить может тот, чья роль в Airflow разрешает запуски этого DAG."),
    error && h(Notice, { status: "error" }, error),
    error && backfills,
  );
}

export function Notice({ status, children }) {
  return h(Alert.Root, { status, size: "sm" }, h(Alert.Indicator), h(Alert.Title, { fontWeight: "normal" }, children));
}
