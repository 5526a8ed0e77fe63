// Days are texts such as 2026-11-17, as the server writes them: they have no zone.

const format = (options) => new Intl.DateTimeFormat("ru", { timeZone: "UTC", ...options });
const LONG = format({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const DAYS = format({ day: "numeric", month: "long", year: "numeric" });
const MONTH = format({ month: "long", year: "numeric" });
const SHORT_MONTH = format({ month: "short" });

const parse = (day) => new Date(`${day}T00:00:00Z`);
const print = (date) => date.toISOString().slice(0, 10);
const withoutYearMark = (text) => text.replace(/\s*г\.$/, "");

export const isDay = (text) =>
  /^\d{4}-\d\d-\d\d$/.test(text ?? "") && !Number.isNaN(parse(text).getTime());

export function moved(day, { days = 0, months = 0 }) {
  const date = parse(day);
  date.setUTCMonth(date.getUTCMonth() + months);
  date.setUTCDate(date.getUTCDate() + days);
  return print(date);
}

// вторник, 17 ноября 2026; 16–22 ноября 2026; ноябрь 2026
export function periodName(period, day) {
  if (period === "month") return withoutYearMark(MONTH.format(parse(day)));
  if (period === "day") return withoutYearMark(LONG.format(parse(day)));
  return withoutYearMark(DAYS.formatRange(parse(day), parse(moved(day, { days: 6 }))));
}

// What stands above a column, and above its neighbours of the same month or year.
export function columnHeads(period, day) {
  if (period === "month")
    return { own: SHORT_MONTH.format(parse(day)).slice(0, 3), group: day.slice(0, 4) };
  return { own: String(Number(day.slice(8))), group: withoutYearMark(MONTH.format(parse(day))) };
}

// 18 ноября 2026 в 09:00, by the account's clock, as the chat writes it.
export function instantName(instant, timeZone) {
  const written = new Intl.DateTimeFormat("ru", {
    dateStyle: "long",
    timeStyle: "short",
    timeZone,
  });
  return written.format(new Date(instant)).replace(" г.", "");
}
