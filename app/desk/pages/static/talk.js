// Free conversation. What is shown of each file (a client's, or the counsellor's own) is kept here while the page
// lasts, so that an answer goes to the conversation that asked, whichever client is looked at meanwhile.
import { ask, crisis, el, generatedMark, language, page, problem, Problem, refresh, say, stop, stream, tell } from "./room.js";
import { keepPanel } from "./talk-keep.js";

const NOTHING = { talk: 0, version: 0, turns: [], last: {}, problem: "", crisis: null, note: null, going: null };
const states = new Map();
let at = "", wanted = true, box = null;

const now = () => states.get(wanted ? at : "");
const shown = (st) => st === now();

// ---- what the desk keeps

const take = (st, told) => {
  Object.assign(st, told);
  if (st.talk && !st.talks.some((one) => one.talk === st.talk)) {
    st.talks.unshift({ talk: st.talk, began: new Date().toISOString(), first: st.turns[0]?.text.slice(0, 40) ?? "", note: null });
  }
};
const load = async (st, talk, more = {}, headers = {}) => {
  const { typed, ...told } = await ask("talk-open", { client: st.client, talk, ...more }, { headers });
  st.typed = typed.version;
  // What was typed before the desk answered stands behind what was kept.
  if (!st.loaded) st.text = [typed.text, st.text].filter(Boolean).join("\n");
  st.loaded = true;
  take(st, told);
  if (told.gone) tell(say("talk_gone"), "refused");
  if (st.going && !st.live) follow(st);
};
/** An answer that another request of this session waits for: after a reload, for one. */
const follow = async (st) => {
  Object.assign(st, { live: true, job: st.going.job, heard: st.going.heard });
  while (st.going) {
    st.heard = st.going.heard;
    if (shown(st)) draw();
    await new Promise((done) => setTimeout(done, 700));
    // Nobody did anything: a model that writes for long keeps no session alive.
    await load(st, st.talk, {}, { "x-by-itself": "1" }).catch(() => {});
  }
  st.live = false;
  if (shown(st)) draw();
};
const reload = async (st) => {
  try {
    await load(st, st.talk, { new: Boolean(st.loaded && !st.talk) });
    Object.assign(st, { error: null, frozen: false });
  } catch (error) {
    st.error = error;
  }
  if (shown(st)) draw();
};

const keepTyped = async (st, last = false) => {
  if (st.dirty && !st.loaded && !st.loading) {
    st.loading = reload(st).finally(() => { st.loading = null; later(st, 3000); });
  }
  if (!st.dirty || st.frozen || !st.loaded || st.busy || (st.keeping && !last)) return;
  if (st.text.length > st.longest) return tell(say("why: turn too long"), "refused");
  st.dirty = false;
  st.sent = (st.sent ?? 0) + 1;
  const body = { client: st.client, talk: st.talk, text: st.text, typed: st.typed, tab: page, n: st.sent };
  const keeping = st.keeping = ask("talk-typed", body, last && st.text.length < 15000 ? { keepalive: true } : {});
  try {
    st.typed = (await keeping).typed;
    st.late = false;
    tell(`${say("draft_kept")} ${new Date().toLocaleTimeString(language)}`);
  } catch (error) {
    st.dirty = st.late = true;
    if (error.why === "conflict") Object.assign(st, { frozen: true, error: elsewhere() });
    else if (error.why === "away" || error.why === "ended") {
      tell(say(error.why === "away" ? "draft_away" : "draft_locked"), "away");
    } else tell(error.message, "refused");
    if (shown(st)) alerts(st);
  } finally {
    if (st.keeping === keeping) st.keeping = null;
  }
  if (st.dirty) later(st, st.late ? 3000 : 300);
};
const later = (st, ms) => {
  clearTimeout(st.timer);
  st.timer = setTimeout(() => keepTyped(st), ms);
};
const elsewhere = () => new Problem(say("talk_elsewhere"), "conflict");

// ---- saying and answering

const send = async () => {
  const st = now(), text = box.field.value;
  if (st.live) return tell(say("talk_still"), "kept");
  if (st.busy || !text.trim()) return;
  if (!st.loaded) await st.loading;
  if (!st.loaded || box.field.value !== text) return;
  st.busy = true;
  clearTimeout(st.timer);
  st.dirty = false;
  st.error = null;
  try {
    if (text.length > st.longest) throw new Problem(say("why: turn too long"), "turn too long");
    await st.keeping?.catch(() => {});
    const told = await ask("talk-say", { client: st.client, talk: st.talk, version: st.version, text, typed: st.typed });
    // What was typed while it was on its way stays.
    st.text = st.text.startsWith(text) ? st.text.slice(text.length).replace(/^\n/, "") : st.text;
    st.typed = 0;
    st.dirty = st.text !== "";
    if (shown(st)) box.field.value = st.text;
    take(st, told);
  } catch (error) {
    st.error = error.why === "conflict" ? elsewhere() : error;
    st.dirty = st.text.length <= st.longest;
    if (shown(st)) draw();
    return;
  } finally {
    st.busy = false;
    if (st.dirty) later(st, 300);
  }
  await answer(st);
};
const answer = async (st) => {
  Object.assign(st, { live: true, heard: "", job: crypto.randomUUID(), error: null, problem: "" });
  if (shown(st)) draw();
  const hear = (told) => {
    if (told.last) st.last = told.last;
    if (told.piece) st.heard += told.piece;
    if (!shown(st)) return;
    if (told.last) about(st);
    if (told.piece) grow(told.piece);
  };
  try {
    take(st, await stream("talk-answer", { client: st.client, talk: st.talk, version: st.version }, hear, st.job));
  } catch (error) {
    st.error = error.why === "stopped" ? null : error.why === "conflict" ? elsewhere() : error;
    // Kept as far as it came; or still on its way, where only the line was cut.
    st.live = false;
    await load(st, st.talk).catch((more) => { st.error ??= more; });
  }
  if (!st.going) st.live = false;
  if (shown(st)) draw();
};
const again = async (st) => {
  await reload(st);
  const last = st.turns.at(-1);
  if (!st.error && !st.going && last && (last.speaker === "counsellor" || last.state === "broken")) await answer(st);
};
const accept = async (st, place) => {
  try {
    take(st, await ask("talk-accept", { client: st.client, talk: st.talk, version: st.version, place }));
    st.error = null;
  } catch (error) {
    st.error = error.why === "conflict" ? elsewhere() : error;
  }
  if (!shown(st)) return;
  draw();
  box.log.children[place]?.focus();
};
const fresh = (st) => {
  Object.assign(st, NOTHING, { error: null, dirty: st.text !== "" });
  keepTyped(st);
  draw();
  box.field.focus();
};
const discard = async (st, button) => {
  if (button.dataset.sure !== "1") {
    button.dataset.sure = "1";
    button.textContent = say("talk_discard_sure");
    return;
  }
  try {
    await ask("talk-discard", { client: st.client, talk: st.talk, version: st.version });
    st.talks = st.talks.filter((one) => one.talk !== st.talk);
    tell(say("talk_discarded"));
    fresh(st);
  } catch (error) {
    st.error = error.why === "conflict" ? elsewhere() : error;
    draw();
  }
};

// ---- drawing

const low = () => box.log.scrollHeight - box.log.scrollTop - box.log.clientHeight < 60;
const down = () => { box.log.scrollTop = box.log.scrollHeight; };
const grow = (piece) => {
  const follows = low();
  box.live?.appendData(piece);
  box.wait?.remove();
  if (follows) down();
};
const turn = (st, one, place) => {
  const model = one.speaker === "model", open = model && one.state !== "accepted";
  return el("article", { class: `talk-turn ${one.speaker}${open ? " generated" : ""}`, tabindex: "-1" },
    el("h3", {}, say(model ? "talk_model" : "talk_you")),
    el("div", { class: "text" }, one.text),
    model && el("div", { class: "row" },
      open && generatedMark(),
      one.state === "broken" && el("span", { class: "generated-mark" }, say("talk_broken")),
      one.state === "accepted" && el("span", { class: "quiet" }, say("talk_accepted")),
      open && el("button", { type: "button", class: "bare", onclick: () => accept(st, place) }, say("talk_accept"))));
};
const living = (st) => {
  box.live = document.createTextNode(st.heard);
  box.wait = st.heard ? null : el("p", { class: "quiet" }, say("talk_waiting"));
  return el("article", { class: "talk-turn model generated", tabindex: "-1", "aria-busy": "true" },
    el("h3", {}, say("talk_model")), box.wait, el("div", { class: "text" }, box.live), generatedMark());
};
const given = (st) => {
  const told = st.last.given;
  if (!told?.given) return null;
  const range = (notes) => (notes.length > 1 ? `${notes[0]}–${notes.at(-1)}` : `${notes[0]}`);
  const parts = [
    told.info && say("talk_given_info"),
    ...told.given.map((one) => say(`talk_given_${one.how}`, { n: range(one.notes) })),
    told.library?.length && say("talk_given_library", { n: told.library.length }),
  ].filter(Boolean);
  const what = parts.length ? say("talk_given", { what: parts.join(say("comma")) }) : say("talk_given_nothing");
  const left = told.left_out.length ? say("talk_not_given", { n: told.left_out.join(say("comma")) }) : "";
  return el("p", { class: "quiet" }, what, left && el("br"), left);
};
const about = (st) => {
  const { named, adapter, why, left_out: left, lacking } = st.last;
  const model = adapter ? say("talk_adapter", { model: named }) : named ?? st.model;
  box.about.replaceChildren(
    el("p", { class: "quiet" }, say("talk_answers", { model })),
    ...[
      why && el("p", { class: "quiet" }, say(why === "elsewhere" ? "talk_why_elsewhere" : "talk_why_base")),
      given(st),
      left > 0 && el("p", { class: "quiet" }, say("talk_left_out", { n: left })),
      lacking?.length > 0 && el("p", { class: "quiet" }, say("talk_no_library")),
    ].filter(Boolean));
};
const alerts = (st) => {
  const last = st.turns.at(-1);
  const unanswered = !st.live && last && (last.speaker === "counsellor" || last.state === "broken");
  const conflict = st.error?.why === "conflict";
  box.alerts.replaceChildren(...[
    st.error && problem(st.error),
    !st.error && st.problem && el("p", { role: "alert" }, st.problem),
    el("div", { class: "row" },
      conflict && el("button", { type: "button", onclick: () => reload(st) }, say("talk_reload")),
      unanswered && !conflict && el("button", { type: "button", onclick: () => again(st) }, say("talk_again"))),
  ].filter(Boolean));
};
const banner = (st) => {
  const said = JSON.stringify([st.talk, st.crisis]);
  if (box.crisis.dataset.said === said) return; // it is read aloud once
  box.crisis.dataset.said = said;
  box.crisis.replaceChildren(...[crisis(st.crisis)].filter(Boolean));
};
const draw = () => {
  const st = now();
  if (!st || !box) return;
  const context = at && wanted;
  box.context.parentElement.hidden = !at;
  box.none.hidden = Boolean(context);
  const code = states.get(at)?.code || say("talk_keep_for");
  box.code.textContent = say("talk_context", { code });
  box.which.replaceChildren(
    el("option", { value: "0" }, say("talk_new")),
    ...st.talks.map((one) => el("option", { value: String(one.talk) },
      `${new Date(one.began).toLocaleDateString(language)} ${one.first}${one.note ? say("talk_as_note", { n: one.note }) : ""}`)));
  box.which.value = String(st.talk);
  box.which.disabled = box.fresh.disabled = st.live;
  const follows = low() || st.live;
  box.log.replaceChildren(...st.turns.map((one, place) => turn(st, one, place)));
  if (st.live) box.log.append(living(st));
  if (!st.turns.length && !st.live) box.log.append(el("p", { class: "quiet" }, say("talk_empty")));
  if (follows) down();
  if (box.field.value !== st.text) box.field.value = st.text;
  box.send.hidden = st.live;
  box.stop.hidden = !st.live;
  box.discard.hidden = box.keep.hidden = !st.talk || st.live;
  box.keep.textContent = st.note ? say("talk_keep_more", { n: st.note }) : say("talk_keep");
  box.discard.dataset.sure = "";
  box.discard.textContent = say("talk_discard");
  if (box.panelOf !== st || !st.talk || st.live) closePanel();
  about(st);
  banner(st);
  alerts(st);
};

// ---- keeping as a note

const closePanel = () => {
  box.panel.replaceChildren();
  box.panelOf = null;
};
const openPanel = () => {
  const st = now();
  box.panelOf = st;
  const close = () => { closePanel(); box.keep.focus(); };
  box.panel.replaceChildren(keepPanel(st, at, close, (told) => {
    if (told.moved) {
      states.delete(told.client);
      st.talks = st.talks.filter((one) => one.talk !== st.talk);
      fresh(st);
    } else {
      take(st, told);
      st.talks = st.talks.map((one) => (one.talk === st.talk ? { ...one, note: st.note } : one));
    }
    closePanel();
    if (shown(st)) draw();
    const more = told.moved ? say("talk_moved", { code: told.code }) : "";
    tell(`${say("talk_kept", { code: told.code, n: told.saved })} ${more}`);
    refresh();
  }));
  box.panel.querySelector("input, select")?.focus();
};

// ---- the room

const enter = async () => {
  const client = wanted ? at : "";
  if (!states.has(client)) {
    states.set(client, { client, ...NOTHING, text: "", typed: 0, talks: [], heard: "", model: "", code: "", longest: 50000 });
  }
  const st = states.get(client);
  draw();
  if (!st.loaded) await (st.loading ??= reload(st).finally(() => { st.loading = null; }));
};
const build = (root) => {
  box = {};
  box.context = el("input", { type: "checkbox", checked: true, onchange: () => { wanted = box.context.checked; enter(); } });
  box.code = el("span");
  box.none = el("p", { class: "quiet" }, say("talk_no_context"));
  box.which = el("select", { onchange: () => {
    const st = now(), talk = Number(box.which.value);
    if (talk) load(st, talk).then(() => { st.error = null; }, (error) => { st.error = error; }).then(draw);
    else fresh(st);
  } });
  box.fresh = el("button", { type: "button", onclick: () => fresh(now()) }, say("talk_new"));
  box.log = el("div", { class: "talk-log", role: "log", tabindex: "0", "aria-label": say("talk_log") });
  box.about = el("div", { class: "talk-about" });
  box.crisis = el("div");
  box.alerts = el("div");
  box.field = el("textarea", { rows: "3", "aria-describedby": "talk-hint", oninput: typing, onkeydown: (event) => {
    // An input method's own Enter chooses a word and sends nothing.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    send();
  } });
  box.send = el("button", { type: "button", class: "primary", onclick: () => { send(); box.field.focus(); } }, say("talk_send"));
  box.stop = el("button", { type: "button", hidden: true, onclick: () => {
    stop(now().job).catch((error) => tell(error.message, "refused"));
    box.field.focus();
  } }, say("talk_stop"));
  box.keep = el("button", { type: "button", id: "room-save", hidden: true, onclick: openPanel }, say("talk_keep"));
  box.discard = el("button", { type: "button", class: "bare", hidden: true, onclick: () => discard(now(), box.discard) }, say("talk_discard"));
  box.panel = el("div");
  root.replaceChildren(
    el("div", { class: "row talk-head" }, el("label", {}, say("talk_which"), box.which), box.fresh),
    el("label", { class: "talk-switch" }, box.context, box.code), box.none,
    box.log, box.about, box.crisis, box.alerts,
    el("label", {}, say("talk_field"), box.field),
    el("p", { class: "quiet", id: "talk-hint" }, say("talk_hint")),
    el("div", { class: "row" }, box.send, box.stop, box.keep, box.discard), box.panel);
};
const typing = () => {
  const st = now();
  // A field that grows with what is in it is laid out anew at every key.
  box.field.style.fieldSizing = box.field.value.length > 20000 ? "fixed" : "";
  st.text = box.field.value;
  st.dirty = true;
  later(st, 300);
};
const leaving = () => [...states.values()].map((st) => keepTyped(st, true));
addEventListener("pagehide", leaving);
addEventListener("desk-leaving", (event) => event.detail.push(...leaving()));
document.addEventListener("visibilitychange", () => document.hidden && leaving());
// A field that is not kept may be the only copy: what is empty, or on its way for good, holds nobody.
const held = (st) => (st.dirty || st.keeping || st.busy) && st.text.trim();
addEventListener("desk-leave", (event) => {
  if (![...states.values()].some(held)) return;
  event.preventDefault();
  tell(say("draft_locked"), "away");
});
addEventListener("beforeunload", (event) => {
  if ([...states.values()].some((st) => st.dirty && (st.text.length >= 15000 || st.late))) event.preventDefault();
});

// With a client or without: the room is shown for both, and opened again when another is chosen.
export default { name: "talk", client: null, open(root, client) {
  at = client;
  if (!box) build(root);
  enter();
} };
