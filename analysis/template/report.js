for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.setAttribute("aria-label", "Sort by " + button.textContent.trim());
    head.append(button);
    button.addEventListener("click", () => {
      const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
      const value = (row) => parseFloat(row.cells[column].dataset.value);
      const rows = [...body.rows].sort((a, b) => {
        const x = value(a), y = value(b);
        // Missing values stand last in both directions.
        if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
        return direction * (x - y);
      });
      body.append(...rows);
    });
  });
}
