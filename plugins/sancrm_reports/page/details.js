// What opens beside the grid: the messages of one cell, or what became of it without any.

import { cell as askForCell } from "./api.js";
import { Nothing } from "./backfill.js";
import { Message } from "./message.js";
import { Notice } from "./notice.js";
import { Trace } from "./trace.js";
import { word } from "./words.js";

const { createElement: h, useEffect, useState } = React;
const { CloseButton, Drawer, Portal, Spinner, Stack, Text } = ChakraUI;

export function Details({ kind, day, periodName, row, letter, onClose, onStarted }) {
  const [cell, setCell] = useState(null);
  const [error, setError] = useState("");
  useEffect(() => {
    let isCurrent = true;
    askForCell(kind.id, day, row.subject).then(
      (found) => isCurrent && setCell(found),
      (problem) => isCurrent && setError(problem.message),
    );
    return () => {
      isCurrent = false;
    };
  }, [kind.id, day, row.subject, letter]);
  const subtitle = `${kind.name} · ${periodName}`;
  return h(
    Panel,
    { title: row.name, subtitle, onClose },
    error && h(Notice, { status: "error" }, error),
    !cell && !error && h(Spinner, { "aria-label": word("page.loading") }),
    cell?.messages.map((message, place) => h(Message, { key: place, message, cell })),
    cell?.messages.length === 0 && h(Nothing, { cell, letter, onStarted }),
    cell?.figures.length > 0 &&
      h(Trace, { kind, day, subject: row.subject, figures: cell.figures }),
  );
}

// A drawer; on a phone the whole screen.
function Panel({ title, subtitle, onClose, children }) {
  const heading = h(
    Stack,
    { gap: 1 },
    h(Drawer.Title, { overflowWrap: "anywhere" }, title),
    h(Text, { color: "fg.muted", fontSize: "sm" }, subtitle),
  );
  const content = h(
    Drawer.Content,
    null,
    h(Drawer.Header, { borderBottomWidth: 1, pe: 14 }, heading), // beside the button that closes
    h(Drawer.CloseTrigger, { asChild: true }, h(CloseButton, { "aria-label": word("page.close") })),
    h(Drawer.Body, { py: 4 }, h(Stack, { gap: 4 }, children)),
  );
  return h(
    Drawer.Root,
    { open: true, onOpenChange: ({ open }) => open || onClose(), size: { base: "full", md: "md" } },
    h(Portal, null, h(Drawer.Backdrop), h(Drawer.Positioner, null, content)),
  );
}
