/* The table: every VM or disk, searched, filtered and sorted; only the rows in sight are in the document. */
const COLUMNS = {
  vms: [
    { key: "name", title: "Name", text: (row) => row.name },
    { key: "environment", title: "Environment", text: (row) => row.environmentName },
    { key: "group", title: "Group", text: (row) => row.group },
    { key: "type", title: "Type", text: (row) => row.type },
    { key: "cpu", title: "vCPU", number: (row) => row.cpu, text: (row) => String(row.cpu) },
    { key: "memory", title: "Memory", number: (row) => row.memory, text: (row) => size(row.memory) },
    { key: "storage", title: "Storage", number: (row) => row.storage, text: (row) => size(row.storage) },
    { key: "image", title: "Image", text: (row) => row.image },
    { key: "exposure", title: "Exposure", text: (row) => exposureText(row.exposure), cell: (row) => exposurePill(row.exposure) ?? make("span", { class: "dim" }, "internal") },
    { key: "state", title: "State", text: (row) => row.state },
  ],
  disks: [
    { key: "name", title: "Name", text: (row) => row.name },
    { key: "environment", title: "Environment", text: (row) => row.environmentName },
    { key: "group", title: "Group", text: (row) => row.group },
    { key: "vm", title: "VM", text: (row) => (row.kept ? `${row.vm} (kept)` : row.vm) },
    { key: "storage", title: "Size", number: (row) => row.storage, text: (row) => size(row.storage) },
    { key: "class", title: "Class", text: (row) => row.class },
    { key: "source", title: "Source", text: (row) => row.source },
    { key: "protected", title: "Protected", text: (row) => (row.protected ? "yes" : "no") },
  ],
};
if (data.changes) {
  const plan = { key: "change", title: "Plan", text: (row) => (row.change ? changeWord(row.change) : ""), cell: (row) => changePill(row.change) ?? "" };
  COLUMNS.vms.push(plan);
  COLUMNS.disks.push(plan);
}
if (data.live) {
  const live = { key: "live", title: "Live", text: (row) => row.live?.state ?? "", cell: (row) => livePill(row.live) ?? "" };
  COLUMNS.vms.push(live);
  COLUMNS.disks.push(live);
}

const view = { kind: "vms", sort: "", descending: false, rows: [], focused: -1, virtualizer: null, body: null, spacer: null, shown: new Map(), printing: false };
const field = (id) => document.getElementById(id);

const searchText = (row) => {
  row.searched ??= [...COLUMNS[view.kind].map((column) => column.text(row)), row.labelText].join(" ").toLowerCase();
  return row.searched;
};

const chosenRows = () => {
  const words = field("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const [environment, group] = [field("environment").value, field("group").value];
  const [isPublic, isChanged, isOff] = ["public", "changed", "off"].map((id) => field(id).checked);
  return fleet[view.kind].filter(
    (row) =>
      (!environment || row.environmentName === environment) &&
      (!group || row.group === group) &&
      (!isPublic || row.exposure) &&
      (!isChanged || row.change) &&
      (!isOff || (row.live && row.live.state !== "in step")) &&
      words.every((word) => searchText(row).includes(word)),
  );
};

const sorted = (rows) => {
  const column = COLUMNS[view.kind].find((each) => each.key === view.sort);
  if (!column) return rows;
  const compare = column.number ? (one, other) => column.number(one) - column.number(other) : (one, other) => inOrder(column.text(one), column.text(other));
  const direction = view.descending ? -1 : 1;
  return [...rows].sort((one, other) => direction * compare(one, other) || inOrder(one.name, other.name));
};

const headerCell = (column) => {
  const ordered = view.sort === column.key ? (view.descending ? "descending" : "ascending") : "none";
  const sign = { none: "", ascending: " ▲", descending: " ▼" }[ordered];
  const sort = () => {
    view.descending = view.sort === column.key && !view.descending;
    view.sort = column.key;
    buildTable();
    view.body.querySelector(`[data-column="${column.key}"]`).focus();
  };
  const button = make("button", { type: "button", "data-column": column.key, onclick: sort }, column.title, make("span", { "aria-hidden": "true" }, sign));
  return make("div", { role: "columnheader", "aria-sort": ordered, class: column.number ? "figure" : "" }, button);
};

const tableRow = (index) => {
  const row = view.rows[index];
  const cells = COLUMNS[view.kind].map((column, position) => {
    const content = position ? (column.cell ?? column.text)(row) : openButton(row, row.name, { class: "link", "aria-haspopup": "dialog" });
    return make("div", { role: "cell", class: column.number ? "figure" : "", "data-title": column.title }, content);
  });
  const element = make("div", { role: "row", class: `row ${changeClass(row.change)} ${liveClass(row.live)}`, "aria-rowindex": String(index + 2), "data-index": String(index) }, cells);
  element.addEventListener("focusin", () => (view.focused = index));
  return element;
};

const inSight = (range) => {
  const found = VirtualCore.defaultRangeExtractor(range);
  const kept = view.focused >= 0 && view.focused < view.rows.length && !found.includes(view.focused) ? [view.focused] : [];
  return [...kept, ...found].sort((one, other) => one - other);
};

const drawRows = () => {
  if (view.printing || !view.virtualizer) return;
  const items = view.virtualizer.getVirtualItems();
  const wanted = new Set(items.map((item) => item.index));
  for (const [index, element] of view.shown) {
    if (!wanted.has(index)) {
      element.remove();
      view.shown.delete(index);
    }
  }
  view.spacer.style.height = `${view.virtualizer.getTotalSize()}px`;
  for (const item of items) {
    let element = view.shown.get(item.index);
    if (!element) {
      element = tableRow(item.index);
      view.shown.set(item.index, element);
      /* In the order of the rows, so that Tab and screen readers walk down the table. */
      const next = [...view.spacer.children].find((other) => Number(other.dataset.index) > item.index);
      view.spacer.insertBefore(element, next ?? null);
      view.virtualizer.measureElement(element);
    }
    element.style.transform = `translateY(${item.start}px)`;
  }
};

const buildTable = () => {
  view.unmount?.();
  view.shown.clear();
  view.rows = sorted(chosenRows());
  view.focused = -1;
  const columns = COLUMNS[view.kind];
  const head = make("div", { role: "rowgroup", class: "head" }, make("div", { role: "row", class: "row", "aria-rowindex": "1" }, columns.map(headerCell)));
  view.spacer = make("div", { role: "rowgroup", class: "rows" });
  const noun = view.kind === "vms" ? "VM" : "disk";
  view.body = make("div", { class: `table ${view.kind}`, role: "table", tabindex: "0", "aria-label": `${noun === "VM" ? "VMs" : "Disks"}`, "aria-rowcount": String(view.rows.length + 1), "aria-colcount": String(columns.length) }, head, view.spacer);
  view.body.classList.toggle("with-plan", Boolean(data.changes) !== Boolean(data.live));
  view.body.classList.toggle("with-both", Boolean(data.changes && data.live));
  view.body.addEventListener("keydown", moveFocus);
  field("table").replaceChildren(view.body);
  const all = fleet[view.kind].length;
  field("count").textContent = view.rows.length === all ? some(all, noun) : `${number.format(view.rows.length)} of ${some(all, noun)}`;
  view.virtualizer = new VirtualCore.Virtualizer({
    count: view.rows.length,
    getScrollElement: () => view.body,
    estimateSize: () => (matchMedia("(max-width: 60rem)").matches ? 110 : 41),
    overscan: 10,
    scrollPaddingStart: head.offsetHeight,
    observeElementRect: VirtualCore.observeElementRect,
    observeElementOffset: VirtualCore.observeElementOffset,
    scrollToFn: VirtualCore.elementScroll,
    rangeExtractor: inSight,
    onChange: drawRows,
  });
  view.unmount = view.virtualizer._didMount();
  /* The table has its whole height before it is measured: else it would have the rows of an empty one until the next frame. */
  view.spacer.style.height = `${view.virtualizer.getTotalSize()}px`;
  view.virtualizer._willUpdate();
  drawRows();
};

/* Up and down go from name to name, also past the rows in sight. */
const moveFocus = (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const row = event.target.closest?.("[data-index]");
  if (!step || !row) return;
  const next = Number(row.dataset.index) + step;
  if (next < 0 || next >= view.rows.length) return;
  event.preventDefault();
  view.focused = next;
  view.virtualizer.scrollToIndex(next);
  drawRows();
  requestAnimationFrame(() => view.shown.get(next)?.querySelector("button").focus({ preventScroll: true }));
};

const fillChoices = () => {
  const choices = (select, names) => select.replaceChildren(make("option", { value: "" }, "all"), ...names.map((name) => make("option", { value: name }, name)));
  choices(field("environment"), fleet.environments.map((each) => each.environment));
  const groups = new Set(fleet.environments.flatMap((each) => each.groups.map((group) => group.group)).filter((name) => name !== "(standalone)"));
  choices(field("group"), [...groups].sort(inOrder));
};

const showInTable = ({ environment = "", group = "" }) => {
  clearFilters();
  field("environment").value = environment;
  field("group").value = group;
  buildTable();
  field("machines").scrollIntoView();
  field("machines").focus({ preventScroll: true });
};

const clearFilters = () => {
  field("search").value = "";
  field("environment").value = "";
  field("group").value = "";
  field("public").checked = false;
  field("changed").checked = false;
  field("off").checked = false;
};

const drawTable = () => {
  fillChoices();
  if (data.changes) field("changed-label").hidden = false;
  if (data.live) field("live-label").hidden = false;
  for (const id of ["environment", "group", "public", "changed", "off"]) field(id).addEventListener("change", buildTable);
  let waiting = 0;
  field("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(buildTable, 120);
  });
  field("clear").addEventListener("click", () => {
    clearFilters();
    buildTable();
  });
  for (const radio of document.querySelectorAll("input[name=kind]")) {
    radio.addEventListener("change", () => {
      view.kind = radio.value;
      view.sort = "";
      for (const row of fleet[view.kind]) row.searched = undefined;
      buildTable();
    });
  }
  buildTable();
};

/* On paper there is no scrolling: all rows are there. */
addEventListener("beforeprint", () => {
  view.printing = true;
  view.spacer.replaceChildren(...view.rows.map((_, index) => tableRow(index)));
});
addEventListener("afterprint", () => {
  view.printing = false;
  buildTable();
});
