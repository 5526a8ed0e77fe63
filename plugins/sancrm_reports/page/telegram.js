// A message's text as a chat shows it. Of its HTML only Telegram's own tags become elements, and of
// their attributes only a link's web address; anything else is text. Nothing of it is ever run:
// the parser's document is inert, and React makes elements from names in this list.

const TAGS = new Set("b strong i em u ins s strike del code pre blockquote a".split(" "));

export function telegramText(html) {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  return [...body.childNodes].map(toElement);
}

function toElement(node, place) {
  if (node.nodeType !== Node.ELEMENT_NODE) return node.textContent;
  const children = [...node.childNodes].map(toElement);
  const tag = node.localName;
  if (!TAGS.has(tag)) return React.createElement(React.Fragment, { key: place }, ...children);
  const link = tag === "a" && /^https?:/.test(node.getAttribute("href") ?? "");
  const attributes = link
    ? { href: node.getAttribute("href"), target: "_blank", rel: "noreferrer" }
    : {};
  return React.createElement(tag, { key: place, ...attributes }, ...children);
}
