// The words of the account's language, by their codes, as the server has them in words.po.

let known = { language: "en", words: {}, statuses: {} };

export const learn = (words) => {
  known = words;
};

export const language = () => known.language;

export const statusName = (letter) => known.statuses[letter];

// A word, with values in its braces; the code where the words have not come.
export function word(code, values = {}) {
  const text = known.words[code] ?? code;
  return text.replace(/\{(\w+)\}/g, (braces, name) => values[name] ?? braces);
}
