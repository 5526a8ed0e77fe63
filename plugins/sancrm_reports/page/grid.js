// The grid: subjects by periods, a button for each message. Arrow keys move, Enter opens.

import { STATUSES } from "./statuses.js";
import { statusName, word } from "./words.js";

const { createElement: h, memo, useEffect, useLayoutEffect, useRef, useState } = React;
const DRAWN_AT_ONCE = 24; // rows: a screenful
const STEPS = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  PageUp: [-10, 0],
  PageDown: [10, 0],
  Home: [0, -Infinity],
  End: [0, Infinity],
};

export function Grid({ columns, rows, chosen, onChoose }) {
  const newest = columns.at(-1);
  const scroller = useRef(null);
  // The newest is on the right, and is what one came for.
  useLayoutEffect(() => {
    scroller.current.scrollLeft = scroller.current.scrollWidth;
  }, [columns.length, newest.name]);

  const cellAt = (row, column) =>
    scroller.current.querySelector(`[data-row="${row}"][data-column="${column}"]`);

  function onKeyDown(event) {
    const step = STEPS[event.key];
    const { row, column } = event.target.dataset;
    if (!step || column === undefined) return;
    event.preventDefault();
    const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
    const next = [
      within(Number(row) + step[0], rows.length),
      within(Number(column) + step[1], columns.length),
    ];
    cellAt(...next)?.focus();
  }

  function onClick(event) {
    const { row, column } = event.target.closest("[data-column]")?.dataset ?? {};
    if (column !== undefined) onChoose(columns[column].day, rows[row].subject);
  }

  const names = columns.map(({ name }) => name);
  return h(
    "div",
    {
      ref: scroller,
      className: rows.length > 1 ? "sancrm-grid" : "sancrm-grid sancrm-one-row",
      role: "grid",
      "aria-label": word("page.grid"),
      "aria-rowcount": rows.length + 1,
      "aria-colcount": columns.length + 1,
      style: { "--columns": columns.length },
      onKeyDown,
      onClick,
    },
    h(Heads, { columns }),
    rows.map((row, place) =>
      h(Row, {
        key: row.subject,
        row,
        place,
        names,
        counts: row.counts.join(),
        chosen: chosen?.subject === row.subject ? columns.findIndex(({ day }) => day === chosen.day) : -1,
      }),
    ),
  );
}

function Heads({ columns }) {
  const groups = [];
  for (const { group } of columns) {
    if (groups.at(-1)?.group === group) groups.at(-1).width += 1;
    else groups.push({ group, width: 1 });
  }
  return h(
    "div",
    { className: "sancrm-heads", "aria-hidden": true },
    h("div", { className: "sancrm-corner" }),
    groups.map(({ group, width }) =>
      h(
        "div",
        { key: group, className: "sancrm-group", style: { gridColumn: `span ${width}` } },
        h("span", null, width > 3 || group.length <= 4 ? group : ""), // a year needs no room
      ),
    ),
    h("div", { className: "sancrm-corner" }),
    columns.map(({ day, head }) => h("div", { key: day, className: "sancrm-head" }, head)),
  );
}

// A row is drawn anew only when its own letters change, and its cells when it comes near the screen:
// a year of a hundred branches would take a second.
const Row = memo(
  function Row({ row, place, names, chosen }) {
    const element = useRef(null);
    const isNear = useNear(element, place < DRAWN_AT_ONCE);
    return h(
      "div",
      {
        ref: element,
        className: "sancrm-row",
        role: "row",
        "aria-rowindex": place + 2,
        "data-subject": row.subject,
      },
      h("div", { className: "sancrm-name", role: "rowheader", title: row.name }, h("span", null, row.name)),
      isNear &&
        [...row.statuses].map((letter, column) =>
          cell({
            row,
            place,
            column,
            letter,
            name: names[column],
            isNewest: column === names.length - 1,
            isChosen: column === chosen,
          }),
        ),
    );
  },
  (before, now) =>
    before.row.statuses === now.row.statuses &&
    before.counts === now.counts &&
    before.place === now.place &&
    before.chosen === now.chosen &&
    before.names.at(-1) === now.names.at(-1),
);

function cell({ row, place, column, letter, name, isNewest, isChosen }) {
  const count = row.counts[column];
  const status = [statusName(letter), count && word("page.messages", { count })];
  const label = `${row.name}, ${name}: ${status.filter(Boolean).join(", ")}`;
  return h(
    "button",
    {
      key: column,
      type: "button",
      role: "gridcell",
      className: "sancrm-cell",
      tabIndex: place === 0 && isNewest ? 0 : -1,
      "data-status": letter,
      "data-row": place,
      "data-column": column,
      "aria-label": label,
      "aria-selected": isChosen,
      title: label,
    },
    count || STATUSES[letter].mark,
  );
}

// Whether an element has been near what the grid shows; once it was, it stays drawn.
function useNear(element, atOnce) {
  const [isNear, setNear] = useState(atOnce);
  useEffect(() => {
    if (isNear) return undefined;
    const root = element.current.closest(".sancrm-grid");
    const observer = new IntersectionObserver(
      ([{ isIntersecting }]) => isIntersecting && setNear(true),
      { root, rootMargin: "300px" },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [isNear]);
  return isNear;
}
