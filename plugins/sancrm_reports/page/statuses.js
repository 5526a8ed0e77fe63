// What may have become of a message: the letters of pure/grid.py, their marks and colours.
// A mark in the cell says the same as its colour. The palettes are those of Airflow's task states.

export const STATUSES = {
  s: { mark: "", palette: "success" },
  c: { mark: "±", palette: "up_for_reschedule" },
  l: { mark: "»", palette: "up_for_retry" },
  f: { mark: "×", palette: "failed" },
  u: { mark: "?", palette: "deferred" },
  m: { mark: "!", palette: "failed" },
  ".": { mark: "", palette: "none" },
};

export const TROUBLE = ["f", "u", "m"];

// How many cells of the grid there are of each that there is.
export function tally(rows) {
  const counts = {};
  for (const { statuses } of rows) for (const letter of statuses) counts[letter] = (counts[letter] ?? 0) + 1;
  return counts;
}
