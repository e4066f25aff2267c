"use strict";
// Rates the excerpts: 1 to 5, or left out. Which is which is looked at when the ratings are saved, and not before.

const cards = [...document.querySelectorAll(".excerpt")], byId = (id) => document.getElementById(id);
const key = () => JSON.parse(new TextDecoder().decode(bytes("," + byId("key").textContent)));
const store = `tritone-blind-${key().page}`; // a phone may forget a page that is not looked at for a while
const ratings = cards.map(() => null); // null: not judged yet; 0: left out
let current = 0, saved = null, asked = false;

function remember() {
  try { localStorage.setItem(store, JSON.stringify({ ratings, saved })); } catch { /* a browser that keeps nothing */ }
}

function recall() {
  try {
    const found = JSON.parse(localStorage.getItem(store));
    if (!found || found.ratings.length !== cards.length) return;
    found.ratings.forEach((value, number) => [0, 1, 2, 3, 4, 5].includes(value) && mark(number, value));
    show();
    if (typeof found.saved === "string") reveal(found.saved);
  } catch { /* nothing that is ours */ }
}

function choose(number) {
  current = Math.max(0, Math.min(cards.length - 1, number));
  cards.forEach((card, other) => card.classList.toggle("current", other === current));
}

function mark(number, value) {
  ratings[number] = value;
  cards[number].querySelector(`input[value="${value}"]`).checked = true;
}

function rate(number, value) {
  if (saved) return;
  mark(number, value);
  asked = false;
  show();
  remember();
}

function show() {
  const judged = ratings.filter((value) => value !== null).length, rated = ratings.filter(Boolean).length;
  document.querySelector("progress").value = judged;
  byId("told").textContent = `${judged} of ${cards.length} judged`;
  byId("save").disabled = !rated;
  byId("save").textContent = saved ? "Save again" : rated ? `Save ${rated} rating${rated === 1 ? "" : "s"}` : "Save";
  if (saved || !asked) byId("hint").textContent = "";
}

function save() {
  const open = ratings.filter((value) => value === null).length;
  if (open && !saved && !asked) {
    byId("hint").textContent = `${open} not judged yet. Save once more to leave ${open === 1 ? "it" : "them"} out: after that, nothing can be rated.`;
    asked = true;
    return;
  }
  const first = !saved;
  if (first) reveal(new Date().toISOString());
  remember();
  const { excerpts, ...facts } = key();
  const rows = excerpts.map((row, number) => ({ ...row, rating: ratings[number] || null }));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify({ ...facts, date: saved, excerpts: rows }, null, 1) + "\n"], { type: "application/json" }));
  link.download = fileName();
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  if (first) byId("results").focus();
}

function fileName() {
  const { run, seed } = key();
  return `ratings-${run.replace(/[^\w.-]+/g, "_")}-${seed}-${saved.slice(0, 19).replace(/\D/g, "")}.json`;
}

function setting(row) {
  const heads = Object.entries(row.settings).map(([head, { temperature, top_p }]) => [head, `temperature ${temperature}, top-p ${top_p}`]);
  const same = new Set(heads.map(([, how]) => how)).size === 1;
  return same ? heads[0][1] : heads.map(([head, how]) => `${head} ${how}`).join("; ");
}

// From here on ratings stay as they are: a saved file and the page must agree
function reveal(date) {
  saved = date;
  document.querySelectorAll(".rating").forEach((field) => { field.disabled = true; });
  key().excerpts.forEach((row, number) => {
    const truth = cards[number].querySelector(".truth"), place = `bar ${row.bar} of ${row.song} (${row.part})`;
    truth.textContent = row.kind === "real" ? `real: from ${place}` : `written: ${setting(row)}, seed ${row.seed}; goes on from ${place}`;
    truth.classList.add(row.kind);
    truth.hidden = false;
  });
  document.querySelector(".progress").hidden = true;
  tell();
  show();
}

function tell() {
  const groups = new Map([["real", []], ["written", []]]), settings = new Map();
  key().excerpts.forEach((row, number) => {
    if (!ratings[number]) return;
    groups.get(row.kind).push(ratings[number]);
    if (row.kind === "written") settings.set(setting(row), [...(settings.get(setting(row)) || []), ratings[number]]);
  });
  const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : NaN);
  const sorted = [...settings].sort((one, other) => mean(other[1]) - mean(one[1]) || other[1].length - one[1].length);
  const body = byId("results").querySelector("tbody");
  for (const [name, values, kind] of [...[...groups].map(([name, values]) => [name, values, "whole"]), ...sorted]) {
    const row = body.insertRow();
    row.className = kind || "";
    row.insertCell().textContent = name;
    for (const text of [values.length ? mean(values).toFixed(1) : "-", values.length]) {
      const cell = row.insertCell();
      cell.className = "number";
      cell.textContent = text;
    }
  }
  const code = document.createElement("code");
  code.textContent = `python -m experiments.generate ${byId("next").dataset.run} --like ${fileName()}`;
  byId("next").replaceChildren("A setting with one rating says little; --like takes the files of several people and pages (report --seed 2 makes another): ", code);
  byId("results").hidden = false;
}

cards.forEach((card, number) => {
  card.addEventListener("focusin", () => choose(number));
  card.querySelector("audio").addEventListener("play", () => choose(number));
  card.querySelector(".rating").addEventListener("change", (event) => rate(number, Number(event.target.value)));
});
byId("save").addEventListener("click", save);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { n: 1, p: -1 }[event.key.toLowerCase()], button = event.target.closest("button");
  if (/^[0-5]$/.test(event.key)) rate(current, Number(event.key));
  else if (step) {
    choose(current + step);
    cards[current].querySelector(".play").focus();
  } else if (event.key === " " && !button) cards[current].querySelector(".play").click();
  else return;
  event.preventDefault();
});
choose(0);
show();
recall();
