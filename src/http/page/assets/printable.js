// Text from outside, made safe to show: the same rules as those of the service's command.

/** Characters that a reader does not see, or that change the order of others. */
const HIDDEN =
  String.raw`\u{0}-\u{1f}\u{7f}-\u{a0}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{1680}` +
  String.raw`\u{17b4}\u{17b5}\u{180b}-\u{180f}\u{2000}-\u{200f}\u{2028}-\u{202f}` +
  String.raw`\u{205f}-\u{206f}\u{2800}\u{3164}\u{fdd0}-\u{fdef}\u{fe00}-\u{fe0f}\u{feff}` +
  String.raw`\u{ffa0}\u{fff0}-\u{fffb}\u{fffd}-\u{ffff}\u{13430}-\u{1343f}` +
  String.raw`\u{1bca0}-\u{1bca3}\u{1d159}\u{1d173}-\u{1d17a}\u{1fffe}\u{1ffff}` +
  String.raw`\u{2fffe}\u{2ffff}\u{3fffe}\u{3ffff}\u{4fffe}\u{4ffff}\u{5fffe}\u{5ffff}` +
  String.raw`\u{6fffe}\u{6ffff}\u{7fffe}\u{7ffff}\u{8fffe}\u{8ffff}\u{9fffe}\u{9ffff}` +
  String.raw`\u{afffe}\u{affff}\u{bfffe}\u{bffff}\u{cfffe}\u{cffff}` +
  String.raw`\u{dfffe}-\u{e0fff}\u{efffe}\u{effff}\u{ffffe}\u{fffff}\u{10fffe}\u{10ffff}`;
const hidden = new RegExp(`[${HIDDEN}]`, "gu");
/** Combining marks with nothing to combine with, or more in a row than any script needs. */
const marks = /(^|\p{M}{4})(\p{M}+)/gu;

const escaped = (text) =>
  Array.from(text, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`).join("");

/** `text` with such characters written as `\u{202e}`. */
export function printable(text) {
  const visible = String(text).replace(hidden, escaped);
  return visible.replace(marks, (_, before, more) => before + escaped(more));
}
