/* The plan: what becomes of each object, the gravest first; what is simply new stands together at the end. */
const MOST_CHANGES = 100;

const changeTitle = (change) => {
  const kind = change.kind === "VMInstance" ? "VM" : "disk";
  return [changePill(change), make("strong", {}, ` ${change.name} `), make("span", { class: "dim" }, `${kind} in ${change.environment}`)];
};

const changeItem = (change) =>
  make("details", { class: `fold ${changeClass(change)}`, open: change.grave }, make("summary", {}, changeTitle(change)), changeBlock(change));

const plainItem = (change) => make("li", {}, changeTitle(change));

/* The first of some items, and a button for the rest. */
const someOf = (list, items, make_) => {
  list.append(...items.slice(0, MOST_CHANGES).map(make_));
  const rest = items.slice(MOST_CHANGES);
  if (!rest.length) return [list];
  const more = make("button", { type: "button" }, `Show ${number.format(rest.length)} more`);
  more.addEventListener("click", () => {
    list.append(...rest.map(make_));
    more.remove();
  });
  return [list, make("p", {}, more)];
};

const drawChanges = () => {
  if (!data.changes) return;
  const { against, summary, delta, objects } = data.changes;
  field("changes").hidden = false;
  field("to-changes").hidden = false;
  const hasMore = (change) => change.fields.length || change.says.length;
  const said = objects.filter(hasMore);
  said.sort((one, other) => Number(other.grave) - Number(one.grave));
  const plain = objects.filter((change) => !hasMore(change));
  const parts = [make("p", { class: "lead" }, `Against ${against}: ${objects.length ? summary : "no changes"}.`), deltaNote(delta)];
  if (said.length) parts.push(...someOf(make("div", {}), said, changeItem));
  if (plain.length) parts.push(...someOf(make("ul", { class: "plain" }), plain, plainItem));
  field("change-list").append(...parts.filter(Boolean));
};
