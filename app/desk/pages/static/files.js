// What goes out of a client's file and what is put beside it; consents, the corpus, the log, and erasing.
import { ask, el, language, problem, refresh, say, tell } from "./room.js";

const LARGEST = 64 * 2 ** 20;
const when = (at) => (at ? new Date(at).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" }) : "");
const bytes = (n) => (n < 1000 ? `${n} B` : n < 1e6 ? `${(n / 1e3).toFixed(0)} KB` : `${(n / 1e6).toFixed(1)} MB`);
const status = () => el("p", { role: "status", class: "quiet files-status" });
const put = (place, ...what) => place.replaceChildren(...what);

let shown = ""; // the client whose room this is
let told = false; // whether the sentence on encryption was read since the page was loaded
const typed = new Map(); // how somebody consented, half written, by client

/** Do something while its button waits; what fails is said beside it. The focus stays where it was. */
const doing = async (button, place, work, waiting) => {
  const before = document.activeElement;
  button.disabled = true;
  put(place, waiting ?? "");
  try {
    put(place, (await work()) ?? "");
  } catch (error) {
    put(place, problem(error));
  } finally {
    button.disabled = false;
    if (before?.isConnected && (document.activeElement === document.body || !document.activeElement)) before.focus();
  }
};

/** Say once that what goes out is not encrypted any more; go on when somebody has read it. */
const outward = (place, go) => {
  if (told) return go();
  const back = document.activeElement;
  const away = () => { put(place); back?.focus(); };
  const yes = el("button", { type: "button", class: "primary", onclick: () => { told = true; away(); go(); } }, say("files_understood"));
  const box = el("div", { class: "files-asked", role: "alertdialog", "aria-label": say("files_export"),
    onkeydown: (event) => event.key === "Escape" && away() },
    el("p", {}, say("files_open_words")),
    el("div", { class: "row" }, yes, el("button", { type: "button", onclick: away }, say("files_not_now"))));
  put(place, box);
  yes.focus();
};

/** Have a file made and give it to the browser; `tab` where it is shown as a page instead. */
const fetched = async (path, body, tab) => {
  let made;
  try {
    made = await ask(path, body);
  } catch (error) {
    tab?.close();
    throw error;
  }
  if (tab) tab.location.replace(made.address);
  else save(made.address, made.name);
  return tab ? "" : say("files_made", { name: made.name, size: bytes(made.size) });
};
const save = (address, name) => {
  const link = el("a", { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
};

// ---- export
const exporting = (at, notes) => {
  const asked = el("div"), place = status();
  const what = el("select", {}, el("option", { value: "" }, say("files_whole")),
    notes.map((note) => el("option", { value: note.n }, say("files_note", note))));
  const go = (form) => (event) => outward(asked, () => {
    const tab = form === "html" ? open("", "_blank") : null;
    if (form === "html" && !tab) return put(place, el("p", { role: "alert" }, say("files_blocked")));
    const what_ = form === "archive" ? "archive" : what.value ? "note" : "file";
    const order = { client: at, what: what_, note: what.value, form: form === "archive" ? "" : form };
    return doing(event.target, place, () => fetched("files-make", order, tab), say("files_making"));
  });
  const button = (form, label, kind = "") => el("button", { type: "button", class: kind, data: { form }, onclick: go(form) }, say(label));
  const archive = button("archive", "files_archive");
  what.addEventListener("change", () => { archive.hidden = what.value !== ""; });
  return el("section", {}, el("h2", {}, say("files_export")),
    el("label", {}, say("files_what"), what),
    el("div", { class: "row" }, button("html", "files_print", "primary"), button("pdf", "files_pdf"), button("docx", "files_docx"),
      button("markdown", "files_markdown"), archive),
    asked, place,
    el("p", { class: "quiet" }, say("files_print_how")));
};

// ---- attachments
const attachments = (at, first) => {
  const asked = el("div"), place = status(), list = el("ul", { class: "files-list" });
  const file = el("input", { type: "file", multiple: true });
  const row = (one) => {
    const take = el("button", { type: "button", "aria-label": `${say("files_download")} ${one.name}` }, say("files_download"));
    take.addEventListener("click", () => outward(asked, () =>
      doing(take, place, () => fetched("files-make", { client: at, what: "attachment", attachment: one.id }), say("files_making"))));
    const out = el("button", { type: "button" });
    const named = (key, kind) => {
      out.textContent = say(key);
      out.className = kind;
      out.setAttribute("aria-label", `${say(key)} ${one.name}`);
    };
    const calm = () => { delete out.dataset.sure; named("files_remove", "bare"); };
    out.addEventListener("click", () => {
      if (!out.dataset.sure) {
        out.dataset.sure = "1";
        return named("files_remove_sure", "danger");
      }
      doing(out, place, async () => {
        draw((await ask("files-remove", { client: at, attachment: one.id })).attached);
        file.focus();
        return say("files_removed", { name: one.name });
      });
    });
    calm();
    out.addEventListener("blur", calm);
    out.addEventListener("keydown", (event) => event.key === "Escape" && calm());
    return el("li", {}, el("span", { class: "text" }, one.name), el("span", { class: "quiet" }, `${bytes(one.size)}　${when(one.at)}`),
      el("span", { class: "row" }, take, out));
  };
  const draw = (there) => put(list, ...(there.length ? there.map(row) : [el("li", { class: "quiet" }, say("files_none"))]));
  draw(first);
  file.addEventListener("change", () => doing(file, place, async () => {
    const faults = [];
    let added = 0;
    for (const one of file.files) {
      const name = (one.name.toWellFormed?.() ?? one.name).slice(0, 200);
      if (one.size > LARGEST) {
        faults.push(el("p", { role: "alert" }, say("files_too_large", { name })));
        continue;
      }
      put(place, say("files_adding", { name }));
      try {
        const body = new Blob([await one.arrayBuffer()]); // read first: of a folder nothing can be
        draw((await ask("attach", body, { headers: { "x-given": encodeURIComponent(JSON.stringify({ client: at, name })) } })).attached);
        added += 1;
      } catch (error) {
        faults.push(error instanceof DOMException ? el("p", { role: "alert" }, say("files_unreadable", { name })) : problem(error));
      }
    }
    file.value = "";
    return el("span", {}, added ? say("files_added", { n: added }) : "", faults);
  }));
  return el("section", {}, el("h2", {}, say("files_attachments")), list, asked,
    el("label", {}, say("files_add"), file), place, el("p", { class: "quiet" }, say("files_limits")));
};

// ---- consents
const consents = (at, first) => {
  const list = el("ul", { class: "files-list" }), place = status();
  const how = el("input", { maxlength: 2000, value: typed.get(at) ?? "", oninput: () => typed.set(at, how.value) });
  const button = el("button", { type: "button" });
  let given = false;
  const draw = (there) => {
    given = there.some((one) => one.use === "corpus" && one.given);
    put(list, ...there.map((one) => el("li", { data: { use: one.use } },
      el("span", {}, ["training", "corpus"].includes(one.use) ? say(`files_use_${one.use}`) : one.use),
      el("strong", {}, say(one.given ? "files_given" : one.there ? "files_withdrawn" : "files_not_asked")),
      el("span", { class: "quiet text" }, [one.how, when(one.at)].filter(Boolean).join("　")),
      one.use === "training" && el("span", { class: "quiet" }, say("files_training_where")))));
    button.textContent = say(given ? "files_take_back" : "files_record");
  };
  const record = () => doing(button, place, async () => {
    draw((await ask("files-consent", { client: at, given: !given, how: how.value })).consents);
    how.value = "";
    typed.delete(at);
    return say("files_recorded");
  });
  button.addEventListener("click", record);
  how.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && record());
  draw(first);
  return el("section", {}, el("h2", {}, say("files_consents")), list, el("label", {}, say("files_how"), how), el("div", { class: "row" }, button), place);
};

// ---- the corpus
const corpus = () => {
  const asked = el("div"), place = status(), seen = el("div");
  const look = el("button", { type: "button" }, say("files_corpus_look"));
  const line = (one) => el("blockquote", { class: "text" }, el("strong", {}, one.question), "\n", one.answer);
  const draw = (made) => {
    let read = made.lines.length;
    const lines = el("div", {}, made.lines.map(line));
    const count = el("span", { class: "quiet" });
    const more = el("button", { type: "button" }, say("files_corpus_more"));
    const counted = () => {
      count.textContent = say("files_corpus_read", { n: read, notes: made.notes });
      more.hidden = read >= made.notes;
    };
    more.addEventListener("click", () => doing(more, place, async () => {
      const next = (await ask("files-corpus-lines", { digest: made.digest, from: read })).lines;
      lines.append(...next.map(line));
      read += next.length;
      counted();
    }));
    const take = el("button", { type: "button", class: "primary" }, say("files_corpus_download"));
    take.addEventListener("click", () => outward(asked, () =>
      doing(take, place, () => fetched("files-corpus-make", { digest: made.digest }), say("files_making"))));
    counted();
    put(seen, el("p", {}, el("strong", {}, say("files_corpus_count", made))),
      el("p", {}, say("files_corpus_replaced", { what: made.replaced.join(say("comma")) || say("files_nothing") })),
      ...(made.left_out.length ? [el("p", {}, say("files_corpus_left")), el("ul", {}, made.left_out.map((one) => el("li", {}, one)))] : []),
      lines, ...(made.notes ? [el("div", { class: "row" }, count, more), asked,
        el("div", { class: "row" }, take, el("span", { class: "quiet" }, say("files_corpus_for")))] : []));
  };
  look.addEventListener("click", () => doing(look, place, async () => draw(await ask("files-corpus")), say("files_corpus_looking")));
  return el("section", {}, el("h2", {}, say("files_corpus")), el("p", { class: "quiet" }, say("files_corpus_what")),
    el("div", { class: "row" }, look), seen, place);
};

// ---- the log
const log = (at) => {
  const list = el("ol", { class: "files-log" }), place = status();
  const more = el("button", { type: "button", hidden: true }, say("files_log_more"));
  let before = 0;
  const read = async () => {
    const found = await ask("files-log", { client: at, before });
    if (!before) put(list);
    list.append(...found.entries.map((one) => el("li", {}, el("time", { datetime: one.at }, when(one.at)), one.text)));
    before = found.entries.at(-1)?.seq ?? 0;
    more.hidden = !found.more;
  };
  more.addEventListener("click", () => doing(more, place, read));
  return el("details", { ontoggle: (event) => {
    if (!event.target.open) return;
    before = 0;
    doing(more, place, read);
  } }, el("summary", {}, say("files_log")), list, el("div", { class: "row" }, more), place);
};

// ---- the end
const how = (done) => done.text ?? [done.left && say("files_erased_left", { files: done.left }),
  done.unfinished && say("files_erased_unfinished", { why: done.unfinished })].filter(Boolean).join(" ");
const certificate = (at, code, done) => {
  const place = status(), text = how(done), title = say(done.text ? "files_erased" : "files_unfinished");
  const close = el("button", { type: "button", onclick: () => box.close() }, say("files_close"));
  const keep = el("button", { type: "button", class: "primary", onclick: () => {
    const address = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
    save(address, done.name);
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  } }, say("files_cert_save"));
  const again = el("button", { type: "button", class: "primary", onclick: () => doing(again, place, async () => {
    const next = await ask("files-erase", { client: at, code });
    box.close();
    certificate(at, code, next);
  }, say("files_erasing")) }, say("files_again"));
  const box = el("dialog", { class: "room files-certificate", "aria-label": title },
    el("h2", {}, title), el("p", { class: "text" }, text), el("div", { class: "row" }, done.text ? keep : again, close), place);
  box.addEventListener("close", () => { box.remove(); document.querySelector("#search textarea, #search input")?.focus(); });
  document.body.append(box);
  box.showModal();
};
const erase = (at, code) => {
  const place = status();
  const field = el("input", { autocomplete: "off", oninput: () => { go.disabled = field.value.trim() !== code; } });
  const run = () => doing(go, place, async () => {
    const done = await ask("files-erase", { client: at, code: field.value });
    typed.delete(at);
    refresh();
    certificate(at, field.value.trim(), done);
    tell(say(done.text ? "files_erased" : "files_unfinished"));
  }, say("files_erasing"));
  const go = el("button", { type: "button", class: "danger", disabled: true, onclick: run }, say("files_erase_do"));
  field.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && !go.disabled && run());
  return el("details", { class: "files-erase" }, el("summary", {}, say("files_erase")),
    el("p", {}, say("files_erase_what")), el("p", {}, say("files_erase_reach")),
    el("label", {}, say("files_erase_code"), field), el("div", { class: "row" }, go), place);
};

/** Erasures that were begun and have no certificate: whatever kept them from their end, they can go on here. */
const unfinished = (n) => {
  const place = status();
  const go = el("button", { type: "button", onclick: () => doing(go, place, async () => {
    const done = await ask("files-finish");
    if (how(done)) return how(done);
    go.remove();
    return say("files_finished");
  }, say("files_erasing")) }, say("files_again"));
  return el("section", { class: "files-asked files-unfinished" }, el("p", {}, say("files_unfinished_what", { n })),
    el("div", { class: "row" }, go), place);
};

export default {
  name: "files",
  client: true,
  async open(root, at) {
    shown = at;
    put(root, el("p", { class: "quiet", role: "status" }, say("files_corpus_looking")));
    let here;
    try {
      here = await ask("files-open", { client: at });
    } catch (error) {
      if (shown === at) put(root, problem(error));
      return;
    }
    if (shown !== at) return;
    put(root, ...(here.unfinished ? [unfinished(here.unfinished)] : []), exporting(at, here.notes), attachments(at, here.attached), consents(at, here.consents), corpus(), log(at), erase(at, here.code));
  },
};
