/* The fleet, from the data that the page carries. */
const data = JSON.parse(document.getElementById("data").textContent);

const unpacked = (rows, columns) =>
  rows.map((row, index) => {
    const item = { index };
    columns.forEach((column, position) => (item[column] = row[position]));
    return item;
  });

const fleet = {
  environments: data.environments,
  vms: unpacked(data.vms, data.columns.vms),
  disks: unpacked(data.disks, data.columns.disks),
  changes: new Map(),
  live: new Map(),
};

const keyOf = (environment, kind, name) => `${environment} ${kind} ${name}`;

for (const change of data.changes?.objects ?? []) {
  fleet.changes.set(keyOf(change.environment, change.kind, change.name), change);
}
for (const status of data.live?.objects ?? []) {
  fleet.live.set(keyOf(status.environment, status.kind, status.name), status);
}
for (const [rows, kind] of [[fleet.vms, "VMInstance"], [fleet.disks, "VMDisk"]]) {
  for (const row of rows) {
    row.kind = kind;
    row.environmentName = fleet.environments[row.environment].environment;
    row.change = fleet.changes.get(keyOf(row.environmentName, kind, row.name));
    row.live = fleet.live.get(keyOf(row.environmentName, kind, row.name));
    row.labelText = Object.entries(data.labels[row.labels]).map(([key, value]) => `${key}=${value}`).join(" ");
  }
}
/* Who reaches a disk, and from where: a disk is as public as the VMs that have it. */
for (const disk of fleet.disks) {
  disk.usedBy = [];
}
for (const vm of fleet.vms) {
  for (const number of vm.disks) {
    if (typeof number === "number") fleet.disks[number].usedBy.push(vm);
  }
}
for (const disk of fleet.disks) {
  disk.exposure = disk.usedBy.find((vm) => vm.exposure)?.exposure ?? "";
}

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const inOrder = new Intl.Collator("en", { numeric: true }).compare;

const size = (mebibytes) => {
  if (mebibytes >= 1048576) return `${number.format(mebibytes / 1048576)} TiB`;
  return mebibytes >= 1024 || mebibytes === 0 ? `${number.format(mebibytes / 1024)} GiB` : `${number.format(mebibytes)} MiB`;
};

const some = (count, noun) => `${number.format(count)} ${noun}${count === 1 ? "" : "s"}`;

const exposureText = (exposure) => {
  if (!exposure) return "internal";
  if (exposure === "all ports") return "public: every port";
  const ports = exposure.split(",");
  return `public: ${ports.length === 1 ? "port" : "ports"} ${ports.join(", ")}`;
};

/* A manifest is kept once for all objects that differ in names only; the names go where they were left open. */
const manifestOf = (row) => {
  const names = [row.name, ...(row.disks ?? []).map((disk) => (typeof disk === "number" ? fleet.disks[disk].name : disk))];
  const nameOf = (placeholder) => names[placeholder.charCodeAt(0) - 0xe000] ?? placeholder;
  return data.manifests[row.manifest].replace(/[\ue000-\uf8ff]/g, nameOf);
};
