// The frame: drafts kept while somebody types, rooms, keys, the lock, and leaving when the session has ended.
// Nothing is stored in the browser.
import { mount } from "./intake.js";
import { client, el, language, leave, say, tell } from "./room.js";

// ---- rooms: each { name, client, open(root, client_id) }, its title under "room_NAME". `frame` is gradio's.
const rooms = [];
let shown = "frame", opened = null;
const bar = el("nav", { id: "bar", role: "tablist", "aria-label": say("rooms") });
const roots = new Map();
const choose = el("p", { class: "quiet" }, say("choose"));

const show = (name) => {
  shown = name;
  opened = null;
  history.replaceState(null, "", name === "frame" ? location.pathname : `#${name}`);
  follow();
};
const follow = () => {
  // gradio names the browser's language there, not the page's.
  if (document.documentElement.lang !== language) document.documentElement.lang = language;
  const right = document.getElementById("right");
  const frame = document.getElementById("frame");
  if (!right || !frame) return;
  if (bar.parentNode !== right || right.firstElementChild !== bar) right.prepend(bar);
  for (const root of [choose, ...roots.values()]) if (root.parentNode !== right) right.append(root);
  const at = client();
  const room = rooms.find((one) => one.name === shown);
  const lacking = Boolean(room?.client) && !at;
  frame.hidden = shown !== "frame";
  choose.hidden = !lacking;
  for (const [name, root] of roots) root.hidden = name !== shown || lacking;
  for (const tab of bar.children) tab.setAttribute("aria-selected", String(tab.dataset.room === shown));
  const key = `${shown}|${room?.client === false ? "" : at}`;
  if (!room || lacking || key === opened) return;
  opened = key;
  room.open(roots.get(shown), at);
};
const enter = (room) => {
  rooms.push(room);
  roots.set(room.name, el("section", { class: "room", id: `room-${room.name}`, hidden: true }));
};
const draw = () => {
  const names = ["frame", ...rooms.map((room) => room.name)];
  bar.replaceChildren(...names.map((name, n) => el("button", {
    role: "tab", type: "button", data: { room: name }, title: `Alt+${n + 1}`, onclick: () => show(name),
  }, say(`room_${name}`))));
  const wanted = location.hash.slice(1);
  if (names.includes(wanted)) shown = wanted;
};
const ROOMS = ["draft", "talk", "library", "training", "files", "practice"];
for (const name of ROOMS) enter((await import(`./${name}.js`)).default);
draw();
follow();
mount();
setInterval(follow, 150);
document.addEventListener("click", (event) => {
  // Whoever asks for another client's form or notes in the frame wants to see it.
  if (event.target instanceof Element && event.target.closest("#new, #edit_info")) show("frame");
}, true);

// ---- the session
const ask = async () => {
  try {
    const answer = await fetch("/session", { cache: "no-store" });
    if (!(await answer.json()).open) leave();
  } catch {
    // The server is away for a moment: what is on the page may be the only copy of what was typed.
  }
};
setInterval(ask, 15000);
document.addEventListener("visibilitychange", () => document.hidden || ask());
addEventListener("pageshow", (event) => event.persisted && ask());

// ---- drafts of notes and forms
const BOXES = ["text", "date", "code", "demographic", "developmental", "mental", "physical", "social", "free"];
const SAID = { kept: "draft_kept", elsewhere: "elsewhere", away: "draft_away", refused: "draft_refused" };
const held = new Map(); // the version of each draft of this window, by what it is a draft of
let waiting = null, timer = 0, busy = false;
const field = (id) => document.querySelector(`#${id} textarea, #${id} input`);
const told = (key) => tell(key ? `${say(SAID[key] ?? "draft_refused")}${key === "kept" ? ` ${new Date().toLocaleTimeString(language)}` : ""}` : "", key);
const gather = () => {
  const window = JSON.parse(field("window")?.value || "{}");
  const key = [window.client, window.note, window.form, window.version].join("|");
  if (!held.has(key)) held.set(key, window.draft ?? 0);
  const fields = Object.fromEntries(BOXES.map((id) => [id, field(id)?.value ?? ""]));
  return { key, window, fields };
};
const send = async (last = false) => {
  if (!waiting || (busy && !last)) return;
  const { key, window, fields } = waiting;
  const body = JSON.stringify({ window: JSON.stringify({ ...window, draft: held.get(key) }), fields });
  const mine = waiting;
  busy = true;
  waiting = null;
  try {
    const answer = await fetch("/draft", { method: "POST", body, keepalive: last && body.length < 20000 });
    if (answer.status === 401) return leave();
    const { draft, why } = await answer.json();
    if (draft) held.set(key, draft);
    told(draft ? "kept" : why === "done" ? "" : why);
  } catch {
    waiting ??= mine;
    told("away");
    setTimeout(send, 3000);
    return;
  } finally {
    busy = false;
  }
  if (waiting) send();
};
document.addEventListener("input", (event) => {
  const inside = event.target instanceof Element && event.target.closest(BOXES.map((id) => `#${id}`).join());
  if (!inside) return;
  waiting = gather();
  clearTimeout(timer);
  timer = setTimeout(send, 250);
}, true);
addEventListener("pagehide", () => send(true));
document.addEventListener("visibilitychange", () => document.hidden && send(true));
addEventListener("beforeunload", (event) => {
  if (waiting && JSON.stringify(waiting).length >= 20000) event.preventDefault();
});
// What is about to be saved needs no draft any more.
document.addEventListener("click", (event) => {
  const done = event.target instanceof Element && event.target.closest("#save, #create, #save_info, #cancel");
  if (!done) return;
  clearTimeout(timer);
  waiting = null;
  held.clear();
}, true);

// ---- keys and the lock
const lock = async () => {
  clearTimeout(timer);
  await send(true);
  // Rooms put what they still send into `detail`; a desk that does not answer keeps nobody from locking.
  const leaving = new CustomEvent("desk-leaving", { detail: [] });
  dispatchEvent(leaving);
  await Promise.race([Promise.allSettled(leaving.detail), new Promise((over) => setTimeout(over, 5000))]);
  await fetch("/lock", { method: "POST", redirect: "manual" });
  location.replace("/unlock");
};
const press = (id) => {
  // Each room has a button to save; the one that is seen is meant.
  [...document.querySelectorAll(`#${id}`)].find((button) => button.offsetParent)?.click();
};
document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("#lock")) lock();
});
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName ?? "");
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
  const act = {
    KeyN: () => press("new"),
    KeyT: () => { show("frame"); field("text")?.focus(); },
    KeyS: () => ["save", "create", "save_info", "room-save"].forEach(press),
    KeyL: lock,
  }[event.code] ?? (digit && bar.children[digit - 1] ? () => bar.children[digit - 1].click() : null);
  if (event.altKey && !event.ctrlKey && act) {
    event.preventDefault();
    act();
  } else if (event.key === "/" && !typing && !event.isComposing) {
    event.preventDefault();
    field("search")?.focus();
  }
});
