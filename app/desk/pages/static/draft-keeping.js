// A draft as this window holds it: what the desk has kept, and the changes that are on their way there.
// Nothing typed is let go of before the desk has said that it is kept; a change that is sent again is not done again.
import { Problem, counsellor, language, say, tell } from "./room.js";

const WINDOW = crypto.randomUUID();
const TYPED = ["question", "edit", "comment"];
const KEEPALIVE = 20000; // characters that a browser surely sends while it leaves
const all = new Set();

/** Ask an address of the desk without leaving the page where the session has ended: its words may be the only copy. */
export const post = async (path, body, more = {}) => {
  let answer;
  try {
    const headers = { "x-language": language, "x-counsellor": counsellor };
    answer = await fetch(`/room/${path}`, { method: "POST", body: JSON.stringify(body), headers, ...more });
  } catch {
    throw new Problem(say("away"), "away");
  }
  if (answer.status === 401) throw new Problem(say("draft_locked"), "ended");
  if (answer.status === 413) throw new Problem(say("too_large"), "large");
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok || told.error) throw new Problem(told.error ?? say("failed", { what: answer.status }), told.why);
  return told;
};

export class Keeper {
  constructor(client, note, draw) {
    Object.assign(this, { client, note, draw, view: null, queue: [], next: 1, state: "kept", why: "", last: null });
    this.timer = 0;
    this.sending = null;
    all.add(this);
  }

  get about() {
    return { client: this.client, note: this.note, window: WINDOW };
  }

  /** Read the draft as the desk has it; what is on its way there stays on top of it. */
  async load() {
    const view = await post("draft-open", this.about);
    this.fresh(view, this.queue.length === 0);
    return this;
  }

  /** Take over what the desk says, unless something newer was said before. */
  fresh(view, hold = true) {
    const old = this.view;
    if (old && old.draft_id === view.draft_id && view.version < old.version) return;
    this.view = { ...old, ...view };
    if (!hold && old) this.view.hand = old.hand;
    this.next = Math.max(this.next, view.seen + 1);
    this.queue = this.queue.filter((one) => one.n > view.seen);
    this.draw(this);
  }

  /** The draft with the words that are on their way. */
  shown() {
    const view = this.view;
    const items = new Map(view.items.map((one) => [one.id, { ...one }]));
    let { question, day } = view;
    for (const one of this.queue) {
      const item = items.get(one.item);
      if (one.kind === "question") question = one.text;
      else if (one.kind === "day") day = one.text;
      else if (one.kind === "edit" && item) item.text = one.text;
      else if (one.kind === "comment" && item) item.comment = one.comment;
    }
    return { ...view, question, day, items: [...items.values()] };
  }

  /** A change of a person's, on its way from now on. */
  push(change) {
    const typed = TYPED.includes(change.kind);
    const what = typed ? `${change.kind} ${change.item ?? ""}` : "";
    const now = Date.now();
    const more = typed && this.last?.what === what && now - this.last.at < 3000;
    this.last = typed ? { what, at: now } : null;
    const before = this.queue.at(-1);
    if (before && !before.sent && typed && before.kind === change.kind && before.item === change.item) {
      Object.assign(before, change);
    } else {
      this.queue.push({ ...change, more, n: this.next++ });
    }
    if (this.state === "elsewhere") return;
    clearTimeout(this.timer);
    const length = String(change.text ?? change.comment ?? "").length;
    this.timer = setTimeout(() => this.tried(), typed ? 250 + Math.min(length / 100, 1500) : 0);
  }

  /** The field was left: what is typed next is a step of its own. */
  pause() {
    this.last = null;
    if (this.queue.length && this.state === "kept") this.tried();
  }

  /** Send, and tell on the page where that failed. */
  tried() {
    return this.send().catch(() => {});
  }

  send(last = false) {
    if (!this.queue.length || !this.view || this.state === "elsewhere") return Promise.resolve();
    if (last) return this.leave();
    this.sending ??= this.sent().finally(() => {
      this.sending = null;
      if (this.queue.length && this.state === "kept") this.timer = setTimeout(() => this.tried(), 100);
    });
    return this.sending;
  }

  async sent() {
    clearTimeout(this.timer);
    const changes = this.body();
    try {
      const view = await post("draft-keep", { ...this.about, hand: this.view.hand, changes });
      this.now("kept");
      this.fresh(view);
    } catch (error) {
      this.failed(error);
      throw error;
    }
  }

  /** The page goes: what is short enough is sent even so. */
  async leave() {
    const body = { ...this.about, hand: this.view.hand, changes: this.body() };
    const keepalive = JSON.stringify(body).length < KEEPALIVE;
    await post("draft-keep", body, { keepalive }).then((view) => this.fresh(view), () => {});
  }

  body() {
    for (const one of this.queue) one.sent = true;
    return this.queue.map(({ sent, ...one }) => one);
  }

  failed(error) {
    const state = { away: "away", ended: "locked", conflict: "elsewhere" }[error.why] ?? "refused";
    this.now(state, error.message);
    clearTimeout(this.timer);
    if (state === "away" || state === "locked") this.timer = setTimeout(() => this.tried(), 2500);
  }

  now(state, why = "") {
    const told = state === "kept" ? "kept" : state === "locked" ? "away" : state;
    const words = {
      kept: `${say("draft_kept")} ${new Date().toLocaleTimeString(language)}`, away: say("draft_away"), locked: say("draft_locked"),
      elsewhere: say("draft_elsewhere"), refused: say("draft_refused"),
    }[state];
    tell(words, told);
    if (state === this.state && why === this.why) return;
    Object.assign(this, { state, why });
    if (this.view) this.draw(this);
  }

  /** All that was typed so far is kept when this resolves. */
  async flush() {
    while (this.queue.length) {
      if (this.state === "elsewhere") throw new Problem(say("draft_elsewhere"), "conflict");
      await this.send();
    }
  }

  /** Give up what was not kept, and show what there is; the words that were given up. */
  async yielded() {
    const lost = this.queue.map((one) => one.comment ?? one.text ?? "").filter((text) => text.trim());
    this.queue = [];
    this.view = null;
    Object.assign(this, { state: "kept", why: "", last: null });
    await this.load();
    return lost;
  }

  close() {
    clearTimeout(this.timer);
    all.delete(this);
  }
}

const sendAll = () => [...all].map((one) => one.send(true));
addEventListener("pagehide", sendAll);
addEventListener("desk-leaving", (event) => event.detail.push(...sendAll()));
addEventListener("desk-leave", (event) => [...all].some((one) => one.queue.length) && event.preventDefault());
document.addEventListener("visibilitychange", () => document.hidden && sendAll());
addEventListener("beforeunload", (event) => {
  const stuck = (one) => one.queue.length && (one.state !== "kept" || JSON.stringify(one.queue).length >= KEEPALIVE);
  if ([...all].some(stuck)) event.preventDefault();
});
