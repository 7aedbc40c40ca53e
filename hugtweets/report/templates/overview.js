"use strict";
(() => {
  const table = document.getElementById("table");
  if (!table) return;
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const valueOf = (row, place) => row.cells[place].dataset.value ?? row.cells[place].textContent;
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const numbers = [Number(a), Number(b)];
    return numbers.some(Number.isNaN) ? a.localeCompare(b) : numbers[0] - numbers[1];
  };
  const sortBy = (heading) => {
    const place = headings.indexOf(heading);
    const descending = heading.getAttribute("aria-sort") === "ascending";
    for (const other of headings) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const rows = [...body.rows].map((row) => [valueOf(row, place), row]);
    const filled = rows.filter(([value]) => value !== "").sort(([a], [b]) => (descending ? compare(b, a) : compare(a, b)));
    body.append(...[...filled, ...rows.filter(([value]) => value === "")].map(([, row]) => row));
  };
  for (const heading of headings) {
    const button = heading.querySelector("button");
    if (button) button.addEventListener("click", () => sortBy(heading));
  }
  const find = document.getElementById("find");
  const shown = document.getElementById("shown");
  find.addEventListener("input", () => {
    const wanted = find.value.trim().replace(/^@/, "").toLowerCase();
    let number = 0;
    for (const row of body.rows) {
      row.hidden = !valueOf(row, 0).includes(wanted);
      number += row.hidden ? 0 : 1;
    }
    shown.textContent = wanted ? `${number} of ${body.rows.length} accounts` : "";
  });
})();
