// The phrase that is typed to confirm.

import { element } from "./element.js";

/** What has to be typed: the host's phrase, or one with its name. */
export function phraseOf(options, settings) {
  return options.confirmation ?? `RESET ${settings.name}`.trim().toUpperCase();
}

/** What a request says of it. A host without a phrase of its own is sent none. */
export function confirmed(options, typed) {
  return options.confirmation === null || options.confirmation === undefined
    ? { confirm: true }
    : { confirm: true, confirmation: typed };
}

/** An input for it, with its label. */
export function phraseInput(id, phrase) {
  const input = element("input", {
    id,
    type: "text",
    placeholder: `Type ${phrase} to confirm`,
    autocomplete: "off",
    autocapitalize: "off",
    autocorrect: "off",
    spellcheck: "false",
  });
  const label = element("label", { for: id }, "To confirm, type ", element("code", {}, phrase));
  return { input, label };
}
