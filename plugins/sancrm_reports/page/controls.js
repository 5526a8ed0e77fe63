// What stands above the grid: which messages, of when, what the colours mean, and which rows.

import { STATUSES, tally } from "./statuses.js";
import { language, statusName, word } from "./words.js";

const { createElement: h } = React;
const { Box, Button, ButtonGroup, HStack, IconButton, Input, NativeSelect } = ChakraUI;

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
  return h(
    HStack,
    { wrap: "wrap", gap: 2 },
    h(KindButtons, {
      kinds,
      kind: view.kind,
      onChoose: (kind) => onChange({ kind, months: null, last: null }),
    }),
    h(Box, { flex: 1 }),
    step(word("page.earlier"), "‹", -1, false),
    h(SpanSelect, { view, onChoose: (months) => onChange({ months }) }),
    step(word("page.later"), "›", 1, view.isNewest),
  );
}

function KindButtons({ kinds, kind, onChoose }) {
  return h(
    ButtonGroup,
    { size: "sm", gap: 1, flexWrap: "wrap", "aria-label": word("page.kind") },
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

function SpanSelect({ view, onChoose }) {
  return h(
    NativeSelect.Root,
    { size: "sm", width: "auto" },
    h(
      NativeSelect.Field,
      {
        value: view.months,
        "aria-label": word("page.span"),
        onChange: (event) => onChoose(event.target.value),
      },
      view.kind.spans.map(([value, name]) => h("option", { key: value, value }, name)),
    ),
    h(NativeSelect.Indicator),
  );
}

export function Legend({ rows }) {
  const counts = tally(rows);
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
    Object.entries(STATUSES).map(([letter, { mark }]) =>
      h(
        "li",
        { key: letter },
        h("span", { className: "sancrm-cell", "data-status": letter, "aria-hidden": true }, mark),
        statusName(letter),
        letter !== "." && h("b", null, counts[letter].toLocaleString(language())),
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
