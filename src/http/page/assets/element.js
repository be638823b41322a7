// Elements of the document. Text goes in as text, so a table's name is never markup.

/** An element with these attributes, listeners (`onclick`) and children. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) {
      made.setAttribute(name, value === true ? "" : value);
    }
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

/** The element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Shows `section` with these children, or hides it when there are none. */
export function show(section, ...children) {
  section.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined),
  );
  section.hidden = section.childNodes.length === 0;
}

/** A name as it stands in the database or the data directory. */
export function named(name) {
  return element("code", {}, name);
}

/** Text in which names stand in backticks, as the service writes it. */
export function prose(text) {
  const parts = text.split("`");
  // Without its partner, a backtick is part of a name.
  if (parts.length % 2 === 0) return [text];
  return parts.map((part, index) => (index % 2 === 1 ? named(part) : part));
}

/** A point in time, in the reader's own zone. */
export function time(text) {
  const moment = new Date(text);
  const format = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
  return element("time", { datetime: text }, format.format(moment));
}

/** Tells people who do not see the page what has happened. */
export function announce(text) {
  const status = byId("status");
  if (status.textContent !== text) status.textContent = text;
}
