// What may have become of a message: the letters of pure/grid.py, their words, marks and colours.
// A mark in the cell says the same as its colour. The palettes are those of Airflow's task states.

export const FATES = {
  s: { name: "отправлено", mark: "", palette: "success" },
  c: { name: "исправлено", mark: "±", palette: "up_for_reschedule" },
  l: { name: "с опозданием", mark: "»", palette: "up_for_retry" },
  f: { name: "не доставлено", mark: "×", palette: "failed" },
  u: { name: "неизвестно, дошло ли", mark: "?", palette: "deferred" },
  m: { name: "нет отчёта", mark: "!", palette: "failed" },
  ".": { name: "не ожидалось", mark: "", palette: "none" },
};

export const TROUBLE = ["f", "u", "m"];

// How many cells of the grid there are of each.
export function tally(rows) {
  const counts = Object.fromEntries(Object.keys(FATES).map((letter) => [letter, 0]));
  for (const { fates } of rows) for (const letter of fates) counts[letter] += 1;
  return counts;
}
