// Elements of the document. Text goes in as text, so a table's name is never markup, and escaped,
// so all of it can be seen.

import { printable } from "./printable.js";

/** Attributes that people read or hear. */
const READ = ["alt", "aria-description", "aria-label", "placeholder", "title"];

/** What is shown of `child`: nothing of null, and text escaped. */
function shown(child) {
  if (child === null || child === undefined) return [];
  return child instanceof Node ? child : printable(child);
}

/** Shows `text` alone in the element `made`. */
export function write(made, text) {
  made.textContent = printable(text);
}

/** An element with these attributes, listeners (`onclick`) and children. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) {
      const text = READ.includes(name) ? printable(value) : value;
      made.setAttribute(name, value === true ? "" : text);
    }
  }
  made.append(...children.flat(Infinity).flatMap(shown));
  return made;
}

/** The element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Shows `section` with these children, or hides it when there are none. */
export function show(section, ...children) {
  section.replaceChildren(...children.flat(Infinity).flatMap(shown));
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
  if (parts.length % 2 === 0) return [printable(text)];
  return parts.map((part, index) => (index % 2 === 1 ? named(part) : printable(part)));
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
  if (status.textContent !== printable(text)) write(status, text);
}
