// The view that the address names: #CUB/inductive?sort=U&order=ascending&words=gsm&is.UD=N

const ROWS_AT_FIRST = 100;
const ROWS_MORE = 400;
const OTHER = { ascending: "descending", descending: "ascending" };

const at = (id) => document.getElementById(id);
const page = JSON.parse(at("data").textContent);
const state = { view: null, sort: "", order: "", words: "", is: {}, costs: true, limit: ROWS_AT_FIRST };

function rowsOf(view) {
  view.rows ??= JSON.parse(at(`rows-${page.views.indexOf(view)}`).textContent);
  return view.rows;
}

const placeOf = (view, name) => view.columns.findIndex((column) => column.name === name);

// --- the address

const addressOf = (view) => `#${encodeURIComponent(view.name)}/${encodeURIComponent(view.protocol)}`;

function remember() {
  const query = new URLSearchParams();
  const usual = usualOrder(state.view);
  if (state.sort !== usual.sort || state.order !== usual.order) {
    query.set("sort", state.sort);
    query.set("order", state.order);
  }
  if (state.words) query.set("words", state.words);
  for (const [column, value] of Object.entries(state.is)) query.set(`is.${column}`, value);
  if (!state.costs) query.set("costs", "hidden");
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
  card.open = true;
  card.scrollIntoView();
  card.querySelector("summary").focus();
}

function show(view, search = "") {
  const moved = state.view && state.view !== view;
  const query = new URLSearchParams(search);
  const known = (name) => placeOf(view, name) >= 0;
  const { sort, order } = usualOrder(view);
  Object.assign(state, { view, sort, order, is: {}, limit: ROWS_AT_FIRST });
  if (known(query.get("sort"))) {
    state.sort = query.get("sort");
    state.order = OTHER[query.get("order")] ? query.get("order") : order;
  }
  state.words = query.get("words") ?? "";
  for (const [name, value] of query)
    if (name.startsWith("is.") && known(name.slice(3))) state.is[name.slice(3)] = value;
  state.costs = query.get("costs") !== "hidden";
  drawPlaces();
  drawView();
  if (moved) at("title").focus({ preventScroll: true });
}

function usualOrder(view) {
  return view.bestBy ? { sort: view.bestBy, order: "descending" } : { sort: "method", order: "ascending" };
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
  at("costs").checked = state.costs;
  at("costs").closest("label").hidden = !view.columns.some((column) => column.cost);
  at("notes").replaceChildren(...view.notes.map((note) => element("li", {}, note)));
  at("choices").replaceChildren(...view.columns.flatMap(choice));
  const heads = view.columns.map((column) => {
    const button = element("button", { type: "button", "data-column": column.name }, column.name);
    return head(button, "col", classOf(column), { "data-column": column.name });
  });
  at("table").tHead.replaceChildren(element("tr", {}, ...heads));
  at("table").classList.toggle("without-costs", !state.costs);
  drawRows();
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
  const names = { left: column.left, cost: column.cost, method: column.name === "method", key: column.name === state.view.bestBy };
  return Object.keys(names).filter((name) => names[name]).join(" ") || null;
}

function drawRows() {
  const { view, sort, order } = state;
  const rows = chosenRows();
  const shown = rows.slice(0, state.limit);
  for (const cell of at("table").tHead.rows[0].cells) cell.ariaSort = cell.dataset.column === sort ? order : null;
  const classes = view.columns.map(classOf);
  at("table").tBodies[0].replaceChildren(...shown.map((row) => tableRow(row, classes)));
  at("more").hidden = shown.length === rows.length;
  at("more").firstElementChild.textContent = `Show ${Math.min(ROWS_MORE, rows.length - shown.length)} more rows`;
  const count = rows.length === view.size ? `${view.size} rows` : `${rows.length} of ${view.size} rows`;
  const cut = shown.length < rows.length ? `, the first ${shown.length} shown` : "";
  at("status").textContent = `${count}${cut}, by ${sort}, ${order}`;
  at("figures").replaceChildren(...figuresOf(view, rows));
}

function chosenRows() {
  const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = Object.entries(state.is).map(([name, value]) => [placeOf(state.view, name), value]);
  const rows = rowsOf(state.view).filter((row) => {
    const text = `${row.method} ${row.settings}`.toLowerCase();
    return words.every((word) => text.includes(word)) && wanted.every(([place, value]) => row.cells[place] === value);
  });
  return rows.sort(comparing());
}

function comparing() {
  const place = placeOf(state.view, state.sort);
  const sign = state.order === "ascending" ? 1 : -1;
  if (!state.view.columns[place].numeric)
    return (a, b) => sign * a.cells[place].localeCompare(b.cells[place], "en", { numeric: true });
  return (a, b) => {
    const [one, other] = [a.numbers[place], b.numbers[place]];
    if (one === null || other === null) return (one === null) - (other === null);
    return sign * (one - other);
  };
}

function tableRow(row, classes) {
  const cells = row.cells.map((text, place) =>
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
    const { numeric, cost } = state.view.columns[placeOf(state.view, name)];
    const first = numeric && !cost ? "descending" : "ascending";
    Object.assign(state, { sort: name, order: state.sort === name ? OTHER[state.order] : first });
    changed();
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
  on("costs", "change", () => {
    state.costs = at("costs").checked;
    at("table").classList.toggle("without-costs", !state.costs);
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
  window.addEventListener("beforeprint", () => {
    state.limit = Infinity;
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
