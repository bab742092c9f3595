// A conversation is kept as a note: on which day, and of which client where none is at hand.
import { ask, el, problem, say } from "./room.js";

const today = () => {
  const now = new Date();
  return new Date(now - now.getTimezoneOffset() * 60000).toISOString().slice(0, 10);
};

/**
 * The fields. `done` hears what the desk told; `close` is called when it is not to be kept.
 * A conversation of a client is kept with him; `at` is who is looked at, chosen first where there is none.
 */
export const keepPanel = (st, at, close, done) => {
  const date = el("input", { type: "date", value: today(), required: true });
  const which = el("select", { required: true });
  const more = el("p", { class: "quiet", role: "status" });
  const alerts = el("div");
  const list = async (query) => {
    try {
      const told = await ask("talk-clients", { query });
      which.replaceChildren(...told.clients.map((one) => el("option", { value: one.client }, one.code)));
      if (told.clients.some((one) => one.client === at)) which.value = at;
      more.textContent = told.more ? say("talk_keep_more_clients", { n: told.more }) : told.clients.length ? "" : say("talk_keep_none");
    } catch (error) {
      alerts.replaceChildren(problem(error));
    }
  };
  const find = el("input", { type: "text", autocomplete: "off", oninput: () => list(find.value) });
  const keep = async (event) => {
    event.preventDefault();
    const wanted = st.client || which.value;
    go.disabled = true;
    try {
      const body = { client: st.client, talk: st.talk, version: st.version, for: wanted, date: date.value };
      done({ ...await ask("talk-keep", body), client: wanted });
    } catch (error) {
      alerts.replaceChildren(problem(error));
    } finally {
      go.disabled = false;
    }
  };
  const go = el("button", { type: "submit", class: "primary" }, say("talk_keep_do"));
  if (!st.client) list("");
  return el("form", {
    class: "talk-keep", onsubmit: keep,
    onkeydown: (event) => { if (event.key === "Escape") { event.stopPropagation(); close(); } },
  },
    el("label", {}, say("talk_keep_date"), date),
    !st.client && el("label", {}, say("talk_keep_find"), find),
    !st.client && el("label", {}, say("talk_keep_for"), which), !st.client && more,
    alerts,
    el("div", { class: "row" }, go, el("button", { type: "button", class: "bare", onclick: close }, say("cancel"))));
};
