// What every room's script uses: sentences, elements made of text alone, requests, and which client is shown.
// Of the address: gradio puts the browser's language over that of the page.
export const language = /^\/([\w-]+)\//.exec(location.pathname)?.[1] ?? document.documentElement.lang;

const words = await (await fetch(`/words/${language}`)).json();

/** Whose page this is: another counsellor who unlocks a desk in the same browser is told nothing by it. */
export const counsellor = (await (await fetch("/session", { cache: "no-store" })).json()).counsellor ?? "";

/** A random name of this page, by which the desk knows its own drafts again. */
export const page = crypto.randomUUID();

/** A sentence of `sentences/*.toml`, its {places} filled. */
export const say = (key, values = {}) =>
  (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));

/**
 * An element. Texts become text nodes and never markup; `on...` are listeners, `data` its data set.
 * el("button", { class: "quiet", onclick: go }, say("go"))
 */
export const el = (tag, given = {}, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(made.dataset, value);
    else if (name === "value" || name === "checked" || name === "hidden") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...inside.flat().filter((one) => one !== null && one !== undefined && one !== false));
  return made;
};

/** Why a request failed, as a sentence; `why` is its short name ("conflict", "ended", "away", ...). */
export class Problem extends Error {
  constructor(message, why) {
    super(message);
    this.why = why;
  }
}

/** To the page to unlock; whoever still holds words that were not kept stops it by `preventDefault` of "desk-leave". */
export const leave = () => dispatchEvent(new Event("desk-leave", { cancelable: true })) && location.replace("/unlock?ended=1");

const send = async (path, body, more = {}) => {
  const plain = body instanceof Blob ? body : JSON.stringify(body);
  const headers = { "x-language": language, "x-counsellor": counsellor, ...more.headers };
  let answer;
  try {
    answer = await fetch(`/room/${path}`, { method: "POST", body: plain, ...more, headers });
  } catch {
    throw new Problem(say("away"), "away");
  }
  if (answer.status === 401) {
    leave();
    throw new Problem(say("ended"), "ended");
  }
  if (answer.status === 413) throw new Problem(say("too_large"), "large");
  return answer;
};

/** Ask a room's address; its JSON, or a Problem. `more`: headers, keepalive. */
export const ask = async (path, body = {}, more = {}) => {
  const answer = await send(path, body, more);
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok || told.error) throw new Problem(told.error ?? say("failed", { what: answer.status }), told.why);
  return told;
};

/** Ask for what takes long: `hear` gets each line, the result comes last. `job` names it for `stop`. */
export const stream = async (path, body, hear, job = crypto.randomUUID()) => {
  const answer = await send(path, { ...body, job });
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Problem(told.error ?? say("failed", { what: answer.status }), told.why);
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read().catch(() => ({ done: true }));
    const lines = (rest + (value ?? "")).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const told = JSON.parse(line);
      if (told.error) throw new Problem(told.error, told.why);
      if (told.done) return told.done;
      hear(told);
    }
    if (done) throw new Problem(say("away"), "away");
  }
};

export const stop = (job) => ask("stop", { job });

const field = (id) => document.querySelector(`#${id} textarea, #${id} input`);

/** The client that gradio's frame shows, by id; "" for none. */
export const client = () => {
  try {
    return JSON.parse(field("window")?.value || "{}").client ?? "";
  } catch {
    return "";
  }
};

/** Let the frame read its client, notes and list again. */
export const refresh = () => document.getElementById("refresh")?.click();

const note = el("p", { id: "kept", role: "status" });
/** Say something in the corner; `kind` is "kept", or "away", "elsewhere", "refused" for what a person must see. */
export const tell = (text, kind = "kept") => {
  if (!note.isConnected) document.body.append(note);
  note.textContent = text;
  note.dataset.kind = kind;
};

/** A sentence where something failed, beside what failed. */
export const problem = (error) => el("p", { role: "alert" }, error instanceof Problem ? error.message : say("failed", { what: error.name }));

/** The banner beside a question that speaks of danger: `told` is `practice.banner`'s, or null for none. */
export const crisis = (told) => told && el("aside", { class: "crisis", role: "alert" },
  el("strong", {}, say("crisis_heard", {
    kinds: told.kinds.map(({ kind, level }) => `${say(`crisis_${kind}`)}${level === "explicit" ? "" : say("crisis_possible")}`).join(say("comma")),
  })),
  el("div", { class: "text" }, told.steps.trim() || say("crisis_no_steps")));

/** The mark beside what a model wrote and no person has accepted. */
export const generatedMark = () => el("span", { class: "generated-mark" }, say("generated_mark"));
