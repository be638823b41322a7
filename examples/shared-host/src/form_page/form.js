// What the hosts' forms have in common. A field says what is wrong with it beside itself; the
// form says above its button how many there are, and what the service has answered.

const form = document.querySelector("form");
const button = form.querySelector("button");
const refused = document.getElementById("refused");
const progress = document.getElementById("progress");
const inputs = [...form.querySelectorAll("input")];

/// The names in a list with commas.
export const list = (text) => text.split(",").map((name) => name.trim()).filter(Boolean);

/// The setup token that the options page of the service at `api` has fetched in this tab before it
/// reset the service: it shows that whoever claims the service now was its owner before.
export function setupToken(api) {
  const name = `factory-reset-setup-token:${api}`;
  const storage = (work) => {
    try {
      return work(sessionStorage);
    } catch {
      // Storage may be forbidden; then ownership has to be proven in another way.
      return null;
    }
  };
  return {
    get: () => storage((kept) => kept.getItem(name)) ?? undefined,
    drop: () => storage((kept) => kept.removeItem(name)),
  };
}

/// Sends what `body` makes of the values to `address` when the form is submitted, and goes to
/// `next` when the service has taken it. A setup `token` that the service refuses is dropped, and
/// the form is sent without it.
export function submitTo(address, body, next, token) {
  form.noValidate = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-disabled") === "true" || !areValid()) return;
    button.setAttribute("aria-disabled", "true");
    const values = Object.fromEntries(inputs.map((input) => [input.name, input.value]));
    tell(progress, "Setting up…");
    try {
      let answer = await send(address, body(values));
      if (answer?.status === 403 && token?.get()) {
        token.drop();
        answer = await send(address, body(values));
      }
      if (answer?.ok) token?.drop();
      await answered(answer, next);
    } finally {
      button.setAttribute("aria-disabled", "false");
    }
  });
}

/// Sends it until no reset stands in the way; null when nobody answers.
async function send(address, body) {
  for (;;) {
    let answer;
    try {
      answer = await fetch(address, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
    } catch {
      return null;
    }
    if (answer.status !== 503) return answer;
    const seconds = Number(answer.headers.get("Retry-After")) || 1;
    tell(progress, `A reset is under way. Trying again in ${seconds} s…`);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

async function answered(answer, next) {
  if (answer?.ok) {
    tell(progress, "It is set up. Going on…");
    location.replace(next);
    return;
  }
  tell(progress, "");
  if (answer === null) {
    refuse("The service cannot be reached. See whether it runs, and try again.");
  } else if (answer.status === 409) {
    const link = document.createElement("a");
    link.href = next;
    link.textContent = "Go to its options page";
    refuse("This service is set up already. ", link);
    link.focus();
  } else {
    const error = await answer.json().then((told) => told.error, () => undefined);
    explain(error ?? `The service answers with ${answer.status}. Try again.`);
  }
}

/// Says what is wrong beside the field whose name in the body stands in it, or else above.
function explain(error) {
  const isNamed = ({ dataset: { path } }) =>
    path && (error.startsWith(path) || error.includes(`\`${path}`));
  const input = inputs.find(isNamed);
  if (input === undefined) return refuse(error);
  mark(input, error.replace(/^(`[^`]*`|[\w.[\]]+:)/, labelOf(input)));
  input.focus();
}

function areValid() {
  tell(refused, "");
  inputs.forEach((input) => mark(input, problemOf(input)));
  const wrong = inputs.filter((input) => input.getAttribute("aria-invalid") === "true");
  if (wrong.length === 0) return true;
  refuse(wrong.length === 1 ? "One field needs a look." : `${wrong.length} fields need a look.`);
  wrong[0].focus();
  return false;
}

function problemOf(input) {
  const length = [...input.value].length;
  if (input.required && list(input.value).length === 0) return "This is missing.";
  if (input.dataset.repeats) {
    const first = document.getElementById(input.dataset.repeats);
    return first.value === input.value ? "" : "The two are not the same.";
  }
  return length < input.minLength ? `It needs ${input.minLength} characters at least.` : "";
}

/// Says beside a field what is wrong with it; nothing is when `problem` is empty.
function mark(input, problem) {
  const id = `${input.id}-error`;
  document.getElementById(id)?.remove();
  const about = `${input.id}-about`;
  const descriptions = document.getElementById(about) ? [about] : [];
  if (problem) {
    const error = document.createElement("p");
    error.id = id;
    error.className = "error";
    error.textContent = problem;
    input.after(error);
    descriptions.push(id);
  }
  input.setAttribute("aria-invalid", String(problem !== ""));
  input.setAttribute("aria-describedby", descriptions.join(" "));
}

const labelOf = (input) => input.labels[0].firstChild.textContent.trim();

function refuse(...words) {
  tell(refused, ...words);
}

function tell(place, ...words) {
  place.replaceChildren(...words);
}
