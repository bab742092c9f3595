// The items of a draft, part by part. A field that is typed in keeps its place, its words and its cursor.
import { el, generatedMark, say } from "./room.js";

export const PARTS = ["symptom", "reason", "advice"];

/** Put words into a field unless they are there; a cursor stays where it was. */
export const put = (field, text) => {
  if (field.value === text) return;
  const [start, end] = [field.selectionStart, field.selectionEnd];
  field.value = text;
  if (document.activeElement === field) field.setSelectionRange(Math.min(start, text.length), Math.min(end, text.length));
};

/** `act`: { push(change), pause(), regenerate(id), longest() }. Gives { root, draw(items, busy, frozen) }. */
export const itemLists = (act) => {
  const nodes = new Map();
  let wanted = null; // what gets the focus once it is there
  const lists = Object.fromEntries(PARTS.map((part) => [part, el("ol", { class: "items", data: { part } })]));
  const adders = Object.fromEntries(PARTS.map((part) => [part, el("button", {
    type: "button", class: "bare", data: { add: part },
    onclick: () => { wanted = { part, before: new Set(nodes.keys()) }; act.push({ kind: "add", part, text: "" }); },
  }, say("draft_add"))]));
  const root = el("div", { class: "parts" }, PARTS.map((part) =>
    el("section", { "aria-label": say(`draft_${part}`) }, el("h3", {}, say(`draft_${part}`)), lists[part], adders[part])));

  const siblings = (id) => [...nodes.get(id).row.parentNode.children].map((row) => row.dataset.id);
  const move = (id, by) => {
    const order = siblings(id);
    const place = order.indexOf(id) + by;
    if (place < 0 || place >= order.length) return;
    act.push({ kind: "move", item: id, place });
  };
  const remove = (id) => {
    const order = siblings(id);
    const at = order.indexOf(id);
    wanted = { item: order[at + 1] ?? order[at - 1], part: nodes.get(id).part };
    act.push({ kind: "remove", item: id });
  };
  const accept = (id) => act.push({ kind: "accept", item: id });

  const made = (id, part) => {
    const typed = (kind, name) => (event) => {
      const value = event.target.value;
      node.long.hidden = value.length <= act.longest();
      if (!node.long.hidden) return;
      const more = kind === "comment" ? { text: node.text.value } : {};
      act.push({ kind, item: id, part, ...more, [name]: value });
    };
    const text = el("textarea", { rows: 1, oninput: typed("edit", "text"), onblur: act.pause, onkeydown: (event) => keys(event, id) });
    const comment = el("textarea", { rows: 1, oninput: typed("comment", "comment"), onblur: act.pause, onkeydown: (event) => {
      if (event.key !== "Escape" || event.isComposing) return;
      node.open = false;
      text.focus();
      commentShown(node);
    } });
    const button = (key, go, more = {}) => el("button", { type: "button", class: "bare", onclick: go, ...more }, say(key));
    const node = {
      part, text, comment, open: false,
      long: el("p", { role: "alert", hidden: true }, say("draft_long", { n: act.longest() })),
      mark: el("span", { class: "item-state" }),
      label: el("label", { class: "item-comment", hidden: true }, say("draft_comment"), comment),
      accept: button("draft_accept", () => accept(id)),
      up: button("draft_up", () => move(id, -1), { title: "Alt+↑" }),
      down: button("draft_down", () => move(id, 1), { title: "Alt+↓" }),
      note: button("draft_comment_do", () => { node.open = true; commentShown(node); comment.focus(); }),
      again: button("draft_again", () => act.regenerate(id)),
      remove: button("draft_remove", () => remove(id)),
    };
    node.row = el("li", { data: { id } }, node.mark, text, node.long, node.label,
      el("div", { class: "row tools" }, node.accept, node.up, node.down, node.note, node.again, node.remove));
    nodes.set(id, node);
    return node;
  };
  const commentShown = (node) => {
    node.label.hidden = !(node.open || node.comment.value.trim() || document.activeElement === node.comment);
    node.note.hidden = !node.label.hidden;
  };
  const keys = (event, id) => {
    if (event.altKey && !event.ctrlKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      move(id, event.key === "ArrowUp" ? -1 : 1);
    } else if (event.ctrlKey && event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      accept(id);
    }
  };

  const ordered = (list, rows) => {
    if (list.children.length === rows.length && rows.every((row, n) => list.children[n] === row)) return;
    const focused = document.activeElement;
    const inside = list.contains(focused);
    const cursor = inside && focused.tagName === "TEXTAREA" ? [focused.selectionStart, focused.selectionEnd] : null;
    list.replaceChildren(...rows);
    if (!inside || !focused.isConnected) return;
    focused.focus({ preventScroll: true });
    if (cursor) focused.setSelectionRange(...cursor);
  };

  const draw = (items, { writing = false, away = false } = {}) => {
    const there = new Set(items.map((one) => one.id));
    for (const id of nodes.keys()) {
      if (there.has(id)) continue;
      if (nodes.get(id).row.contains(document.activeElement)) wanted ??= { part: nodes.get(id).part };
      nodes.delete(id);
    }
    for (const part of PARTS) {
      const mine = items.filter((one) => one.part === part);
      const rows = mine.map((one, n) => {
        const node = nodes.get(one.id) ?? made(one.id, part);
        const marked = one.state === "generated" || one.state === "edited";
        const name = `${say(`draft_${part}`)} ${n + 1}`;
        node.text.setAttribute("aria-label", `${name}${marked ? `, ${say("generated_mark")}` : ""}`);
        put(node.text, one.text);
        put(node.comment, one.comment);
        commentShown(node);
        node.row.classList.toggle("generated", marked);
        if (node.state !== one.state) {
          node.mark.replaceChildren(one.state === "generated" ? generatedMark()
            : el("span", { class: marked ? "generated-mark" : "quiet" }, say(`draft_is_${one.state}`)));
          node.state = one.state;
        }
        const had = document.activeElement === node.accept;
        node.accept.hidden = !marked;
        if (had && !marked) wanted = { accept: one.id };
        for (const key of ["accept", "up", "down", "again", "remove"]) {
          node[key].disabled = away || (key === "again" && writing);
          node[key].setAttribute("aria-label", `${node[key].textContent}: ${name}`);
        }
        node.up.disabled ||= n === 0 && document.activeElement !== node.up;
        node.down.disabled ||= n === mine.length - 1 && document.activeElement !== node.down;
        return node.row;
      });
      ordered(lists[part], rows);
      adders[part].disabled = away;
    }
    focusWanted(items);
  };
  const focusWanted = (items) => {
    if (!wanted) return;
    if (wanted.before) {
      const fresh = items.find((one) => one.part === wanted.part && !wanted.before.has(one.id));
      if (!fresh) return;
      nodes.get(fresh.id).text.focus();
    } else if (wanted.accept) {
      const next = items.slice(items.findIndex((one) => one.id === wanted.accept) + 1)
        .find((one) => !nodes.get(one.id).accept.hidden);
      (next ? nodes.get(next.id).accept : nodes.get(wanted.accept).text).focus();
    } else if (wanted.item && nodes.has(wanted.item)) {
      nodes.get(wanted.item).text.focus();
    } else {
      adders[wanted.part].focus();
    }
    wanted = null;
  };
  return { root, draw };
};
