// The words of the reader's language, by their codes, as the server has them in words.po.

let known = { language: "en", words: {}, statuses: {} };

export const learn = (words) => {
  known = words;
};

// What the reader chose in Airflow's own menu, or else the browser; Airflow keeps it there.
export const airflowsLanguage = () => localStorage.getItem("i18nextLng") ?? "";

export const language = () => known.language;

export const statusName = (letter) => known.statuses[letter];

// A word, with values in its braces; the code where the words have not come.
export function word(code, values = {}) {
  const text = known.words[code] ?? code;
  return text.replace(/\{(\w+)\}/g, (braces, name) => values[name] ?? braces);
}
