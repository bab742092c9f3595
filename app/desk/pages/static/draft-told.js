// What a page tells of a draft: who answers, what a model was given, how two versions differ.
import { ask, el, problem, say } from "./room.js";

const WHY = {
  elsewhere: "draft_why_elsewhere",
  "consent was taken back": "draft_why_consent",
  "the adapter was trained on another base": "draft_why_base",
};

export const who = (told) => [
  say(told.adapter ? "draft_who_adapter" : "draft_who", { model: told.model }), told.why && say(WHY[told.why] ?? "draft_why_base"),
].filter(Boolean).join(" ");

/** Numbers of notes as a person writes them: 1–3, 7. */
export const numbers = (found) => {
  const sorted = [...new Set(found)].sort((a, b) => a - b);
  const runs = [];
  for (const n of sorted) {
    const run = runs.at(-1);
    if (run && run[1] === n - 1) run[1] = n;
    else runs.push([n, n]);
  }
  return runs.map(([a, b]) => (a === b ? `${a}` : `${a}–${b}`)).join(say("comma"));
};

/** What the model was given when it was asked last. */
export const given = (asked) => {
  if (!asked?.model) return [];
  const parts = asked.given ?? {};
  const lines = [who(asked)];
  const how = (name) => numbers((parts.given ?? []).filter((one) => one.how === name).flatMap((one) => one.notes));
  const read = ["whole", "cut", "passage", "summary"].filter(how).map((name) => say(`draft_given_${name}`, { n: how(name) }));
  if (parts.info) read.unshift(say("info"));
  lines.push(read.length ? say("draft_given", { what: read.join(say("comma")) }) : say("draft_given_nothing"));
  if (parts.left_out?.length) lines.push(say("draft_given_left", { n: numbers(parts.left_out) }));
  for (const flag of asked.flags ?? []) lines.push(say(`draft_flag_${flag}`));
  const cited = asked.cited ?? [];
  return [
    ...lines.map((line) => el("p", {}, line)),
    cited.length ? el("p", {}, say("draft_cited")) : null,
    cited.length ? el("ul", {}, cited.map((one) => el("li", {}, one.where))) : null,
  ];
};

const piece = ([kind, text]) => (kind === "same" ? text
  : el(kind === "old" ? "del" : "ins", { "aria-label": `${say(kind === "old" ? "draft_old" : "draft_new")}: ${text}` }, text));

/** Two versions, every difference said in words too. */
export const difference = ({ question, items }) => {
  const changed = items.filter((one) => one.what !== "same" || one.moved);
  const state = (name) => (name ? say(`draft_is_${name}`) : "");
  const line = (one) => el("li", {},
    el("p", { class: "quiet" }, [say(`draft_${one.part}`), one.what !== "same" && say(`draft_was_${one.what}`), one.moved && say("draft_was_moved"),
      one.states[0] && one.states[1] && one.states[0] !== one.states[1] && `${state(one.states[0])} → ${state(one.states[1])}`]
      .filter(Boolean).join(" · ")),
    el("div", { class: "text" }, one.pieces.map(piece)),
    one.comments[0] !== one.comments[1] && one.what === "changed"
      ? el("p", { class: "quiet text" }, `${say("draft_comment")}: `, el("del", {}, one.comments[0]), " ", el("ins", {}, one.comments[1])) : null);
  return el("div", { class: "difference" },
    question.some(([kind]) => kind !== "same") ? el("div", { class: "text" }, el("p", { class: "quiet" }, say("draft_question")), question.map(piece)) : null,
    changed.length ? el("ol", {}, changed.map(line)) : null,
    el("p", { class: "quiet" }, changed.length || question.some(([kind]) => kind !== "same")
      ? say("draft_same_items", { n: items.length - changed.length }) : say("draft_no_difference")));
};

/** The folded part in which versions are compared; `about` says of which draft, `ready` waits until all is kept. */
export const comparing = (about, ready) => {
  const choice = el("select", { onchange: () => show() });
  const out = el("div", { "aria-live": "polite" });
  const option = (value, text) => el("option", { value }, text);
  const list = async () => {
    try {
      await ready();
      const found = await ask("draft-versions", about());
      choice.replaceChildren(
        ...found.versions.map((one) => option(`version ${one.version}`, say("draft_version", { v: one.version, day: one.day, n: one.items }))),
        ...found.steps.map((one) => option(`back ${one.back}`, say("draft_back", { back: one.back, n: one.items }))));
      label.hidden = choice.options.length === 0;
      if (label.hidden) out.replaceChildren(el("p", { class: "quiet" }, say("draft_no_versions")));
      else await show();
    } catch (error) {
      out.replaceChildren(problem(error));
    }
  };
  const show = async () => {
    const [kind, number] = choice.value.split(" ");
    try {
      out.replaceChildren(difference(await ask("draft-compare", { ...about(), [kind]: Number(number) })));
    } catch (error) {
      out.replaceChildren(problem(error));
    }
  };
  const label = el("label", {}, say("draft_compare_with"), choice);
  const root = el("details", { ontoggle: () => root.open && list() }, el("summary", {}, say("draft_compare")), label, out);
  return root;
};
