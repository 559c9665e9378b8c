/* Elements, made without ever reading text as markup. */
const make = (tag, properties = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
};

/* A bar beside a number. The number says it all, so the bar is not read out, unless it measures against a limit. */
const bar = (share, meaning) => {
  const fill = make("span", { class: "fill" });
  fill.style.width = `${Math.min(100, Math.max(share > 0 ? 1.5 : 0, share * 100))}%`;
  const level = share > 1 ? "over" : share >= 0.85 ? "near" : "";
  if (!meaning) return make("span", { class: "bar", "aria-hidden": "true" }, fill);
  const properties = { class: `bar limit ${level}`, role: "meter", "aria-label": meaning.label, "aria-valuetext": meaning.text };
  return make(
    "span",
    { ...properties, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(Math.min(100, Math.round(share * 100))) },
    fill,
  );
};

const pill = (text, kind) => make("span", { class: `pill ${kind}` }, text);

const exposurePill = (exposure) =>
  exposure ? pill(exposure === "all ports" ? "every port" : exposure.split(",").join(", "), exposure === "all ports" ? "whole" : "public") : null;

const changeClass = (change) => (change ? (change.grave ? "grave" : change.action) : "");

const changeWord = (change) => {
  const plain = change.verdict === "update in place" ? "update" : change.verdict;
  return change.verdict === "retired" ? "retired" : plain;
};

const changePill = (change) => (change ? pill(changeWord(change), `change ${changeClass(change)}`) : null);

/* The state of what is live: `in step` is `in-step` as a class. */
const liveClass = (status) => (status ? `live ${status.state.replace(" ", "-")}` : "");

const livePill = (status) => (status ? pill(status.state, liveClass(status)) : null);

const openButton = (row, text, properties = {}) =>
  make("button", { type: "button", ...properties, onclick: () => showDetails(row) }, text);
