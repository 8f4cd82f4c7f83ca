// The view that the address names: #CUB/inductive?sort=U&order=ascending&words=gsm&is.UD=N&columns=all&rows=all

const ROWS_AT_FIRST = 100;
const ROWS_MORE = 400;
const OTHER = { ascending: "descending", descending: "ascending" };

const at = (id) => document.getElementById(id);
const page = JSON.parse(at("data").textContent);
const START = { sort: "", order: "", words: "", is: {}, columns: false, others: false, open: false, limit: ROWS_AT_FIRST };
const state = { view: null, room: 0, fitting: 0, ...START };

function rowsOf(view) {
  view.rows ??= JSON.parse(at(`rows-${page.views.indexOf(view)}`).textContent);
  for (const place of view.aside) view.rows[place].aside = true;
  for (const place of view.others) view.rows[place].other = true;
  return view.rows;
}

const placeOf = (view, name) => view.columns.findIndex((column) => column.name === name);

// --- the address

const addressOf = (view) => `#${encodeURIComponent(view.name)}/${encodeURIComponent(view.protocol)}`;

function remember() {
  const query = new URLSearchParams();
  if (state.sort) {
    query.set("sort", state.sort);
    query.set("order", state.order);
  }
  if (state.words) query.set("words", state.words);
  for (const [column, value] of Object.entries(state.is)) query.set(`is.${column}`, value);
  if (state.columns) query.set("columns", "all");
  if (state.others) query.set("rows", "all");
  history.replaceState(null, "", addressOf(state.view) + (query.size ? `?${query}` : ""));
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function viewAt(path) {
  const [, name, protocol] = path.match(/^(.*)\/(.*)$/s) ?? [];
  return (
    page.views.find((view) => view.name === name && view.protocol === protocol) ??
    page.views.find((view) => view.dataSet === name && view.protocol === protocol) ??
    page.views.find((view) => view.dataSet === path)
  );
}

function route() {
  const usual = page.views[0];
  const [path, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  const place = decoded(path);
  const view = viewAt(place);
  if (place.startsWith("method/") && !view) {
    if (!state.view) show(usual);
    openCard(place.slice("method/".length));
    return;
  }
  show(view ?? usual, view ? query : "");
  at("missing").hidden = Boolean(view) || !place;
  at("missing").textContent = at("missing").hidden ? "" : `There is no table “${place}”; this is another one.`;
}

function openCard(name) {
  const card = at(`method-${page.methods.indexOf(name)}`);
  if (!card) return;
  card.hidden = false; // whatever the table
  card.open = true;
  card.scrollIntoView();
  card.querySelector("summary").focus();
}

function show(view, search = "") {
  const moved = state.view && state.view !== view;
  const query = new URLSearchParams(search);
  const known = (name) => placeOf(view, name) >= 0;
  Object.assign(state, START, { view, is: {} });
  if (known(query.get("sort"))) {
    state.sort = query.get("sort");
    state.order = OTHER[query.get("order")] ? query.get("order") : firstOrder(state.sort);
  }
  state.words = query.get("words") ?? "";
  for (const [name, value] of query)
    if (name.startsWith("is.") && known(name.slice(3))) state.is[name.slice(3)] = value;
  state.columns = query.get("columns") === "all";
  state.others = query.get("rows") === "all";
  drawPlaces();
  drawView();
  if (moved) at("title").focus({ preventScroll: true });
}

function firstOrder(name) {
  const { numeric, cost } = state.view.columns[placeOf(state.view, name)];
  return numeric && !cost && name !== "rank" && name !== "mean rank" ? "descending" : "ascending";
}

// --- where one can go

function drawPlaces() {
  const { view } = state;
  const places = [...Map.groupBy(page.views, (each) => each.dataSet)].map(([name, there]) => {
    const target = there.find((each) => each.visibility === view.visibility) ?? there[0];
    return link(name === "all" ? "All" : name, target, name === view.dataSet);
  });
  const here = page.views.filter((each) => each.dataSet === view.dataSet);
  const textOf = ({ name, dataSet, protocol }) => (name === dataSet ? protocol : `${protocol} (${name})`);
  at("data-sets").replaceChildren(...places);
  at("protocols").replaceChildren(...here.map((each) => link(textOf(each), each, each === view)));
}

function link(text, view, current) {
  return element("li", {}, element("a", { href: addressOf(view), "aria-current": current ? "true" : null }, text));
}

// --- the table

function drawView() {
  const { view } = state;
  at("title").textContent = view.title;
  at("caption").textContent = view.title;
  at("summary").textContent = view.summary;
  at("words").value = state.words;
  at("others").checked = state.others;
  at("others").nextElementSibling.textContent = `Other settings and combinations (${view.others.length} rows)`;
  at("others").closest("label").hidden = !view.others.length;
  at("notes").replaceChildren(...view.notes.map((note) => element("li", {}, note)));
  at("choices").replaceChildren(...view.columns.flatMap(choice));
  const heads = view.columns.map((column) => {
    const button = element("button", { type: "button", "data-column": column.name }, column.name);
    return head(button, "col", classOf(column), { "data-column": column.name });
  });
  at("table").tHead.replaceChildren(element("tr", {}, ...heads));
  const methods = new Set(rowsOf(view).map((row) => row.method));
  page.methods.forEach((name, place) => (at(`method-${place}`).hidden = !methods.has(name)));
  drawColumns();
}

// Draws what fits without a sideways scroll, but for who asks for all columns.
function drawColumns() {
  const heads = [...at("table").tHead.rows[0].cells];
  const show = (count) => {
    state.fitting = count;
    heads.forEach((cell, place) => (cell.hidden = place >= count));
    drawRows();
  };
  show(heads.length);
  at("scroll").scrollLeft = 0;
  state.room = at("scroll").clientWidth;
  const fitting = heads.filter((cell) => cell.offsetLeft + cell.offsetWidth <= state.room).length;
  if (!state.columns && fitting < heads.length) show(Math.max(fitting, 2));
  at("columns").hidden = fitting === heads.length;
  at("columns").textContent = state.columns ? "Show what fits" : `${heads.length - state.fitting} more columns`;
}

function choice({ name, numeric }, place) {
  if (numeric || name === "method") return [];
  const values = [...new Set(rowsOf(state.view).map((row) => row.cells[place]))].sort();
  if (values.length < 2 || values.length > 8) return [];
  const options = values.map((value) => element("option", { value: `=${value}` }, value));
  const select = element("select", { "data-column": name }, element("option", { value: "" }, "any"), ...options);
  select.value = name in state.is ? `=${state.is[name]}` : "";
  return element("label", {}, `${name} `, select);
}

function classOf(column) {
  const names = { left: column.left, method: column.name === "method", key: column.name === state.view.bestBy };
  return Object.keys(names).filter((name) => names[name]).join(" ") || null;
}

function drawRows() {
  const { view, sort, order } = state;
  const rows = chosenRows();
  const [own, aside] = asideApart(rows);
  const open = isOpen();
  const shown = [...own, ...(open ? aside : [])].slice(0, state.limit);
  for (const cell of at("table").tHead.rows[0].cells) cell.ariaSort = cell.dataset.column === sort ? order : null;
  const classes = view.columns.map(classOf);
  const drawn = shown.map((row) => tableRow(row, classes));
  at("table").tBodies[0].replaceChildren(...drawn.slice(0, own.length));
  at("table").tBodies[1].replaceChildren(...(aside.length ? [asideTitle(aside)] : []), ...drawn.slice(own.length));
  const left = own.length + (open ? aside.length : 0) - shown.length;
  at("more").hidden = !left;
  at("more").firstElementChild.textContent = `Show ${Math.min(ROWS_MORE, left)} more rows`;
  const all = rowsOf(view).length;
  const count = rows.length === all ? `${all} rows` : `${rows.length} of ${all} rows`;
  const cut = left ? `, the first ${shown.length} shown` : "";
  at("status").textContent = `${count}${cut}, ${sort ? `by ${sort}, ${order}` : "in the order of the table"}`;
  at("figures").replaceChildren(...figuresOf(view, own, matchingRows()));
}

const isOpen = () => state.open || Boolean(state.words || Object.keys(state.is).length);

// In the table's own order, rows that lack data sets or repeat others stand below the rest, folded.
function asideApart(rows) {
  if (state.sort) return [rows, []];
  return [rows.filter((row) => !row.aside), rows.filter((row) => row.aside)];
}

function asideTitle({ length }) {
  const title = length === state.view.aside.length ? state.view.asideTitle : `${length} of ${state.view.asideTitle}`;
  const button = element("button", { type: "button", id: "aside", "aria-expanded": String(isOpen()) }, title);
  return element("tr", {}, element("th", { scope: "rowgroup", class: "left", colspan: state.fitting }, button));
}

function chosenRows() {
  const rows = matchingRows().filter((row) => state.others || !row.other);
  return state.sort ? rows.sort(comparing()) : rows;
}

function matchingRows() {
  const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = Object.entries(state.is).map(([name, value]) => [placeOf(state.view, name), value]);
  return rowsOf(state.view).filter((row) => {
    const text = `${row.method} ${row.settings}`.toLowerCase();
    return words.every((word) => text.includes(word)) && wanted.every(([place, value]) => row.cells[place] === value);
  });
}

function comparing() {
  const place = placeOf(state.view, state.sort);
  const sign = state.order === "ascending" ? 1 : -1;
  if (!state.view.columns[place].numeric)
    return (a, b) => sign * a.cells[place].localeCompare(b.cells[place], "en", { numeric: true });
  return (a, b) => {
    const [one, other] = [numberOf(a.cells[place]), numberOf(b.cells[place])];
    if (one === null || other === null) return (one === null) - (other === null);
    return sign * (one - other);
  };
}

// The number that a cell begins with: 1,234 ± 5
function numberOf(cell) {
  const [number] = cell.match(/^[+-]?\d[\d,]*(\.\d+)?/) ?? [];
  return number ? Number(number.replaceAll(",", "")) : null;
}

function tableRow(row, classes) {
  const cells = row.cells.slice(0, state.fitting).map((text, place) =>
    state.view.columns[place].name === "method"
      ? element("th", { scope: "row", class: classes[place] }, ...methodLabel(row))
      : element("td", { class: classes[place] }, text),
  );
  return element("tr", {}, ...cells);
}

function methodLabel({ method, settings }) {
  const known = page.methods.includes(method);
  const name = known ? element("a", { href: `#method/${encodeURIComponent(method)}` }, method) : method;
  return settings ? [name, " ", element("span", { class: "settings" }, settings)] : [name];
}

// --- what the reader does

const on = (id, event, act) => at(id).addEventListener(event, act);

function changed() {
  state.limit = ROWS_AT_FIRST;
  drawRows();
  remember();
}

function listen() {
  on("table", "click", ({ target }) => {
    const name = target.closest("thead button")?.dataset.column;
    if (!name) return;
    const [first, again] = [firstOrder(name), state.sort === name];
    if (again && state.order !== first) Object.assign(state, { sort: "", order: "" });
    else Object.assign(state, { sort: name, order: again ? OTHER[first] : first });
    changed();
  });
  on("table", "click", ({ target }) => {
    if (target.id !== "aside") return;
    state.open = !state.open;
    drawRows();
    at("aside").focus();
  });
  on("words", "input", () => {
    state.words = at("words").value.trim();
    changed();
  });
  on("choices", "change", ({ target }) => {
    if (target.value) state.is[target.dataset.column] = target.value.slice(1);
    else delete state.is[target.dataset.column];
    changed();
  });
  on("others", "change", () => {
    state.others = at("others").checked;
    changed();
  });
  on("columns", "click", () => {
    state.columns = !state.columns;
    drawColumns();
    remember();
  });
  on("filters", "submit", (event) => event.preventDefault());
  on("filters", "reset", (event) => {
    event.preventDefault();
    show(state.view);
    remember();
  });
  on("more", "click", () => {
    const next = state.limit;
    state.limit += ROWS_MORE;
    drawRows();
    at("table").tBodies[0].rows[next]?.querySelector("a")?.focus({ preventScroll: true });
  });
  on("skip", "click", (event) => {
    event.preventDefault();
    at("title").focus();
    at("title").scrollIntoView();
  });
  on("methods", "click", ({ target }) => {
    if (target.closest(".copy")) copy(target.closest(".copy"));
  });
  window.addEventListener("hashchange", route);
  window.addEventListener("resize", () => {
    if (at("scroll").clientWidth !== state.room) drawColumns();
  });
  window.addEventListener("beforeprint", () => {
    Object.assign(state, { limit: Infinity, open: true });
    drawRows();
  });
}

async function copy(button) {
  const source = at(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(source.textContent);
    at("said").textContent = "Copied.";
    button.firstChild.data = "Copied";
    setTimeout(() => (button.firstChild.data = "Copy"), 2000);
  } catch {
    getSelection().selectAllChildren(source);
    at("said").textContent = "Selected; copy it with the keyboard.";
  }
}

// --- light and dark

const THEMES = ["system", "light", "dark"];
const root = document.documentElement;

function stored(act) {
  try {
    return act(localStorage);
  } catch {
    return null; // pages opened from a file may have no storage
  }
}

function wear(theme) {
  root.dataset.theme = theme;
  at("theme").textContent = `Theme: ${theme}`;
}

const kept = stored((storage) => storage.getItem("gzslbench-theme"));
wear(THEMES.includes(kept) ? kept : "system");
on("theme", "click", () => {
  wear(THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length]);
  stored((storage) => storage.setItem("gzslbench-theme", root.dataset.theme));
});
root.dataset.scripted = "";
if (page.views.length) {
  listen();
  route();
} else {
  for (const id of ["places", "view"]) at(id).remove();
}
