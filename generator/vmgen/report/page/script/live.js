/* What a dump of the cluster says: each object that is not in step, the worst first, also those that are in no environment. */
const liveTitle = (status) => {
  const kind = status.kind === "VMInstance" ? "VM" : "disk";
  return [livePill(status), make("strong", {}, ` ${status.name} `), make("span", { class: "dim" }, `${kind} in ${status.environment}`)];
};

const liveItem = (status) =>
  make("details", { class: `fold ${liveClass(status)}`, open: status.state === "failed" }, make("summary", {}, liveTitle(status)), make("div", {}, lines(status.says)));

const drawLive = () => {
  if (!data.live) return;
  const { totals, newest, notes, states, objects } = data.live;
  field("live").hidden = false;
  field("to-live").hidden = false;
  const age = newest ? `The newest entry of the dump is from ${newest}.` : "The dump has no timestamp, so its age is not known.";
  const off = objects.filter((status) => status.state !== "in step");
  off.sort((one, other) => states.indexOf(one.state) - states.indexOf(other.state));
  field("live-list").append(make("p", { class: "lead" }, `${totals} ${age}`), ...notes.map((note) => make("p", { class: "dim" }, note)));
  if (off.length) field("live-list").append(...someOf(make("div", {}), off, liveItem));
};
