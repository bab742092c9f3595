// The library: a question and the passages that answer it, a model's answer from these alone, and the documents.
import { ask, client, crisis, el, generatedMark, problem, say, stop, stream, tell } from "./room.js";

const parts = {};
let asked = null; // what the passages on the page answer, as the desk knows it
let turn = 0; // of questions: an answer to an older one is not drawn
let job = null;
let pouring = false;

const busy = (button, on) => button.toggleAttribute("disabled", on);
const words = (pieces) => pieces.map(([text, hit]) => (hit ? el("mark", {}, text) : text));
const plain = (pieces) => pieces.map(([text]) => text).join("");

// ---- opening: the first time after unlocking all is read
let opening = false;
const open = async () => {
  if (opening) return;
  opening = true;
  try {
    const told = await stream("library-open", {}, ({ read, of, left_s }) => {
      parts.state.textContent = say("library_preparing", { read, of })
        + (left_s === null ? "" : ` ${say("library_left", { s: Math.max(1, left_s) })}`);
    });
    shelf(told);
  } catch (error) {
    parts.state.replaceChildren(problem(error));
  } finally {
    opening = false;
  }
};
const shelf = ({ documents, notes }) => {
  const passages = documents.reduce((sum, one) => sum + one.passages, 0);
  parts.state.textContent = documents.length || notes
    ? say("library_holds", { documents: documents.length, passages, notes })
    : say("library_empty");
  parts.documents.replaceChildren(...documents.map(document_));
  parts.count.textContent = documents.length ? ` (${documents.length})` : "";
};

// ---- a question
const passage = (one) => {
  const before = el("span", { hidden: true }, ...words(one.before));
  const after = el("span", { hidden: true }, ...words(one.after));
  const folds = one.before.length + one.after.length > 0;
  const dots = [one.before, one.after].map((part) => part.length > 0 && el("span", { class: "quiet" }, "…"));
  const fold = folds && el("button", {
    type: "button", class: "bare", "aria-expanded": "false",
    onclick: () => {
      const open = before.hidden;
      for (const part of [before, after]) part.hidden = !open;
      for (const part of dots) if (part) part.hidden = open;
      fold.setAttribute("aria-expanded", String(open));
      fold.textContent = say(open ? "library_fold" : "library_unfold");
    },
  }, say("library_unfold"));
  const copy = el("button", {
    type: "button", class: "bare",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(say("library_citation", { where: one.where, words: plain(one.shown).trim() }));
        tell(say("library_copied"));
      } catch {
        tell(say("library_not_copied"), "refused");
      }
    },
  }, say("library_copy"));
  return el("li", { id: `library-passage-${one.number}`, tabindex: "-1" },
    el("h3", {}, el("span", { class: "quiet" }, `[${one.number}] `), one.where,
      one.case && el("span", { class: "quiet" }, ` · ${say("library_case")}`)),
    el("p", { class: "text" }, before, dots[0], ...words(one.shown), dots[1], after),
    el("div", { class: "row" }, fold, copy));
};
const find = async (event) => {
  event.preventDefault();
  const question = parts.question.value;
  if (!question.trim()) return parts.question.focus();
  const mine = ++turn;
  halt();
  asked = null;
  busy(parts.find, true);
  parts.found.setAttribute("aria-busy", "true");
  const slow = setTimeout(() => mine === turn && (parts.said.textContent = say("library_looking")), 300);
  try {
    const body = { question, cases: parts.cases.checked, client: client() };
    const told = await ask("library-ask", body);
    if (mine !== turn) return;
    asked = told.asked;
    const count = told.passages.length;
    parts.said.replaceChildren(
      count ? say("library_found", { n: count }) : say("library_nothing"),
      told.words_alone ? ` ${say("library_words_alone")}` : "");
    parts.banner.replaceChildren(...[crisis(told.crisis)].filter(Boolean));
    parts.found.replaceChildren(...told.passages.map(passage));
    parts.answered.replaceChildren();
    parts.ask.hidden = !count;
  } catch (error) {
    if (mine !== turn) return;
    parts.said.replaceChildren(problem(error));
  } finally {
    clearTimeout(slow);
    if (mine === turn) {
      busy(parts.find, false);
      parts.found.removeAttribute("aria-busy");
    }
  }
};

// ---- a model's answer from these passages
const cite = (number, there) => there
  ? el("a", {
    href: `#library-passage-${number}`,
    onclick: (event) => {
      event.preventDefault();
      const at = document.getElementById(`library-passage-${number}`);
      at?.scrollIntoView({ block: "center" });
      at?.focus({ preventScroll: true });
    },
  }, `[${number}]`)
  : el("span", { class: "library-no-passage", title: say("library_no_passage") }, `[${number}?]`);
const answer = async () => {
  if (job) return halt();
  const mine = turn, name = crypto.randomUUID();
  job = name;
  parts.answer.textContent = say("library_stop");
  const text = el("p", { class: "text" });
  const state = el("p", { class: "quiet", role: "status" }, say("library_answering"));
  parts.answered.replaceChildren(el("div", { class: "generated" }, generatedMark(), text), state);
  try {
    const told = await stream("library-answer", { asked }, ({ piece }) => text.append(piece), name);
    if (mine !== turn) return;
    text.replaceChildren(...told.pieces.map(([piece, number, there]) => (number ? cite(number, there) : piece)));
    if (!told.pieces.length) parts.answered.replaceChildren();
    else state.replaceChildren(say("library_by", { model: told.model }));
    const said = [...told.notes, told.words].filter(Boolean);
    if (said.length) parts.answered.append(el("div", { role: told.doubtful || told.words ? "alert" : "status" }, ...said.map((one) => el("p", {}, one))));
  } catch (error) {
    if (mine !== turn) return;
    state.replaceChildren(problem(error));
  } finally {
    if (job === name) {
      job = null;
      parts.answer.textContent = say("library_answer");
    }
  }
};
const halt = () => {
  if (job) stop(job).catch(() => {});
};

// ---- documents
const document_ = (one) => {
  const act = el("div", { class: "row" });
  const line = el("li", {},
    el("div", {}, el("strong", {}, one.title)),
    el("div", { class: "quiet" }, `${say(`library_kind_${one.kind}`)} · ${say("library_passages", { n: one.passages })}`),
    ...one.told.map((told) => el("div", { class: "quiet" }, told)),
    one.wrong && el("p", { role: "alert" }, one.wrong),
    act);
  const name = { "aria-label": `${say("library_remove")}: ${one.title}` };
  const first = el("button", { type: "button", class: "bare", ...name, onclick: () => sure() }, say("library_remove"));
  const sure = () => {
    const no = el("button", { type: "button", onclick: back }, say("cancel"));
    act.replaceChildren(
      el("span", {}, say("library_remove_sure")),
      el("button", { type: "button", class: "danger", ...name, onclick: remove }, say("library_remove")), no);
    no.focus();
  };
  const back = () => {
    act.replaceChildren(first);
    first.focus();
  };
  const remove = async () => {
    for (const button of act.querySelectorAll("button")) busy(button, true);
    try {
      await ask("library-remove", { document: one.id });
      tell(say("library_removed"));
      const next = line.nextElementSibling ?? line.previousElementSibling;
      line.remove();
      (next?.querySelector("button") ?? parts.files).focus();
      await open();
    } catch (error) {
      act.replaceChildren(first, problem(error));
    }
  };
  act.addEventListener("keydown", (event) => event.key === "Escape" && act.firstElementChild !== first && back());
  act.append(first);
  return line;
};
const pour = async (files) => {
  if (!files.length || pouring) return;
  pouring = true;
  parts.poured.replaceChildren();
  busy(parts.files, true);
  const done = [];
  for (const [n, file] of files.entries()) {
    const line = el("li", {}, el("strong", {}, file.name), " ", el("span", { class: "quiet" },
      say(files.length > 1 ? "library_reading_n" : "library_reading", { n: n + 1, of: files.length })));
    parts.poured.append(line);
    const told = (...what) => line.replaceChildren(el("strong", {}, file.name), ...what);
    try {
      if (file.size > 64 * 2 ** 20) throw Object.assign(new Error(), { plain: say("too_large") });
      const headers = { "x-given": encodeURIComponent(JSON.stringify({ name: file.name })) };
      const made = await ask("library-add", file, { headers });
      done.push(line);
      told(` ${say("library_added", { n: made.passages })}`, ...made.told.map((one) => el("div", { class: "quiet" }, one)));
    } catch (error) {
      told(error.plain ? el("p", { role: "alert" }, error.plain) : problem(error));
    }
  }
  busy(parts.files, false);
  parts.files.value = "";
  pouring = false;
  await open();
  for (const line of done) line.remove(); // it stands in the list now
  if (done.length) tell(say("library_poured", { n: done.length }));
  parts.files.focus();
};

// ---- the room
const draw = (root) => {
  parts.state = el("p", { class: "quiet", role: "status" });
  parts.question = el("input", { type: "text", id: "library-question", maxlength: 2000, autocomplete: "off", enterkeyhint: "search" });
  parts.cases = el("input", { type: "checkbox", checked: true });
  parts.find = el("button", { class: "primary" }, say("library_find"));
  parts.said = el("p", { role: "status" });
  parts.banner = el("div");
  parts.found = el("ol", { class: "library-found" });
  parts.answer = el("button", { type: "button", onclick: answer }, say("library_answer"));
  parts.ask = el("div", { class: "row", hidden: true }, parts.answer, el("span", { class: "quiet" }, say("library_answer_how")));
  parts.answered = el("div", { "aria-live": "polite" });
  parts.count = el("span", { class: "quiet" });
  parts.files = el("input", {
    type: "file", id: "library-files", multiple: true, accept: ".pdf,.docx,.md,.markdown,.txt,.csv",
    onchange: () => pour([...parts.files.files]),
  });
  parts.poured = el("ul", { class: "library-list", "aria-live": "polite" });
  parts.documents = el("ul", { class: "library-list library-documents" });
  const drop = el("div", { class: "library-drop" }, el("label", {}, say("library_add"), parts.files),
    el("p", { class: "quiet" }, say("library_add_how")));
  for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    pour([...event.dataTransfer.files]);
  });
  root.replaceChildren(
    parts.state,
    el("form", { onsubmit: find },
      el("label", {}, say("library_question"), parts.question),
      el("div", { class: "row" }, parts.find, el("label", { class: "library-check" }, parts.cases, el("span", {}, say("library_cases"))))),
    parts.said, parts.banner, parts.ask, parts.answered, parts.found,
    el("h2", {}, say("library_documents"), parts.count), drop, parts.poured, parts.documents);
};

export default {
  name: "library",
  client: false,
  open(root) {
    if (!root.firstChild) draw(root);
    open();
  },
};
