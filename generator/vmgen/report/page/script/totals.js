/* Totals and budgets: a card for all environments, and one for each. */
const MEASURES = [
  { key: "vms", title: "VMs", value: (sums) => sums.vms, words: (value) => number.format(value) },
  { key: "cpu", title: "vCPU", value: (sums) => sums.cpu, words: (value) => number.format(value) },
  { key: "memory", title: "Memory", value: (sums) => sums.memoryMiB, words: size },
  { key: "storage", title: "Storage", value: (sums) => Object.values(sums.storageMiB).reduce((all, each) => all + each, 0), words: size },
  { key: "externalVMs", title: "Public addresses", value: (sums) => sums.externalVMs, words: (value) => number.format(value) },
];

const measureRow = (measure, sums, limit, most) => {
  const value = measure.value(sums);
  const shown = limit ? `${measure.words(limit.used)} of ${measure.words(limit.limit)}` : measure.words(value);
  const meaning = limit && { label: `${measure.title}: share of the budget`, text: `${shown} in the budget` };
  const share = limit ? shareOf(limit) : most ? value / most : 0;
  return [
    make("dt", {}, measure.title),
    make("dd", {}, make("span", { class: "value" }, shown), bar(share, meaning), classes(measure, sums)),
  ];
};

/* A budget of nothing is full before anything is there. */
const shareOf = (limit) => (limit.limit ? limit.used / limit.limit : limit.used ? 2 : 1);

/* Storage by class, where there is more than one. */
const classes = (measure, sums) => {
  const found = Object.entries(sums.storageMiB);
  if (measure.key !== "storage" || found.length < 2) return null;
  return make("span", { class: "by-class" }, found.map(([name, value]) => `${size(value)} ${name}`).join(", "));
};

const card = (title, sums, budget, most, notes) => {
  const rows = MEASURES.flatMap((measure) =>
    measureRow(measure, sums, budget.find((limit) => limit.key === measure.key), most(measure)),
  );
  const gpus = Object.entries(sums.gpus).flatMap(([name, count]) => [make("dt", {}, name), make("dd", {}, `${count}`)]);
  return make("article", { class: "card" }, make("h3", {}, title), make("dl", {}, rows, gpus), notes);
};

const monthly = (cost, unpriced) =>
  cost ? make("p", { class: "note" }, `${cost} per month${unpriced.length ? `, without a price for ${unpriced.join(", ")}` : ""}`) : null;

const deltaNote = (delta) => (delta ? make("p", { class: "note delta" }, delta) : null);

const drawTotals = () => {
  const several = fleet.environments.length > 1;
  const largest = (measure) => Math.max(...fleet.environments.map((each) => measure.value(each.totals)));
  const cards = fleet.environments.map((each) => {
    const kept = each.kept ? make("p", { class: "note" }, each.kept) : null;
    const notes = [monthly(each.cost, each.unpriced), kept, deltaNote(data.changes?.deltas[each.environment])];
    return card(each.environment, each.totals, each.budget, (measure) => (several ? largest(measure) : 0), notes);
  });
  if (several) {
    cards.unshift(card("All environments", data.totals, [], () => 0, [monthly(data.cost, []), deltaNote(data.changes?.delta)]));
  }
  document.getElementById("cards").append(...cards);
};
