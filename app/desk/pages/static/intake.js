// A text poured into a client's form: cut into passages, each put into a field by the model or by hand, and only then
// into gradio's boxes. The panel is ours and is kept inside gradio's form against its redraws.
import { Problem, ask, crisis, el, language, page, problem, say, stop, stream, tell } from "./room.js";

const FIELDS = ["demographic", "developmental", "mental", "physical", "social", "free"];
const box = (id) => document.querySelector(`#${id} textarea, #${id} input`);
const fresh = (client) => ({
  client, draft: 0, most: Infinity, passages: [], chosen: [], left: 0, sources: [], cut: null,
  known: new Map(), job: null, warned: false, kept: true, sending: 0, sent: 0, late: false, turn: Promise.resolve(),
});
let state = null, key = null, timer = 0;

// ---- the panel
const area = el("textarea", { id: "intake-text", rows: "4" });
const status = el("p", { id: "intake-status", role: "status", class: "quiet" });
const trouble = el("div"), danger = el("div");
const list = el("ol", { id: "intake-passages" });
const whole = el("div", { id: "intake-whole", class: "text", tabindex: "-1", hidden: true });
const button = (id, more, run) => el("button", { id, type: "button", ...more, onclick: run }, say(id.replace("-", "_")));
const sorting = button("intake-sort", { class: "primary" }, () => sort());
const cutting = button("intake-cut", {}, () => divide());
const stopping = button("intake-stop", { class: "danger" }, () => stop(state.job).catch(() => {}));
const dropping = button("intake-drop", { class: "bare" }, () => drop());
const putting = button("intake-put", { class: "primary" }, () => put());
const panel = el("details", { id: "intake", class: "room" },
  el("summary", {}, say("intake_title")),
  el("label", {}, say("intake_pour"), area),
  el("div", { class: "row" }, sorting, cutting, stopping, dropping),
  status, trouble, danger, list, el("div", { class: "row" }, putting));
const below = new Map(FIELDS.map((name) => [name, el("div", { class: "intake-sources", data: { field: name } })]));

const draw = () => {
  const { passages, chosen, job, left } = state;
  sorting.disabled = cutting.disabled = Boolean(job) || !area.value.trim();
  stopping.hidden = !job;
  dropping.hidden = !area.value.trim() || Boolean(job);
  putting.hidden = !passages.length;
  putting.disabled = Boolean(job);
  panel.setAttribute("aria-busy", String(Boolean(job)));
  for (const [n, item] of [...list.children].entries()) {
    const select = item.querySelector("select");
    if (select.value !== chosen[n]) select.value = chosen[n];
    item.toggleAttribute("data-unsorted", !chosen[n]);
  }
  const done = chosen.filter(Boolean).length, all = passages.length;
  if (!all) return;
  const said = job ? "intake_sorting" : !done ? "intake_hand" : done < all ? "intake_some" : "intake_done";
  const more = left ? ` ${say("intake_more", { most: all, left })}` : "";
  status.textContent = say(said, { done, all }) + more;
};
const show = () => {
  const options = () => [["", say("intake_unsorted")], ...FIELDS.map((name) => [name, say(name)])]
    .map(([value, name]) => el("option", { value }, name));
  list.replaceChildren(...state.passages.map((passage, n) => el("li", {},
    el("span", { class: "text" }, passage.text),
    el("select", { "aria-label": say("intake_field_of", { n: n + 1 }), onchange: choose(n), onkeydown: next(n) }, options()))));
  draw();
};
const choose = (n) => (event) => {
  state.chosen[n] = event.target.value;
  state.known.set(state.passages[n].text, event.target.value);
  draw();
  soon();
};
const next = (n) => (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  (list.children[n + 1]?.querySelector("select") ?? putting).focus();
};
const drawSources = () => {
  whole.hidden = true;
  for (const [name, place] of below) {
    place.replaceChildren(...state.sources.flatMap((source) => (source.fields[name] ?? []).map((one) => el("button", {
      type: "button", title: say("intake_whole"), onclick: (event) => reveal(source.text, one, event.currentTarget),
    }, el("small", {}, say("intake_place", { start: one.start + 1, end: one.end })), ` ${one.text}`))));
  }
};
// Where in the text a passage stands; Escape goes back to it.
const reveal = (text, { start, end }, from) => {
  const signs = Array.from(text), part = (a, b) => signs.slice(a, b).join("");
  const mark = el("mark", {}, part(start, end));
  whole.replaceChildren(part(0, start), mark, part(end));
  from.after(whole);
  whole.hidden = false;
  whole.focus({ preventScroll: true });
  whole.scrollTop = mark.offsetTop - whole.offsetTop - 40;
  whole.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    whole.hidden = true;
    from.focus();
  };
};
const failed = (mine, error) => {
  if (state !== mine) return;
  const told = error.why === "conflict" ? new Problem(say("intake_elsewhere"), "elsewhere") : error;
  trouble.replaceChildren(problem(told));
};
const clear = () => {
  state.passages = [];
  state.chosen = [];
  state.left = 0;
  state.cut = null;
  list.replaceChildren();
};

// ---- the draft. What changes it goes one after the other: each knows the version that the one before made.
const inTurn = (mine, work) => {
  const done = mine.turn.then(work);
  mine.turn = done.catch(() => {});
  return done;
};
const tooLong = () => {
  const n = area.value.length > state.most ? Array.from(area.value).length : 0;
  if (n <= state.most) return false;
  trouble.replaceChildren(problem(new Problem(say("intake_too_long", {
    most: state.most.toLocaleString(), n: n.toLocaleString(),
  }), "long")));
  return true;
};
const soon = () => {
  state.kept = false;
  clearTimeout(timer);
  timer = setTimeout(keep, 400);
};
const keep = (last = false) => {
  const mine = state;
  clearTimeout(timer);
  if (!mine || mine.kept || tooLong()) return;
  mine.kept = true;
  const text = area.value, chosen = mine.cut === text ? [...mine.chosen] : [];
  const n = ++mine.sent;
  const send = async () => {
    const told = await ask("intake-keep", { client: mine.client, draft: mine.draft, text, chosen, tab: page, n },
      { keepalive: last === true && text.length < 20000 });
    if (told.draft) mine.draft = told.draft;
    if (state !== mine) return;
    mine.late = told.why === "elsewhere";
    if (told.draft) tell(`${say("draft_kept")} ${new Date().toLocaleTimeString(language)}`);
    else if (mine.late) {
      mine.kept = false;
      tell(say("intake_elsewhere"), "elsewhere");
    } else if (text.trim()) {
      // The form was saved or given up elsewhere and its draft went; here the words still stand, so a new one begins.
      mine.draft = 0;
      mine.kept = false;
      timer = setTimeout(keep, 1500);
    }
  };
  mine.sending += 1;
  return (last === true ? send() : inTurn(mine, send)).catch((error) => {
    if (state !== mine) return;
    mine.kept = false;
    mine.late = true;
    const locked = error.why === "ended";
    tell(locked ? say("draft_locked") : say("intake_not_kept", { why: error.message }), "away");
    clearTimeout(timer);
    if (locked || error.why === "away") timer = setTimeout(keep, 3000);
  }).finally(() => { mine.sending -= 1; });
};
const unkept = () => state && (!state.kept || state.sending > 0) && area.value.trim() !== "";

// ---- what is done
const divide = async () => {
  const mine = state, text = area.value;
  trouble.replaceChildren();
  if (tooLong()) return false;
  try {
    const told = await ask("intake-cut", { client: mine.client, text });
    if (state !== mine || area.value !== text) return false;
    mine.passages = told.passages;
    mine.chosen = told.passages.map((passage) => mine.known.get(passage.text) ?? "");
    mine.left = told.left;
    mine.cut = text;
    danger.replaceChildren(...[crisis(told.crisis)].filter(Boolean));
    show();
    soon();
    return true;
  } catch (error) {
    failed(mine, error);
    return false;
  }
};
const sort = async () => {
  const mine = state;
  if (!(await divide())) return;
  const job = crypto.randomUUID(), here = () => state === mine && mine.job === job;
  mine.job = job;
  draw();
  stopping.focus();
  try {
    const asked = { client: mine.client, text: mine.cut, chosen: mine.chosen };
    const done = await stream("intake-sort", asked, (told) => {
      if (!here() || !told.sorted) return;
      for (const [n, field] of Object.entries(told.sorted)) {
        // What a person chose while the model was at it stays.
        mine.chosen[n] ||= field;
        mine.known.set(mine.passages[n].text, mine.chosen[n]);
      }
      draw();
      soon();
    }, job);
    if (here() && done.problem) failed(mine, new Problem(done.problem, "model"));
  } catch (error) {
    if (here()) failed(mine, error);
  } finally {
    if (here()) {
      mine.job = null;
      const held = document.activeElement === stopping || document.activeElement === document.body;
      draw();
      if (held) (list.querySelector("[data-unsorted] select") ?? putting).focus();
    }
  }
};
const put = () => {
  const mine = state, text = mine.cut, chosen = [...mine.chosen];
  clearTimeout(timer);
  trouble.replaceChildren();
  return inTurn(mine, async () => {
    const told = await ask("intake-put", { client: mine.client, draft: mine.draft, text, chosen });
    mine.draft = told.draft;
    if (state !== mine) return;
    for (const [name, words] of Object.entries(told.fields)) append(name, words);
    mine.sources = told.sources;
    clear();
    mine.kept = true;
    area.value = told.text;
    drawSources();
    draw();
    status.textContent = say("intake_put_done", { n: chosen.length });
    (told.text ? area : box(Object.keys(told.fields)[0]))?.focus();
  }).catch((error) => failed(mine, error));
};
// Behind what stands there; gradio and the draft of the form hear of it as if it were typed.
const append = (name, words) => {
  const field = box(name);
  const before = field.value;
  const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value").set;
  set.call(field, before && !before.endsWith("\n") ? `${before}\n${words}` : before + words);
  field.dispatchEvent(new Event("input", { bubbles: true }));
};
const drop = () => {
  area.value = "";
  clear();
  for (const place of [trouble, danger]) place.replaceChildren();
  status.textContent = "";
  draw();
  soon();
  area.focus();
};
area.addEventListener("input", () => {
  state.warned = false;
  trouble.replaceChildren();
  if (state.job) stop(state.job).catch(() => {});
  if (state.cut !== null) {
    clear();
    status.textContent = say("intake_changed");
  }
  draw();
  soon();
});

// ---- the form comes and goes
const open = async (client) => {
  const mine = state = fresh(client);
  area.value = status.textContent = "";
  for (const place of [trouble, danger, list]) place.replaceChildren();
  panel.open = false;
  drawSources();
  draw();
  await inTurn(mine, async () => {
    const told = await ask("intake-open", { client });
    Object.assign(mine, { draft: told.draft, most: told.most, sources: told.sources });
    if (state !== mine) return;
    drawSources();
    if (!told.text || area.value) return draw();
    area.value = told.text;
    panel.open = true;
    if (told.passages) {
      Object.assign(mine, { passages: told.passages, chosen: told.passages.map((one) => one.field), left: told.left, cut: told.text });
      for (const one of told.passages) if (one.field) mine.known.set(one.text, one.field);
      danger.replaceChildren(...[crisis(told.crisis)].filter(Boolean));
      show();
    }
    draw();
  }).catch((error) => failed(mine, error));
};
const follow = () => {
  const form = document.getElementById("form");
  let held = {};
  try {
    held = JSON.parse(box("window")?.value || "{}");
  } catch { /* gradio is drawing */ }
  const now = form && held.form ? held.client ?? "" : null;
  if (now !== key) {
    if (state?.job) stop(state.job).catch(() => {});
    clearTimeout(timer);
    key = now;
    state = null;
    if (now === null) panel.remove();
    else open(now);
  }
  if (now === null) return;
  if (form.firstElementChild !== panel) form.prepend(panel);
  for (const [name, place] of below) {
    const field = document.getElementById(name);
    if (field && field.nextElementSibling !== place) field.after(place);
  }
};
export const mount = () => {
  setInterval(follow, 150);
  addEventListener("pagehide", () => keep(true));
  addEventListener("desk-leave", (event) => {
    if (!unkept()) return;
    event.preventDefault();
    tell(say("draft_locked"), "away");
    if (!state.sending) soon();
  });
  addEventListener("beforeunload", (event) => {
    if (unkept() && state.late) event.preventDefault();
  });
  addEventListener("desk-leaving", (event) => event.detail.push(keep(true)));
  document.addEventListener("visibilitychange", () => document.hidden && keep(true));
  // Before anybody else hears of it: text that is in no field yet would go with the form's draft.
  addEventListener("click", (event) => {
    const done = event.target instanceof Element && event.target.closest("#create, #save_info, #cancel");
    if (!done || !state) return;
    if (area.value.trim() && !state.warned && done.id !== "cancel") {
      state.warned = true;
      event.stopImmediatePropagation();
      event.preventDefault();
      panel.open = true;
      failed(state, new Problem(say("intake_left_over"), "left"));
      area.focus();
    } else if (!state.kept) {
      clearTimeout(timer);
      timer = setTimeout(keep, 3000);
    }
  }, true);
};
