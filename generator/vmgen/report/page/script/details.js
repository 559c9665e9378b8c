/* One object: what it is, its manifest, where its fields come from, and what the plan does to it. */
const dialog = document.getElementById("details");

const facts = (pairs) => make("dl", { class: "facts" }, pairs.filter(([, value]) => value !== "").flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));

const folded = (title, open, content) => make("details", { class: "fold", open }, make("summary", {}, title), content);

const manifestBlock = (row) => make("div", {}, make("p", { class: "place" }, `manifests/${row.path}`), make("pre", { tabindex: "0", role: "region", "aria-label": `Manifest of ${row.name}` }, manifestOf(row)));

const originsBlock = (row) => {
  const rows = data.origins[row.origins].map(([field, places, overrides]) =>
    make("tr", {}, make("th", { scope: "row" }, field), make("td", {}, lines(places), overrides.length ? make("div", { class: "dim" }, "over ", overrides.join(", ")) : "")),
  );
  const head = make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Field"), make("th", { scope: "col" }, "Written at")));
  return make("table", { class: "origins" }, make("caption", { class: "hidden-text" }, `Origins of ${row.name}`), head, make("tbody", {}, rows));
};

const lines = (texts) => texts.map((text) => make("div", {}, text));

const fieldChange = ([path, before, after, detail, verdict, says]) =>
  make(
    "li",
    {},
    make("code", {}, path),
    before === after ? " " : [" ", make("del", {}, before), " → ", make("ins", {}, after), " "],
    detail ? `(${detail}) ` : "",
    pill(verdict, "change"),
    says ? make("div", { class: "dim" }, says) : "",
  );

const changeBlock = (change) => {
  const fields = change.fields.length ? make("ul", { class: "fields" }, change.fields.map(fieldChange)) : "";
  return make("div", {}, change.says.map((sentence) => make("p", {}, sentence)), fields);
};

const vmFacts = (vm) => [
  ["Environment", vm.environmentName],
  ["Group", vm.group],
  ["Type", vm.type],
  ["vCPU", String(vm.cpu)],
  ["Memory", size(vm.memory)],
  ["Image", vm.image],
  ["State", vm.state],
  ["Exposure", exposureText(vm.exposure)],
  ["Labels", vm.labelText],
];

const diskFacts = (disk) => [
  ["Environment", disk.environmentName],
  ["Group", disk.group],
  ["Used by", disk.usedBy.map((vm) => vm.name).join(", ")],
  ["Size", size(disk.storage)],
  ["Storage class", disk.class],
  ["Source", disk.source],
  ["Optical", disk.optical ? "yes" : ""],
  ["Protected", disk.protected ? "yes" : "no"],
  ["Kept", disk.kept ? `until retired, for ${disk.vm}` : ""],
  ["Labels", disk.labelText],
];

const attachedDisks = (vm) => {
  const items = vm.disks.map((number, position) => {
    const disk = typeof number === "number" ? fleet.disks[number] : null;
    if (!disk) return make("li", {}, String(number));
    const text = `${size(disk.storage)}, ${disk.class}${disk.optical ? ", optical" : ""}${disk.protected ? "" : ", unprotected"}${position ? "" : ", boots first"}`;
    return make("li", {}, openButton(disk, disk.name, { class: "link" }), ` ${text} `, changePill(disk.change), livePill(disk.live));
  });
  return items.length ? make("div", {}, make("h3", {}, "Disks, in boot order"), make("ol", {}, items)) : null;
};

const showDetails = (row) => {
  const vm = row.kind === "VMInstance";
  document.getElementById("details-title").replaceChildren(`${vm ? "VM" : "Disk"} ${row.name} `, changePill(row.change) ?? "");
  if (row.live) document.getElementById("details-title").append(" ", livePill(row.live));
  const parts = [facts(vm ? vmFacts(row) : diskFacts(row)), vm ? attachedDisks(row) : null];
  if (row.change) parts.push(folded("Plan", true, changeBlock(row.change)));
  if (row.live?.says.length) parts.push(folded("Live status", true, make("div", {}, lines(row.live.says))));
  parts.push(folded("Manifest", true, manifestBlock(row)), folded("Origin of each field", false, originsBlock(row)));
  document.getElementById("details-body").replaceChildren(...parts.filter(Boolean));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  const address = `#${vm ? "vm" : "disk"}=${encodeURIComponent(`${row.environmentName}/${row.name}`)}`;
  history.replaceState(null, "", address);
};

document.getElementById("close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
dialog.addEventListener("close", () => history.replaceState(null, "", " "));

/* An address that ends in #vm=production/web-1 opens that VM. */
const showAddressed = () => {
  const [, kind, path] = /^#(vm|disk)=(.+)$/.exec(location.hash) ?? [];
  if (!kind) return;
  const wanted = decodeURIComponent(path);
  const rows = kind === "vm" ? fleet.vms : fleet.disks;
  const found = rows.find((row) => `${row.environmentName}/${row.name}` === wanted);
  if (found) showDetails(found);
};
