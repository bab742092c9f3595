// Tables that sort by their heads, and the chosen language carried along from page to page.
(() => {
  "use strict";
  const number = (cell) => (cell.dataset.v === undefined || cell.dataset.v === "" ? null : Number(cell.dataset.v));
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;

  function sort(table, column, head) {
    const numbers = head.dataset.sort === "number";
    const first = head.dataset.first || (numbers ? "descending" : "ascending");
    const other = first === "ascending" ? "descending" : "ascending";
    const way = head.getAttribute("aria-sort") === first ? other : first;
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", way);
    const sign = way === "ascending" ? 1 : -1;
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row, place) => {
      const cell = row.cells[column];
      return { row, place, key: numbers ? number(cell) : cell.dataset.v || cell.textContent.trim() };
    });
    keyed.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || a.place - b.place;
      return sign * (numbers ? a.key - b.key : compare(a.key, b.key)) || a.place - b.place;
    });
    body.append(...keyed.map((it) => it.row));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (!head.dataset.sort) return;
      const button = document.createElement("button");
      button.type = "button";
      if (head.querySelector("a")) {
        // A link stays a link; the button stands behind it.
        const name = document.createElement("span");
        name.className = "unseen";
        name.textContent = `${head.textContent.trim()} ↕`;
        button.append(name);
        head.append(" ", button);
      } else {
        button.append(...head.childNodes);
        head.append(button);
      }
      button.addEventListener("click", () => sort(table, column, head));
    });
  }

  const radios = [...document.querySelectorAll('input[name="language"]')];
  const asked = new URLSearchParams(location.search).get("lang");
  function carry() {
    const language = radios.find((radio) => radio.checked).value;
    for (const link of document.querySelectorAll("a[href]")) {
      const [, file, place] = link.getAttribute("href").match(/^([\w-]+\.html)(?:\?lang=\w+)?(#.*)?$/) || [];
      if (file) link.setAttribute("href", `${file}?lang=${language}${place || ""}`);
    }
  }
  radios.forEach((radio) => radio.addEventListener("change", carry));
  const wanted = radios.find((radio) => radio.value === asked);
  if (wanted) {
    wanted.checked = true;
    carry();
  }
})();
