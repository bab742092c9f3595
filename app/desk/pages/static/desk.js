// The frame: drafts kept while somebody types, rooms, keys, the lock, and leaving when the session has ended.
// Nothing is stored in the browser.
import { mount } from "./intake.js";
import { client, counsellor, el, language, leave, page, say, tell } from "./room.js";

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
    const told = await (await fetch("/session", { cache: "no-store" })).json();
    if (!told.open || (counsellor && told.counsellor !== counsellor)) leave();
  } catch {
    // The server is away for a moment: what is on the page may be the only copy of what was typed.
  }
};
setInterval(ask, 15000);
document.addEventListener("visibilitychange", () => document.hidden || ask());
addEventListener("pageshow", (event) => event.persisted && ask());

// ---- drafts of notes and forms
const BOXES = ["text", "date", "code", "demographic", "developmental", "mental", "physical", "social", "free"];
const SAID = { kept: "draft_kept", elsewhere: "elsewhere", away: "draft_away", locked: "draft_locked", refused: "draft_refused" };
const AGAIN = 3000; // milliseconds until a desk that was away or locked is tried again
const seen = new Map(); // of each draft of this window: what its frame said, and the version that the desk told since
const unkept = new Map(); // what was typed and the desk has not said to have, by what it is a draft of
let timer = 0, busy = false, sent = 0, stuck = false;
const field = (id) => document.querySelector(`#${id} textarea, #${id} input`);
const told = (key) => {
  const now = key === "kept" ? ` ${new Date().toLocaleTimeString(language)}` : "";
  tell(key ? `${say(SAID[key] ?? "draft_refused")}${now}` : "", key === "locked" ? "away" : key);
};
const raw = () => field("window")?.value || "{}";
const gather = () => {
  const text = raw(), window = JSON.parse(text);
  const key = [window.client, window.note, window.form, window.version, window.id].join("|");
  // Drawn anew, the frame knows of what other windows did meanwhile.
  if (seen.get(key)?.text !== text) seen.set(key, { text, draft: window.draft ?? 0 });
  const fields = Object.fromEntries(BOXES.map((id) => [id, field(id)?.value ?? ""]));
  return { key, text, window, fields, anew: unkept.get(key)?.anew ?? false };
};
const later = (ms) => {
  clearTimeout(timer);
  timer = setTimeout(send, ms);
};
// Words stay in `unkept` until the desk has them; what was typed over meanwhile is sent in its turn.
const done = (mine) => unkept.get(mine.key) === mine && unkept.delete(mine.key);
const heard = (mine, { draft, why }) => {
  if (draft) seen.get(mine.key).draft = draft;
  if (draft || why === "done") {
    done(mine);
    return draft ? "kept" : "";
  }
  // Drawn anew, the frame shows these words no more: they were saved here, or are said to be elsewhere's.
  if (["gone", "elsewhere"].includes(why) && mine.text !== raw()) done(mine);
  if (why !== "gone") return why;
  const left = unkept.get(mine.key);
  if (left) left.anew = true;
  return "";
};
// A save that succeeded draws the frame anew; one that met another's version leaves a form's words where they were.
const saved = (mine) => {
  if (!mine.saving || mine.text === raw()) return false;
  done(mine);
  const now = gather();
  if (now.window.form && now.window.client === mine.window.client && !unkept.has(now.key)) unkept.set(now.key, now);
  return true;
};
const post = async (mine, last) => {
  const window = JSON.stringify({ ...mine.window, draft: seen.get(mine.key).draft });
  const body = JSON.stringify({ window, fields: mine.fields, tab: page, n: ++sent, anew: mine.anew || last });
  const headers = { "x-counsellor": counsellor };
  const answer = await fetch("/draft", { method: "POST", body, headers, keepalive: last && body.length < 20000 });
  return answer.status === 401 ? { why: "locked" } : answer.json();
};
const send = async (last = false) => {
  if (!unkept.size || (busy && last !== true)) return;
  clearTimeout(timer);
  busy = true;
  let wait = 0;
  for (const mine of [...unkept.values()]) {
    if (saved(mine) || mine.elsewhere) continue;
    const why = await post(mine, last === true).then((answer) => heard(mine, answer), () => "away");
    told(why);
    stuck = !["kept", ""].includes(why);
    mine.elsewhere = why === "elsewhere";
    if (stuck) wait = AGAIN;
    else if (mine.anew && unkept.has(mine.key)) wait ||= 1000;
  }
  busy = false;
  if ([...unkept.values()].some((one) => !one.elsewhere)) later(wait || 100);
};
document.addEventListener("input", (event) => {
  const inside = event.target instanceof Element && event.target.closest(BOXES.map((id) => `#${id}`).join());
  if (!inside) return;
  const mine = gather();
  unkept.set(mine.key, mine);
  later(250);
}, true);
addEventListener("pagehide", () => send(true));
document.addEventListener("visibilitychange", () => document.hidden && send(true));
addEventListener("desk-leave", (event) => {
  if (!unkept.size) return;
  event.preventDefault();
  told("locked");
  if (!busy) later(AGAIN);
});
addEventListener("beforeunload", (event) => {
  if (unkept.size && (stuck || JSON.stringify([...unkept.values()]).length >= 20000)) event.preventDefault();
});
// What is about to be saved needs no draft any more once it is: the desk says so then.
document.addEventListener("click", (event) => {
  const pressed = event.target instanceof Element && event.target.closest("#save, #create, #save_info, #cancel");
  if (!pressed) return;
  if (pressed.id === "cancel") unkept.delete(gather().key);
  for (const mine of unkept.values()) mine.saving = true;
  if (unkept.size) later(1500);
}, true);

// ---- keys and the lock
const lock = async () => {
  clearTimeout(timer);
  await send(true);
  // Rooms put what they still send into `detail`; a desk that does not answer keeps nobody from locking.
  const leaving = new CustomEvent("desk-leaving", { detail: [] });
  dispatchEvent(leaving);
  await Promise.race([Promise.allSettled(leaving.detail), new Promise((over) => setTimeout(over, 5000))]);
  try {
    await fetch("/lock", { method: "POST", redirect: "manual" });
  } catch {
    return told("away");
  }
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
