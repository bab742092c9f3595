// Drafts kept while somebody types, keys, the lock, and leaving when the session has ended. Nothing is stored here.
(() => {
  "use strict";
  const leave = () => location.replace("/unlock?ended=1");
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

  const said = {
    "zh-Hant": { kept: "草稿已存", elsewhere: "另一個視窗也在寫這則草稿，這裡沒有存。請先抄下這裡的字。", away: "還沒存到：連不上書桌，會再試。", refused: "沒有存成草稿。" },
    "zh-Hans": { kept: "草稿已存", elsewhere: "另一个窗口也在写这则草稿，这里没有保存。请先抄下这里的字。", away: "还没存到：连不上书桌，会再试。", refused: "没有存成草稿。" },
    en: { kept: "Draft kept", elsewhere: "Another window writes this draft too; it is not kept from here. Copy your words first.", away: "Not kept yet: the desk does not answer; trying again.", refused: "The draft was not kept." },
  }[document.documentElement.lang] ?? {};
  const note = document.createElement("p");
  note.id = "kept";
  note.setAttribute("role", "status");
  const tell = (key, at = "") => {
    if (!note.isConnected) document.body.append(note);
    note.textContent = `${said[key] ?? ""} ${at}`.trim();
    note.dataset.kind = key;
  };

  const BOXES = ["text", "date", "code", "demographics", "development", "mental_state", "physical", "social", "free"];
  const held = new Map(); // the version of each draft of this window, by what it is a draft of
  let waiting = null, timer = 0, busy = false;
  const box = (id) => document.querySelector(`#${id} textarea, #${id} input`);
  const gather = () => {
    const shown = JSON.parse(box("window")?.value || "{}");
    const key = [shown.client, shown.note, shown.form, shown.version].join("|");
    if (!held.has(key)) held.set(key, shown.draft ?? 0);
    const fields = Object.fromEntries(BOXES.map((id) => [id, box(id)?.value ?? ""]));
    return { key, shown, fields };
  };
  const send = async (last = false) => {
    if (!waiting || (busy && !last)) return;
    const { key, shown, fields } = waiting;
    const body = JSON.stringify({ window: JSON.stringify({ ...shown, draft: held.get(key) }), fields });
    const mine = waiting;
    busy = true;
    waiting = null;
    try {
      const answer = await fetch("/draft", { method: "POST", body, keepalive: last && body.length < 20000 });
      if (answer.status === 401) return leave();
      const { draft, why } = await answer.json();
      if (draft) held.set(key, draft);
      tell(draft ? "kept" : why === "done" ? "" : why, draft ? new Date().toLocaleTimeString() : "");
    } catch {
      waiting ??= mine;
      tell("away");
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

  const lock = async () => {
    clearTimeout(timer);
    await send(true);
    await fetch("/lock", { method: "POST", redirect: "manual" });
    location.replace("/unlock");
  };
  const field = (id) => document.querySelector(`#${id} input, #${id} textarea`);
  const press = (id) => {
    const button = document.getElementById(id);
    if (button && button.offsetParent) button.click();
  };
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("#lock")) lock();
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName ?? "");
    const act = {
      KeyN: () => press("new"),
      KeyT: () => field("text")?.focus(),
      KeyS: () => ["save", "create", "save_info"].forEach(press),
      KeyL: lock,
    }[event.code];
    if (event.altKey && !event.ctrlKey && act) {
      event.preventDefault();
      act();
    } else if (event.key === "/" && !typing && !event.isComposing) {
      event.preventDefault();
      field("search")?.focus();
    }
  });
})();
