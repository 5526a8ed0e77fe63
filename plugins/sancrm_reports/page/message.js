// One message as the chat shows it, with its history and its links.

import { Decide } from "./decide.js";
import { STATUSES } from "./statuses.js";
import { Notice } from "./notice.js";
import { telegramText } from "./telegram.js";
import { statusName, word } from "./words.js";

const { createElement: h } = React;
const { Badge, Box, HStack, Link, Stack, Text } = ChakraUI;
const { Link: RouterLink } = ReactRouterDOM;

export function Message({ message, cell }) {
  const { dag_id, run_id, task_id, map_index } = message.run;
  const task = run_id && `/dags/${dag_id}/runs/${encodeURIComponent(run_id)}/tasks/${task_id}`;
  return h(
    Stack,
    { as: "article", gap: 3, borderWidth: 1, borderRadius: "md", p: 3 },
    h(
      HStack,
      { justify: "space-between", wrap: "wrap" },
      h(
        Badge,
        { colorPalette: STATUSES[message.status].palette, variant: "solid" },
        statusName(message.status),
      ),
      h(Text, { color: "fg.muted", fontSize: "xs" }, chatName(message)),
    ),
    message.html &&
      h(
        Box,
        { className: "sancrm-text", bg: "bg.muted", borderRadius: "lg", p: 3 },
        telegramText(message.html),
        message.note && h(Text, { as: "i", display: "block" }, message.note),
      ),
    message.html === null &&
      h(Text, { color: "fg.muted", fontSize: "sm" }, word("page.private")),
    message.error && h(Notice, { status: "error" }, message.error),
    message.decisions &&
      h(Decide, { dagId: cell.dag_id, decisions: message.decisions, mayRun: cell.may_backfill }),
    h(History, { message }),
    h(
      HStack,
      { gap: 4, fontSize: "sm", wrap: "wrap" },
      message.url &&
        h(
          Link,
          { href: message.url, target: "_blank", rel: "noreferrer", color: "fg.info" },
          word("link.telegram"),
        ),
      task &&
        h(
          Link,
          { asChild: true, color: "fg.info" },
          h(
            RouterLink,
            { to: map_index >= 0 ? `${task}/mapped/${map_index}` : task },
            word("page.run"),
          ),
        ),
    ),
  );
}

const chatName = ({ chat, chat_title }) =>
  chat_title ? word("page.chat_title", { title: chat_title, chat }) : word("page.chat", { chat });

function History({ message }) {
  const events = [
    message.sent_at && [message.sent_at, statusName("s")],
    ...message.corrections.map(({ at, change }) => [at, word("page.corrected", { change })]),
    !message.sent_at && [message.updated_at, statusName(message.status)],
  ].filter(Boolean);
  return h(
    Stack,
    { as: "ol", gap: 1, fontSize: "sm", listStyleType: "none" },
    events.map(([at, what], place) =>
      h(
        "li",
        { key: place },
        h(Text, { as: "span", color: "fg.muted" }, `${at} `),
        what,
      ),
    ),
  );
}
