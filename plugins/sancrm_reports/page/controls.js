// What stands above the grid: which messages, of when, what the colours mean, and which rows.

import { STATUSES, tally } from "./statuses.js";
import { language, statusName, word } from "./words.js";

const { createElement: h } = React;
const { Button, ButtonGroup, Heading, HStack, IconButton, Input, NativeSelect } = ChakraUI;

export function Toolbar({ kinds, view, onChange }) {
  const step = (label, sign, by, disabled) =>
    h(
      IconButton,
      {
        size: "sm",
        variant: "outline",
        "aria-label": label,
        disabled,
        onClick: () => onChange(view.movedBy(by)),
      },
      sign,
    );
  const chosen = {
    kinds,
    kind: view.kind,
    onChoose: (kind) => onChange({ kind, months: null, last: null }),
  };
  return h(
    HStack,
    { wrap: "wrap", gap: 2 },
    h(Heading, { as: "h1", size: "md", me: 2 }, word("page.title")),
    h(KindButtons, chosen),
    h(KindSelect, chosen),
    h(
      HStack,
      { gap: 2, ms: { md: "auto" } },
      step(word("page.earlier"), "‹", -1, false),
      h(SpanSelect, { view, onChoose: (months) => onChange({ months }) }),
      step(word("page.later"), "›", 1, view.isNewest),
    ),
  );
}

function KindButtons({ kinds, kind, onChoose }) {
  return h(
    ButtonGroup,
    {
      size: "sm",
      gap: 1,
      flexWrap: "wrap",
      display: { base: "none", md: "flex" },
      "aria-label": word("page.kind"),
    },
    kinds.map(({ id, name }) =>
      h(
        Button,
        {
          key: id,
          variant: id === kind.id ? "solid" : "outline",
          colorPalette: "brand",
          "aria-pressed": id === kind.id,
          onClick: () => onChoose(id),
        },
        name,
      ),
    ),
  );
}

// The same on a phone, in one line.
const KindSelect = ({ kinds, kind, onChoose }) =>
  h(Select, {
    label: word("page.kind"),
    value: kind.id,
    options: kinds.map(({ id, name }) => [id, name]),
    onChoose,
    display: { base: "flex", md: "none" },
  });

const SpanSelect = ({ view, onChoose }) =>
  h(Select, {
    label: word("page.span"),
    value: view.months,
    options: view.kind.spans,
    onChoose,
  });

function Select({ label, value, options, onChoose, display }) {
  return h(
    NativeSelect.Root,
    { size: "sm", width: "auto", display },
    h(
      NativeSelect.Field,
      { value, "aria-label": label, onChange: (event) => onChoose(event.target.value) },
      options.map(([option, name]) => h("option", { key: option, value: option }, name)),
    ),
    h(NativeSelect.Indicator),
  );
}

// What there is to see, and no more. The cells of what is summed up have numbers of their own.
export function Legend({ kind, rows }) {
  const counts = tally(rows);
  const shown = Object.entries(STATUSES).filter(
    ([letter]) => counts[letter] && (kind.is_report || letter !== "."),
  );
  return h(
    HStack,
    {
      as: "ul",
      className: "sancrm-legend",
      wrap: "wrap",
      columnGap: { base: 3, md: 4 },
      rowGap: 1,
      fontSize: { base: "xs", md: "sm" },
    },
    shown.map(([letter, { mark }]) =>
      h(
        "li",
        { key: letter },
        h("span", { className: "sancrm-cell", "data-status": letter, "aria-hidden": true }, mark),
        statusName(letter),
        kind.is_report && letter !== "." && h("b", null, counts[letter].toLocaleString(language())),
      ),
    ),
  );
}

export function Filter({ filter, onChange }) {
  return h(
    HStack,
    { gap: 2 },
    h(Input, {
      size: "sm",
      maxW: "64",
      placeholder: word("page.find"),
      "aria-label": word("page.find"),
      value: filter.words,
      onChange: (event) => onChange({ ...filter, words: event.target.value }),
    }),
    h(
      Button,
      {
        size: "sm",
        variant: filter.troubleOnly ? "solid" : "outline",
        "aria-pressed": filter.troubleOnly,
        onClick: () => onChange({ ...filter, troubleOnly: !filter.troubleOnly }),
      },
      word("page.trouble_only"),
    ),
  );
}
