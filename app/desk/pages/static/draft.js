// The room `draft`: a question, what a model proposes, and what a counsellor makes of it.
import { ask, crisis, el, problem, refresh, say, stop, stream, tell } from "./room.js";
import { itemLists, put } from "./draft-items.js";
import { Keeper, post } from "./draft-keeping.js";
import { comparing, difference, given, numbers, who } from "./draft-told.js";

const keepers = new Map(); // by client and note, as long as the page lives: what was not kept yet stays
let at = null; // the draft that is shown: its keeper and the elements that show it

const today = () => {
  const now = new Date();
  return new Date(now - now.getTimezoneOffset() * 60000).toISOString().slice(0, 10);
};
const keeperOf = (client_id, note) => {
  const key = `${client_id}|${note}`;
  if (!keepers.has(key)) keepers.set(key, new Keeper(client_id, note, (keeper) => at?.keeper === keeper && draw()));
  return keepers.get(key);
};
const drop = (keeper) => {
  keeper.close();
  keepers.delete(`${keeper.client}|${keeper.note}`);
};

const show = async (root, client_id, note = "", focus = "") => {
  const keeper = keeperOf(client_id, note);
  at = { root, keeper, ...page(keeper) };
  const mine = at;
  root.replaceChildren(el("p", { class: "quiet" }, say("draft_opening")));
  try {
    await keeper.load();
  } catch (error) {
    if (at !== mine) return;
    if (!keeper.view) return root.replaceChildren(problem(error), el("button", { type: "button", onclick: () => show(root, client_id, note) }, say("draft_retry")));
  }
  if (at !== mine) return;
  root.replaceChildren(at.whole);
  draw();
  at[focus]?.focus();
  if (keeper.view.asking) look(keeper);
  ask("draft-who", keeper.about).then((told) => at === mine && at.who.replaceChildren(who(told)), (error) => at === mine && at.who.replaceChildren(error.message));
};

// ---- the page of one draft
const page = (keeper) => {
  const push = (change) => { at.after.replaceChildren(); keeper.push(change); };
  const pause = () => keeper.pause();
  const longest = () => keeper.view?.longest ?? 100000;
  const button = (key, go, more = {}) => el("button", { type: "button", onclick: go, ...more }, say(key));
  const long = el("p", { role: "alert", hidden: true }, say("draft_long", { n: 100000 }));
  const parts = {
    which: el("select", { onchange: (event) => show(at.root, keeper.client, event.target.value, "which") }),
    day: el("input", { type: "date", oninput: (event) => push({ kind: "day", text: event.target.value }) }),
    who: el("p", { class: "quiet" }),
    stale: el("p", { role: "status", class: "quiet" }),
    question: el("textarea", {
      rows: 3, onblur: pause,
      oninput: (event) => {
        const text = event.target.value;
        long.hidden = text.length <= longest();
        if (long.hidden) push({ kind: "question", text });
      },
      onkeydown: (event) => {
        if (!(event.ctrlKey && event.key === "Enter") || event.isComposing) return;
        event.preventDefault();
        analyse("all");
      },
    }),
    danger: el("div"),
    analyse: button("draft_analyse", () => analyse("all"), { class: "primary", title: "Ctrl+Enter" }),
    rest: button("draft_rest", () => analyse("rest")),
    stop: button("draft_stop", () => halt(keeper), { hidden: true }),
    progress: el("div", { class: "progress", "aria-live": "polite" }),
    after: el("div", { "aria-live": "polite" }),
    lists: itemLists({ push, pause, longest, regenerate: (id) => analyse("item", id) }),
    undo: button("draft_undo", () => push({ kind: "undo" }), { title: "Ctrl+Z" }),
    redo: button("draft_redo", () => push({ kind: "redo" }), { title: "Ctrl+Shift+Z" }),
    all: button("draft_accept_all", () => push({ kind: "accept_all" })),
    given: el("details", { class: "given quiet", open: true }),
    trouble: el("div", { class: "trouble" }),
    save: button("draft_save", () => save(keeper), { class: "primary", id: "room-save", title: "Alt+S" }),
    clear: button("draft_clear", () => push({ kind: "clear" })),
    discard: button("draft_discard", () => discard(keeper), { class: "danger" }),
  };
  const past = el("div");
  const history = el("details", { ontoggle: () => history.open && told(keeper, past) }, el("summary", {}, say("draft_history")), past);
  const compare = comparing(() => keeper.about, () => keeper.flush());
  const whole = el("div", {
    class: "draft",
    onkeydown: (event) => {
      const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (!typing) stepped(event, push);
    },
  },
  el("div", { class: "row head" }, el("label", {}, say("draft_which"), parts.which), el("label", {}, say("draft_day"), parts.day)),
  parts.stale,
  el("label", {}, say("draft_question"), parts.question), long, parts.danger, parts.who, history,
  el("div", { class: "row" }, parts.analyse, parts.rest, parts.stop, parts.undo, parts.redo, parts.all),
  parts.progress, parts.after, parts.given, parts.lists.root, parts.trouble,
  el("div", { class: "row" }, parts.save, parts.clear, parts.discard), compare);
  return { ...parts, whole, compare };
};

// Undo outside a text field: within one the browser's own goes letter by letter.
const stepped = (event, push) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key !== "z" && key !== "y") return;
  event.preventDefault();
  const back = key === "z" && !event.shiftKey;
  if (at.keeper.view[back ? "undo" : "redo"]) push({ kind: back ? "undo" : "redo" });
};
document.addEventListener("keydown", (event) => {
  if (event.target === document.body && at?.whole.offsetParent && at.keeper.view) stepped(event, (change) => at.keeper.push(change));
});

const draw = () => {
  const { keeper } = at;
  if (!keeper.view || !at.whole.isConnected) return;
  const view = keeper.shown();
  const away = keeper.state !== "kept", writing = Boolean(keeper.asking || view.asking);
  const options = [["", say("draft_new_one")], ...(view.notes ?? []).map((one) => [one.note, `${say("note", { n: one.note })} · ${one.day}`])];
  if (JSON.stringify(options) !== at.options) {
    at.options = JSON.stringify(options);
    at.which.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
  }
  at.which.value = view.note;
  at.which.parentNode.hidden = options.length === 1;
  const newest = (view.notes ?? []).find((one) => one.note === view.note);
  at.stale.replaceChildren(newest && newest.version > view.base ? say("older_base") : "");
  put(at.question, view.question);
  if (document.activeElement !== at.day) at.day.value = view.day || today();
  const danger = JSON.stringify(view.crisis);
  if (danger !== at.dangerShown) {
    at.dangerShown = danger;
    at.danger.replaceChildren(...[crisis(view.crisis)].filter(Boolean));
  }
  at.lists.draw(view.items, { writing, away });
  const marked = view.items.some((one) => one.state === "generated" || one.state === "edited");
  const generated = view.items.some((one) => one.state === "generated");
  for (const [name, off] of Object.entries({
    analyse: writing || away, rest: writing || away || !generated, undo: away || !view.undo, redo: away || !view.redo,
    all: away || !marked, save: away || Boolean(keeper.saving), clear: away || !(view.items.length || view.question), discard: away || !view.version,
  })) at[name].disabled = off;
  at.clear.hidden = Boolean(view.note);
  at.discard.hidden = !view.note;
  at.stop.hidden = !writing;
  if (!writing) at.progress.replaceChildren();
  const asked = JSON.stringify(view.asked);
  if (asked !== at.askedShown) {
    at.askedShown = asked;
    at.given.hidden = !view.asked.model;
    at.given.replaceChildren(el("summary", {}, say("draft_given_title")), ...given(view.asked).filter(Boolean));
  }
  trouble(keeper);
};

const trouble = (keeper) => {
  if (at.troubled === keeper.state + keeper.why) return;
  at.troubled = keeper.state + keeper.why;
  const more = {
    kept: [],
    away: [el("p", { role: "alert" }, say("draft_away_now"))],
    locked: [el("p", { role: "alert" }, `${say("draft_locked")} `, el("a", { href: "/unlock", target: "_blank" }, say("unlock")))],
    elsewhere: [el("p", { role: "alert" }, say("draft_elsewhere")), el("button", { type: "button", onclick: () => yielded(keeper) }, say("draft_yield"))],
    refused: [el("p", { role: "alert" }, keeper.why)],
  }[keeper.state];
  at.trouble.replaceChildren(...more);
};

const yielded = async (keeper) => {
  try {
    const lost = await keeper.yielded();
    if (at.keeper !== keeper) return;
    // What could not be kept is still here to be copied.
    if (lost.length) at.after.replaceChildren(el("label", {}, say("draft_yielded"), el("textarea", { readonly: true, value: lost.join("\n\n") })));
    draw();
  } catch (error) {
    at.after.replaceChildren(problem(error));
  }
};

const told = async (keeper, past) => {
  past.replaceChildren(el("p", { class: "quiet" }, say("draft_opening")));
  try {
    const found = await ask("draft-history", { ...keeper.about, question: keeper.shown().question });
    const texts = found.parts.map((one) => el("section", {}, el("h3", {}, one.title), el("div", { class: "text" }, one.text)));
    past.replaceChildren(...texts,
      ...(found.left_out.length ? [el("p", { class: "quiet" }, say("draft_given_left", { n: numbers(found.left_out) }))] : []),
      ...(texts.length || found.left_out.length ? [] : [el("p", { class: "quiet" }, say("draft_no_history"))]));
  } catch (error) {
    past.replaceChildren(problem(error));
  }
};

// ---- asking
const analyse = async (what, item = "") => {
  const { keeper } = at;
  if (keeper.asking || keeper.view.asking) return;
  const mine = (go) => at.keeper === keeper && go();
  const job = crypto.randomUUID();
  keeper.asking = job;
  at.after.replaceChildren();
  const raw = el("div", { class: "text quiet" });
  const count = el("p", { class: "quiet" }, say("draft_writing"));
  at.progress.replaceChildren(count, el("details", {}, el("summary", {}, say("draft_raw")), raw));
  draw();
  try {
    await keeper.flush();
    let heard = "", items = 0;
    const answer = await stream("draft-ask", { ...keeper.about, what, item }, (line) => {
      if (line.who) mine(() => at.who.replaceChildren(who(line.who)));
      if (!line.heard) return;
      heard += line.heard;
      raw.textContent = heard;
      const found = heard.match(/"(?:[^"\\]|\\.)+"\s*[,\]]/g)?.length ?? 0;
      if (found !== items) count.textContent = say("draft_written", { n: items = found });
    }, job);
    keeper.asking = "";
    if (answer.draft) keeper.fresh({ ...answer.draft, asking: "" });
    mine(() => at.after.replaceChildren(...outcome(answer)));
  } catch (error) {
    keeper.asking = "";
    mine(() => at.after.replaceChildren(error.why === "stopped" ? el("p", { role: "status" }, say("draft_stopped")) : problem(error)));
    if (error.why === "away") look(keeper);
  }
  mine(draw);
};

const outcome = (answer) => {
  if (!answer.problem) return answer.draft ? [el("p", { class: "quiet", role: "status" }, say("draft_answered"))] : [];
  return [el("p", { role: "alert" }, answer.words),
    answer.said ? el("details", {}, el("summary", {}, say("draft_said")), el("div", { class: "text generated" }, answer.said)) : null].filter(Boolean);
};

// The page was loaded again while a model is writing, or its answer was lost on the way: the desk has it.
const look = async (keeper) => {
  for (let n = 0; n < 400 && at?.keeper === keeper && !keeper.asking; n += 1) {
    if (keeper.view.asking && !at.progress.children.length) at.progress.replaceChildren(el("p", { class: "quiet" }, say("draft_writing")));
    await new Promise((done) => setTimeout(done, 1200));
    const view = await post("draft-look", keeper.about).catch(() => null);
    if (!view) continue;
    keeper.fresh(view, keeper.queue.length === 0);
    keeper.view.asking = view.asking;
    if (!view.asking) break;
  }
  if (at?.keeper === keeper) draw();
};

const halt = async (keeper) => {
  const job = keeper.asking || keeper.view.asking;
  if (!job) return;
  await stop(job).catch((error) => at.after.replaceChildren(problem(error)));
};

// ---- saving
const save = async (keeper) => {
  const { root } = at;
  if (keeper.saving) return;
  keeper.saving = true;
  at.save.disabled = true;
  try {
    await keeper.flush();
    await halt(keeper);
    const { hand, draft_id } = keeper.view;
    const made = await ask("draft-save", { ...keeper.about, hand, draft_id, day: at.day.value });
    if (made.conflict) {
      keeper.fresh(made.draft);
      at.after.replaceChildren(el("p", { role: "alert" }, say("draft_conflict", { v: made.conflict.version })), difference(made.conflict));
      at.after.scrollIntoView({ block: "nearest" });
      return;
    }
    drop(keeper);
    refresh();
    if (at.keeper !== keeper) return;
    await show(root, keeper.client, "", "question");
    at.after.replaceChildren(el("p", { role: "status" }, say("saved", { n: made.note, v: made.version })));
    tell("", "kept");
  } catch (error) {
    if (at.keeper === keeper) at.after.replaceChildren(problem(error));
  } finally {
    keeper.saving = false;
    if (at.keeper === keeper) draw();
  }
};

const discard = (keeper) => {
  const sure = el("button", { type: "button", class: "danger", onclick: async () => {
    try {
      await keeper.flush().catch(() => {});
      await ask("draft-discard", { ...keeper.about, hand: keeper.view.hand });
      drop(keeper);
      await show(at.root, keeper.client, keeper.note, "which");
    } catch (error) {
      at.after.replaceChildren(problem(error));
    }
  } }, say("draft_discard_sure"));
  at.after.replaceChildren(el("p", { role: "status" }, say("draft_discard_ask")), sure);
  sure.focus();
};

export default {
  name: "draft",
  client: true,
  open(root, client_id) {
    if (at && at.root === root && at.keeper.client === client_id && at.keeper.queue.length) return draw();
    const note = at && at.keeper.client === client_id ? at.keeper.note : "";
    return show(root, client_id, note);
  },
};
