/* The page: colours, and everything drawn. */
const KEPT = "vmgen-theme";

const kept = () => {
  try {
    return localStorage.getItem(KEPT) ?? "auto";
  } catch {
    return "auto"; /* a browser may keep nothing for files */
  }
};

const applyTheme = (choice) => {
  if (choice === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  field("theme").value = choice;
};

applyTheme(kept());
field("theme").addEventListener("change", (event) => {
  applyTheme(event.target.value);
  try {
    localStorage.setItem(KEPT, event.target.value);
  } catch {
    /* then only for now */
  }
});

const names = fleet.environments.map((each) => each.environment);
const places = names.length > 5 ? some(names.length, "environment") : names.join(", ");
field("lead").textContent = `${some(data.totals.vms, "VM")} and ${some(data.totals.disks, "disk")} in ${places}`;
drawTotals();
drawChanges();
drawLive();
drawTable();
drawDrawings();
showAddressed();
addEventListener("hashchange", showAddressed);
