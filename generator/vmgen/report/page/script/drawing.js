/* Each environment as a drawing: groups as frames, VMs as tiles, disks as boxes in them, what is public on the edge. */
const MOST_TILES = 200;
const LEAST_OF_A_GROUP = 6;

const diskBox = (number) => {
  const disk = typeof number === "number" ? fleet.disks[number] : null;
  if (!disk) return make("span", { class: "disk" }, String(number));
  const name = disk.vm ? disk.name.slice(disk.vm.length + 1) : disk.name;
  const kind = disk.optical ? "optical" : disk.class;
  const classes_ = `disk ${disk.optical ? "optical" : ""} ${disk.class === "replicated" ? "" : "other-class"} ${changeClass(disk.change)} ${liveClass(disk.live)}`;
  return make("span", { class: classes_, title: [`${disk.name}: ${size(disk.storage)}`, kind, disk.live?.state].filter(Boolean).join(", ") }, `${name} ${size(disk.storage)}`);
};

const tile = (vm) => {
  const edge = vm.exposure ? (vm.exposure === "all ports" ? "is-whole" : "is-public") : "";
  const said = [vm.name, vm.type, vm.state === "running" ? "" : vm.state, exposureText(vm.exposure), some(vm.disks.length, "disk")];
  if (vm.change) said.push(`plan: ${changeWord(vm.change)}`);
  if (vm.live) said.push(`live: ${vm.live.state}`);
  const properties = { class: `tile ${edge} ${changeClass(vm.change)} ${liveClass(vm.live)}`, "aria-label": said.filter(Boolean).join(", ") };
  return openButton(
    vm,
    [
      make("span", { class: "tile-top" }, make("strong", {}, vm.name), exposurePill(vm.exposure), changePill(vm.change), livePill(vm.live)),
      make("span", { class: "dim" }, [vm.type, vm.state === "running" ? "" : vm.state].filter(Boolean).join(" · ")),
      make("span", { class: "disks" }, vm.disks.map(diskBox)),
    ],
    properties,
  );
};

const groupFrame = (environment, name, members, most, place) => {
  const title = name === "(standalone)" ? "Standalone disks" : name;
  const frame = make("section", { class: "group", "aria-label": `Group ${title}` });
  frame.append(make("h4", {}, title, make("span", { class: "dim" }, members.vms.length ? ` ${some(members.vms.length, "VM")}` : "")));
  const shown = members.vms.slice(0, most);
  if (shown.length) frame.append(make("div", { class: "tiles" }, shown.map(tile)));
  const alone = members.disks.slice(0, most);
  if (alone.length) {
    const buttons = alone.map((disk) => openButton(disk, [diskBox(disk.index), changePill(disk.change), livePill(disk.live)], { class: `tile alone ${liveClass(disk.live)}`, "aria-label": [disk.name, size(disk.storage), disk.live && `live: ${disk.live.state}`].filter(Boolean).join(", ") }));
    frame.append(make("div", { class: "tiles" }, buttons));
  }
  const rest = members.vms.length + members.disks.length - shown.length - alone.length;
  if (rest > 0) {
    const show = () => showInTable({ environment, group: name === "(standalone)" ? "" : name });
    frame.append(make("p", {}, make("button", { type: "button", onclick: show }, `${number.format(rest)} more: show all in the table`)));
  }
  if (place) frame.append(make("p", { class: "place" }, place));
  return frame;
};

const membersByGroup = (index) => {
  const groups = new Map(fleet.environments[index].groups.map((group) => [group.group, { vms: [], disks: [], place: group.place }]));
  for (const vm of fleet.vms) if (vm.environment === index) groups.get(vm.group)?.vms.push(vm);
  for (const disk of fleet.disks) if (disk.environment === index && !disk.group) groups.get("(standalone)")?.disks.push(disk);
  return groups;
};

const drawEnvironment = (index, body) => {
  const groups = membersByGroup(index);
  const most = Math.max(LEAST_OF_A_GROUP, Math.floor(MOST_TILES / Math.max(1, groups.size)));
  const name = fleet.environments[index].environment;
  for (const [group, members] of groups) body.append(groupFrame(name, group, members, most, members.place));
  if (!groups.size) body.append(make("p", { class: "dim" }, "No VMs and no disks."));
};

const environmentDrawing = (each, index) => {
  const body = make("div", { class: "groups" });
  const open = fleet.environments.length <= 3 || index === 0;
  const facts = [each.namespace, each.platform, each.file, some(each.totals.vms, "VM"), `${each.totals.externalVMs} public`];
  const box = make(
    "details",
    { class: "environment", open },
    make("summary", {}, make("h3", {}, each.environment), make("span", { class: "dim" }, facts.join(" · "))),
    body,
  );
  const draw = () => {
    if (box.open && !body.childElementCount) drawEnvironment(index, body);
  };
  box.addEventListener("toggle", draw);
  draw();
  return box;
};

const drawDrawings = () => {
  document.getElementById("drawing-list").append(...fleet.environments.map(environmentDrawing));
  const legend = [
    ["tile-sample", "VM: internal"],
    ["tile-sample is-public", "VM: listed ports are public"],
    ["tile-sample is-whole", "VM: every port is public"],
    ["disk-sample", "disk: replicated"],
    ["disk-sample other-class", "disk: another class"],
    ["disk-sample optical", "disk: optical"],
  ];
  const states = (data.live?.states ?? []).filter((state) => data.live.objects.some((status) => status.state === state));
  legend.push(...states.map((state) => [`tile-sample ${liveClass({ state })}`, `live: ${state}`]));
  document.getElementById("legend").append(...legend.map(([kind, text]) => make("li", {}, make("span", { class: kind, "aria-hidden": "true" }), text)));
};
