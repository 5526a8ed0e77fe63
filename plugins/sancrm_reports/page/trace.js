// The rows that a figure is made of, for whoever asks where it comes from.

import { trace as askForTrace } from "./api.js";
import { Notice } from "./notice.js";
import { word } from "./words.js";

const { createElement: h, useEffect, useState } = React;
const { Box, Button, Link, NativeSelect, Spinner, Stack, Text } = ChakraUI;

export function Trace({ kind, day, subject, figures }) {
  const [isOpen, setOpen] = useState(false);
  const [figure, setFigure] = useState("");
  const [found, setFound] = useState(null);
  const [error, setError] = useState("");
  useEffect(() => {
    let isCurrent = true;
    setFound(null);
    setError("");
    if (figure) {
      askForTrace(kind.id, day, subject, figure).then(
        (rows) => isCurrent && setFound(rows),
        (problem) => isCurrent && setError(problem.message),
      );
    }
    return () => {
      isCurrent = false;
    };
  }, [kind.id, day, subject, figure]);
  return h(
    Stack,
    { as: "section", gap: 2, "aria-label": word("page.trace") },
    h(
      Button,
      { size: "sm", variant: "outline", "aria-expanded": isOpen, onClick: () => setOpen(!isOpen) },
      word("page.trace"),
    ),
    isOpen && h(FigureSelect, { figure, figures, onChoose: setFigure }),
    isOpen && error && h(Notice, { status: "error" }, error),
    isOpen && figure && !found && !error && h(Spinner, { "aria-label": word("page.loading") }),
    isOpen && found && h(Rows, { found, hasBranches: subject === "network" }),
  );
}

function FigureSelect({ figure, figures, onChoose }) {
  const choices = [["", word("page.trace_choose")], ...figures];
  return h(
    NativeSelect.Root,
    { size: "sm" },
    h(
      NativeSelect.Field,
      {
        value: figure,
        "aria-label": word("page.trace_choose"),
        onChange: (event) => onChoose(event.target.value),
      },
      choices.map(([value, name]) => h("option", { key: value, value }, name)),
    ),
    h(NativeSelect.Indicator),
  );
}

function Rows({ found, hasBranches }) {
  const { count, total, figure, rows } = found;
  const more = count > rows.length;
  return h(
    Stack,
    { gap: 2, fontSize: "sm" },
    h(Text, null, word("page.trace_sum", { count, total, figure })),
    more && h(Text, { color: "fg.muted" }, word("page.trace_largest", { shown: rows.length })),
    h(
      Box,
      { overflowX: "auto" },
      h(
        "table",
        { className: "sancrm-trace" },
        h(
          "tbody",
          null,
          rows.map((row, place) => h(Row, { key: place, row, hasBranches })),
        ),
      ),
    ),
  );
}

function Row({ row, hasBranches }) {
  const link = /^https?:/.test(row.link) && {
    href: row.link,
    target: "_blank",
    rel: "noreferrer",
    color: "fg.info",
  };
  return h(
    "tr",
    null,
    h("td", null, row.at),
    h("td", null, link ? h(Link, link, row.code) : row.code),
    h("td", null, [hasBranches && row.branch, row.item].filter(Boolean).join(" · ")),
    h("td", null, row.amount),
  );
}
