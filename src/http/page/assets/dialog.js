// A question that has to be answered before anything else.

import { element } from "./element.js";

/**
 * Asks in a dialog. `content` explains, `form` holds inputs, and `isReady` says whether they are
 * as they must be. True once the button `label` was pressed, false when it was given up.
 */
export function ask({ title, content, inputs = [], label, isReady = () => true }) {
  const opener = document.activeElement;
  const go = element("button", { type: "submit", class: "danger", id: "dialog-go" }, label);
  const cancel = element("button", { type: "button", id: "dialog-cancel" }, "Cancel");
  const form = element(
    "form",
    { autocomplete: "off" },
    element("h2", { id: "dialog-title" }, title),
    content,
    inputs,
    element("p", { class: "buttons" }, cancel, go),
  );
  const dialog = element("dialog", { id: "dialog", "aria-labelledby": "dialog-title" }, form);
  const reflect = () => {
    go.disabled = !isReady();
  };
  reflect();
  form.addEventListener("input", reflect);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let isAgreed = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!isReady()) return;
      isAgreed = true;
      dialog.close();
    });
    cancel.addEventListener("click", () => dialog.close());
    // Also with the Escape key.
    dialog.addEventListener("close", () => {
      dialog.remove();
      opener?.focus();
      resolve(isAgreed);
    });
    dialog.showModal();
    (inputs.length > 0 ? form.querySelector("input") : cancel).focus();
  });
}
