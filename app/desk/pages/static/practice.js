// Settings: steps for a crisis, how this desk is set up, its log, the check of it, another passphrase.
import { Problem, ask, el, language, problem, say, tell } from "./room.js";

const state = { version: 0, saved: "", oldest: 0, longest: Infinity };
const at = (iso) => new Date(iso).toLocaleString(language, {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
});
const known = (key, otherwise) => (say(key) === key ? otherwise : say(key));
const press = (key, run, more = {}) => el("button", { type: "button", onclick: run, ...more }, say(key));
/** Run something once at a time: its button waits, its trouble stands in `place`. */
const during = async (button, place, work) => {
  const had = document.activeElement === button;
  place.replaceChildren();
  button.disabled = true;
  try {
    return await work();
  } catch (error) {
    place.replaceChildren(problem(error));
    return null;
  } finally {
    button.disabled = false;
    if (had && document.activeElement === document.body) button.focus();
  }
};

// ---- the steps
const steps = el("textarea", { id: "practice-steps", rows: "7" });
const stepsSaid = el("div", { "aria-live": "polite" });
const theirs = el("div");
const saveSteps = press("practice_save", () => save(), { id: "room-save", class: "primary", title: "Alt+S" });
const save = () => during(saveSteps, stepsSaid, async () => {
  const text = steps.value;
  if (Array.from(text).length > state.longest) {
    throw new Problem(say("practice_steps_long", { most: state.longest.toLocaleString() }), "long");
  }
  const told = await ask("practice-steps", { steps: text, version: state.version });
  if (told.theirs) {
    state.version = told.theirs.version;
    theirs.replaceChildren(
      el("p", { role: "alert" }, say("practice_conflict", { v: told.theirs.version })),
      el("h3", {}, say("theirs")), el("div", { class: "text practice-theirs" }, told.theirs.steps));
    return;
  }
  theirs.replaceChildren();
  Object.assign(state, { version: told.version, saved: text });
  stepsSaid.replaceChildren(el("p", { class: "quiet" }, say("practice_saved", { v: told.version })));
  tell("");
});

// ---- how it is set up
const facts = el("dl", { class: "info" });
const drawState = (told) => {
  const { state: is, commands } = told;
  const where = is.problem ?? say(is.remote ? (is.allowed ? "practice_remote" : "practice_remote_not") : "practice_local");
  const rows = [
    ["practice_model", `${is.model}\n${where}`],
    ["practice_database", `${is.database}\n${is.where}`],
    ["practice_folder", is.home],
    ["practice_files", is.files],
    ["practice_languages", is.languages.join(say("comma"))],
  ];
  facts.replaceChildren(...rows.flatMap(([key, value]) => [el("dt", {}, say(key)), el("dd", { class: "text" }, value)]));
  backup.textContent = commands.backup;
  rotate.textContent = commands.rotate;
};
const backup = el("code", { class: "practice-command" }), rotate = el("code", { class: "practice-command" });

// ---- the log
const entries = el("ol", { class: "practice-log" });
const logSaid = el("div");
const moreLog = press("practice_more", () => readLog(), { class: "bare", hidden: true });
const about = (told) => [
  told.kind && (told.kind === "note" ? say("note", { n: told.record }) : known(`practice_kind_${told.kind}`, told.kind)),
  told.version && say("version", { v: told.version }),
  told.what && (told.what === "note" ? say("note", { n: told.note }) : known(`practice_what_${told.what.replaceAll(" ", "_")}`, told.what)),
  told.form,
  told.rows !== undefined && say("practice_rows", { n: told.rows }),
  told.older && say("practice_older"),
  told.new_counter && say("practice_new_counter"),
].filter(Boolean).join(" · ");
const entry = (one) => el("li", {},
  el("time", { datetime: one.at }, at(one.at)),
  el("span", {}, known(`practice_act_${one.action.replaceAll(" ", "_")}`, one.action)),
  el("span", { class: "quiet" }, [
    one.client === null ? "" : one.client || say("practice_gone"), about(one.about),
  ].filter(Boolean).join(" · ")));
const readLog = (anew = false) => during(moreLog, logSaid, async () => {
  const told = await ask("practice-log", { before: anew ? 0 : state.oldest });
  if (anew) entries.replaceChildren();
  const first = told.entries.length ? entries.children.length : -1;
  entries.append(...told.entries.map(entry));
  state.oldest = told.entries.at(-1)?.seq ?? 0;
  moreLog.hidden = !told.more;
  if (!anew && first >= 0) {
    entries.children[first].tabIndex = -1;
    entries.children[first].focus();
  }
});

// ---- the check
const checked = el("div", { "aria-live": "polite" });
const check = press("practice_verify", () => during(check, checked, async () => {
  checked.replaceChildren(el("p", { class: "quiet" }, say("practice_verifying")));
  const told = await ask("practice-verify");
  const counts = say("practice_looked", told);
  const odd = [
    told.counters_begun > 0 && say("practice_counters", { n: told.counters_begun }),
    told.older_accepted > 0 && say("practice_olders", { n: told.older_accepted }),
  ].filter(Boolean);
  checked.replaceChildren(
    told.wrong.length
      ? el("div", { role: "alert" }, el("p", {}, say("practice_wrong", { n: told.wrong.length })), el("ul", {}, told.wrong.map((one) => el("li", {}, one))))
      : el("p", { class: "practice-good" }, say("practice_good")),
    el("p", { class: "quiet" }, [counts, ...odd].join(" ")));
}));

// ---- another passphrase
const secret = (id, complete) => el("input", { id, type: "password", autocomplete: complete });
const old = secret("practice-old", "current-password"), fresh = secret("practice-new", "new-password");
const again = secret("practice-again", "new-password");
const oldKey = el("input", { type: "file", "aria-label": say("key_file") });
const newKey = el("input", { type: "file", "aria-label": say("key_file") });
const renewed = el("div", { "aria-live": "polite" });
const file = (input) => el("details", {}, el("summary", {}, say("key_file")), input);
const oldFile = file(oldKey);
const code = el("div");
const bytes = async (input) => {
  const held = input.files[0];
  if (!held) return "";
  if (held.size > 8192) throw new Problem(say("bad_key"), "key");
  return btoa(String.fromCharCode(...new Uint8Array(await held.arrayBuffer())));
};
const renew = press("practice_renew", undefined, { type: "submit", class: "primary" });
const change = () => during(renew, renewed, async () => {
  const told = await ask("practice-passphrase", {
    old: old.value, new: fresh.value, again: again.value, old_key: await bytes(oldKey), new_key: await bytes(newKey),
  });
  for (const input of [old, fresh, again, oldKey, newKey]) input.value = "";
  const shown = el("p", { class: "practice-code", tabindex: "-1" }, told.code);
  code.replaceChildren(
    el("p", {}, say("practice_renewed", { n: told.ended })), el("p", {}, say("recovery")), shown,
    press("practice_noted", () => {
      code.replaceChildren();
      renew.focus();
    }));
  shown.focus();
});
const form = el("form", { onsubmit: (event) => { event.preventDefault(); change(); } },
  el("label", {}, say("practice_old"), old), oldFile,
  el("label", {}, say("passphrase_new"), fresh), el("label", {}, say("again"), again),
  el("p", { class: "quiet" }, say("at_least")), file(newKey),
  el("div", { class: "row" }, renew), renewed, code);

const build = (root) => root.append(
  el("h2", {}, say("practice_steps")), el("p", { class: "quiet" }, say("practice_steps_why")),
  el("label", { for: "practice-steps" }, say("practice_steps_label")), steps,
  el("div", { class: "row" }, saveSteps), stepsSaid, theirs,
  el("h2", {}, say("practice_state")), facts,
  el("h2", {}, say("practice_backup")), el("p", {}, say("practice_backup_how")), backup,
  el("h2", {}, say("practice_check")), el("p", { class: "quiet" }, say("practice_check_why")),
  el("div", { class: "row" }, check), checked,
  el("h2", {}, say("practice_log")), el("p", { class: "quiet" }, say("practice_log_why")), entries, logSaid, moreLog,
  el("h2", {}, say("practice_passphrase")), el("p", { class: "quiet" }, say("practice_passphrase_why")), form,
  el("h2", {}, say("practice_rotate")), el("p", {}, say("practice_rotate_how")), rotate);

const open = async (root) => {
  if (!root.childElementCount) build(root);
  readLog(true);
  try {
    const told = await ask("practice-open");
    drawState(told);
    state.longest = told.longest;
    oldFile.open = told.opened_by === "file";
    // What is being written stays; saving it tells of what another window saved meanwhile.
    if (steps.value === state.saved) {
      Object.assign(state, { version: told.version, saved: told.steps });
      steps.value = told.steps;
    }
  } catch (error) {
    stepsSaid.replaceChildren(problem(error));
  }
};

export default { name: "practice", client: false, open };
