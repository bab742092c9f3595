// Training: consent, what would teach, a training followed without a reload, its samples, and the adapter in use.
// What is typed stays on the page through every redrawing, also after a failure.
import { ask, el, language, problem, say } from "./room.js";

const POLL = 2000, AWAY = 6000;
const MODEL_OF = { client: "training_recipe_client", client_dpo: "training_recipe_client_dpo" };
const typed = new Map(); // by client: what stands in fields, by their ids
let at = "", place = null, told = null, timer = 0, busy = false;
const said = el("p", { class: "training-said quiet", role: "status" });

const day = (iso) => (iso ? new Date(iso).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" }) : "");
const figure = (n, digits = 3) => (typeof n === "number" ? n.toLocaleString(language, { maximumFractionDigits: digits }) : "–");
const kept = () => {
  if (!typed.has(at)) typed.set(at, {});
  return typed.get(at);
};
const field = (id, label, made) => {
  made.id = id;
  const mine = kept();
  if (id in mine) made.value = mine[id];
  made.addEventListener("input", () => { mine[id] = made.value; });
  return el("label", { for: id }, label, made);
};
const button = (id, key, work, kind = "") => el("button", { id, type: "button", class: kind, onclick: work }, say(key));

// ---- asking

/** Do something for the client that is shown; what comes for another is not drawn. `after` names what gets the focus. */
const act = async (path, body, { done = () => {}, where, after } = {}) => {
  if (busy) return;
  busy = true;
  const mine = at;
  if (path !== "show") said.textContent = "";
  place?.setAttribute("aria-busy", "true");
  where?.querySelector(":scope > [role=alert]")?.remove();
  try {
    const found = await ask(`training-${path}`, { client: mine, ...body });
    done();
    if (mine === at) draw(found, after);
  } catch (error) {
    if (mine === at) {
      if (where?.isConnected) where.append(problem(error));
      else place.replaceChildren(problem(error), button("training-reload", "training_reload", load));
    }
  } finally {
    busy = false;
    place?.removeAttribute("aria-busy");
  }
};
const load = () => act("show", {});
const poll = async () => {
  const mine = at;
  if (document.hidden || !place?.offsetParent) return again(POLL);
  try {
    const { running } = await ask("training-progress", { client: mine });
    if (mine !== at || !told) return;
    if (!running) {
      said.textContent = say("training_over");
      return busy ? again(POLL) : load();
    }
    Object.assign(told, { running });
    follow(running);
    again(POLL);
  } catch (error) {
    if (mine !== at) return;
    said.textContent = error.message;
    again(AWAY);
  }
};
const again = (ms) => {
  clearTimeout(timer);
  timer = setTimeout(poll, ms);
};

// ---- consent

const consent = () => {
  const [last, ...earlier] = told.consent;
  const root = el("section", { "aria-labelledby": "training-consent" }, el("h2", { id: "training-consent" }, say("training_consent")));
  const send = (given, id) => act("consent", { given, how: document.getElementById(id).value }, {
    where: root, done: () => { delete kept()[id]; }, after: "training-consent",
  });
  if (last) {
    root.append(el("p", {}, say(last.given ? "training_consent_given" : "training_consent_back", { at: day(last.at) })), el("p", { class: "text" }, last.how));
  } else root.append(el("p", {}, say("training_consent_none")));
  if (last?.given) {
    root.append(fold("training-take", "training_consent_take",
      el("p", { class: "quiet" }, say("training_consent_take_told")),
      field("training-back-how", say("training_consent_back_how"), el("textarea", { rows: 2 })),
      button("training-back-do", "training_consent_back_do", () => send(false, "training-back-how"), "danger")));
  } else {
    root.append(
      field("training-how", say("training_consent_how"), el("textarea", { rows: 2 })),
      button("training-record", "training_consent_record", () => send(true, "training-how"), "primary"));
  }
  if (earlier.length) {
    root.append(fold("training-earlier", "training_consent_earlier", earlier.map((one) => el("div", {},
      el("p", { class: "quiet" }, say(one.given ? "training_consent_was_given" : "training_consent_was_back", { at: day(one.at) })),
      el("p", { class: "text" }, one.how)))));
  }
  return root;
};
/** A part that is opened first: it stays open while the room is redrawn. */
const fold = (id, key, ...inside) => {
  const mine = kept();
  const made = el("details", { id, open: mine[id] }, el("summary", { id: `${id}-open` }, say(key)), ...inside);
  made.addEventListener("toggle", () => { mine[id] = made.open; });
  return made;
};

// ---- what would teach

const teaches = () => {
  const found = told.teaches;
  const root = el("section", { "aria-labelledby": "training-teaches" }, el("h2", { id: "training-teaches" }, say("training_teaches")));
  if (!found) root.append(el("p", { class: "quiet" }, say("training_teaches_none")));
  else {
    root.append(el("p", {}, say("training_teaches_counts", found)));
    if (!found.enough) root.append(el("p", {}, say("training_teaches_few", { n: found.fewest })));
    else if (told.adapter) root.append(el("p", {}, found.fresh ? say("training_teaches_fresh", { n: found.fresh }) : say("training_teaches_seen")));
    if (found.left_out.length) {
      root.append(el("h3", {}, say("training_left")), el("ul", {}, found.left_out.map((one) => el("li", {}, say("training_left_row", one)))));
    }
  }
  return root;
};

// ---- a training begun

const begin = () => {
  const { teaches: found, limits } = told;
  const root = el("section", { "aria-labelledby": "training-title" }, el("h2", { id: "training-title" }, say("training_begin_title")));
  if (!told.base) return root.append(...elsewhere()), root;
  if (!told.memory) return root.append(el("p", {}, say("training_no_memory"))), root;
  root.append(el("p", { class: "quiet" }, say("training_base", { base: told.base })));
  const mine = kept();
  const chosen = mine.recipe ?? (found.pairs ? limits.recipe : "client");
  root.append(el("fieldset", {}, el("legend", {}, say("training_recipe")), ["client", "client_dpo"].map((name) => {
    const made = el("input", { type: "radio", name: "training-recipe", id: `training-${name}`, value: name, checked: chosen === name });
    made.disabled = name === "client_dpo" && !found.pairs;
    made.addEventListener("change", () => { mine.recipe = name; });
    return el("label", { for: made.id }, made, say(MODEL_OF[name]));
  }), found.pairs ? null : el("p", { class: "quiet" }, say("training_no_pairs"))));
  const number = (name, most) => field(`training-${name}`, say(`training_limit_${name}`, { n: most?.toLocaleString(language) }),
    el("input", { type: "number", min: 1, max: most, step: 1, inputmode: "numeric", value: limits.chosen[name] ?? "" }));
  const { characters, notes, minutes } = limits.most;
  const shown = Object.fromEntries(Object.keys(limits.most).map((name) => [name, figure(limits.chosen[name], 0)]));
  root.append(
    el("p", { class: "quiet" }, say("training_limits_told", shown)),
    fold("training-limits", "training_limits",
      number("characters", characters), number("notes", notes), number("minutes", minutes), number("steps")),
    el("p", { class: "quiet" }, say("training_adapters", { most: limits.adapters, used: limits.used })),
    el("div", { class: "row" }, button("training-begin", "training_begin", () => start(root), "primary")));
  root.querySelector("#training-begin").disabled = !found.enough;
  return root;
};
const start = (root) => {
  const inputs = [...root.querySelectorAll("input[type=number]")];
  const wrong = inputs.find((one) => !one.checkValidity());
  if (wrong) {
    root.querySelector("#training-limits").open = true;
    return wrong.reportValidity();
  }
  const numbers = Object.fromEntries(inputs.map((one) => [one.id.replace("training-", ""), Math.trunc(Number(one.value)) || 0]));
  const recipe = root.querySelector("[name=training-recipe]:checked").value;
  return act("begin", { recipe, ...numbers }, { where: root, after: "training-running" });
};
const elsewhere = () => [
  el("p", {}, say("training_elsewhere", { model: told.model })),
  el("pre", { class: "text", tabindex: 0 }, "xinheng desk rows CODE --name NAME --out FOLDER\nxinheng train client --base BASE --data FOLDER"),
  el("p", { class: "quiet" }, say("training_elsewhere_warn")),
];

// ---- a training that goes on

const going = () => {
  const root = el("section", { class: "training-going", "aria-labelledby": "training-running" },
    el("h2", { id: "training-running", tabindex: -1 }, say("training_running")),
    el("p", { id: "training-phase", role: "status" }),
    el("progress", { id: "training-bar", "aria-labelledby": "training-running" }),
    el("p", { id: "training-step", class: "quiet" }),
    el("p", { id: "training-queue", class: "quiet" }),
    el("p", { class: "quiet" }, say("training_may_leave")));
  root.append(button("training-cancel", "training_cancel",
    () => act("cancel", { training: told.running.training }, { where: root, after: "training-title" }), "danger"));
  return root;
};
/** Only what has changed is written: a reader of the page aloud is not told the same again. */
const write = (id, text) => {
  const there = document.getElementById(id);
  if (there && there.textContent !== text) there.textContent = text;
};
const follow = (running) => {
  const bar = document.getElementById("training-bar");
  if (bar) {
    if (running.steps) Object.assign(bar, { max: running.steps, value: running.step });
    else bar.removeAttribute("value");
  }
  write("training-phase", running.told);
  const step = running.steps ? [say("training_step", running)] : [];
  if (running.loss !== null && running.steps) step.push(say("training_loss_now", { loss: figure(running.loss, 2) }));
  write("training-step", step.join(" · "));
  write("training-queue", [
    running.ahead ? say("training_ahead", { n: running.ahead }) : "",
    running.others ? say("training_others", { n: running.others }) : "",
    running.tries > 1 ? say("training_again", { n: running.tries }) : "",
  ].filter(Boolean).join(" "));
};

// ---- what came of it

const answer = (key, text) => el("div", { class: "generated" }, el("h4", {}, say(key)),
  el("div", { class: "text" }, text || say("training_nothing_said")), el("span", { class: "generated-mark" }, say("training_by_model")));
const sample = (one) => el("article", { class: "training-sample" },
  el("h3", {}, say(one.change ? "training_sample_change" : "training_sample_note", { n: one.note })),
  one.question ? el("p", { class: "text quiet" }, one.question) : null,
  el("div", { class: "training-sides" }, answer("training_sample_before", one.before), answer("training_sample_after", one.after)),
  one.before === one.after ? el("p", { class: "quiet" }, say("training_same")) : null,
  el("div", { class: "training-wanted" }, el("h4", {}, say("training_sample_wanted")), el("div", { class: "text" }, one.wanted)));
const result = (one, n) => {
  const title = n ? `training-result-${n}` : "training-result";
  const { before, after } = one.loss;
  const root = el("section", { class: "training-result", "aria-labelledby": title },
    el("h2", { id: title, tabindex: -1 }, say("training_result")),
    el("p", {}, say("training_result_told", { at: day(one.at), rows: one.counts.examples_train })),
    el("p", {}, say("training_held_loss", { n: one.held_rows, before: figure(before), after: figure(after) })),
    after > before ? el("p", { class: "training-worse" }, say("training_worse")) : null,
    one.samples.length ? one.samples.map(sample) : el("p", { class: "quiet" }, say("training_no_samples")));
  const decide = (path) => act(path, { training: one.training }, { where: root, after: "training-adapter" });
  const accept = button(`${title}-accept`, "training_accept", () => decide("accept"), "primary");
  accept.disabled = !told.consent[0]?.given;
  root.append(
    accept.disabled ? el("p", {}, say("training_accept_no_consent")) : "",
    el("div", { class: "row" }, accept, button(`${title}-reject`, "training_reject", () => decide("reject"), "danger")));
  return root;
};

// ---- the adapter

const adapter = () => {
  const held = told.adapter;
  const root = el("section", { "aria-labelledby": "training-adapter" }, el("h2", { id: "training-adapter", tabindex: -1 }, say("training_adapter")));
  if (!held) return root.append(el("p", { class: "quiet" }, say("training_adapter_none"))), root;
  root.append(el("p", {}, held.unused
    ? `${say("training_adapter_unused", { at: day(held.at) })} ${say(`training_unused_${held.unused}`, { base: held.base })}`
    : say("training_adapter_used", { at: day(held.at), rows: held.rows, base: held.base })));
  root.append(fold("training-back", "training_back",
    el("p", {}, held.before ? say("training_back_before", { at: day(held.before) }) : say("training_back_base")),
    button("training-roll", "training_back_do", () => act("back", {}, {
      where: root, done: () => { delete kept()["training-back"]; }, after: "training-adapter",
    }), "danger")));
  return root;
};
const past = () => (told.past.length ? fold("training-past", "training_past", el("ul", {}, told.past.map((one) => el("li", {},
  say("training_past_row", { at: day(one.at), state: one.state }),
  typeof one.loss.before === "number" ? el("span", { class: "quiet" }, ` ${say("training_past_loss", { before: figure(one.loss.before), after: figure(one.loss.after) })}`) : null,
  one.why ? el("span", { class: "quiet" }, ` ${one.why}`) : null)))) : null);

// ---- the room

const draw = (found, after = "") => {
  const focused = after || document.activeElement?.id;
  const had = place.contains(document.activeElement) || after;
  told = found;
  clearTimeout(timer);
  place.replaceChildren(...[
    el("p", { class: "quiet" }, say("training_intro")), said,
    told.running ? going() : null,
    ...told.results.map(result),
    consent(), teaches(),
    told.running || told.results.length || (told.base && !told.teaches) ? null : begin(),
    adapter(), past(),
  ].filter(Boolean));
  if (told.running) {
    said.textContent = "";
    follow(told.running);
    again(POLL);
  }
  if (had && focused) {
    const there = document.getElementById(focused);
    if (there?.matches("h2")) there.tabIndex = -1;
    there?.focus({ preventScroll: !after });
  }
};

export default {
  name: "training",
  client: true,
  open(root, client_id) {
    if (client_id !== at || !told) {
      clearTimeout(timer);
      at = client_id;
      place = root;
      told = null;
      busy = false;
      said.textContent = "";
      root.replaceChildren(el("p", { class: "quiet" }, say("training_loading")));
    }
    load();
  },
};
