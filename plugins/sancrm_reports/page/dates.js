// Days are texts such as 2026-11-17, as the server writes them: they have no zone.

const parse = (day) => new Date(`${day}T00:00:00Z`);
const print = (date) => date.toISOString().slice(0, 10);

export const isDay = (text) =>
  /^\d{4}-\d\d-\d\d$/.test(text ?? "") && !Number.isNaN(parse(text).getTime());

export function moved(day, { days = 0, months = 0 }) {
  const date = parse(day);
  date.setUTCMonth(date.getUTCMonth() + months);
  date.setUTCDate(date.getUTCDate() + days);
  return print(date);
}
