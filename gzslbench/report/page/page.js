// The view that the address names: #CUB/inductive?sort=U&order=ascending&words=gsm&is.UD=N

const ROWS_AT_FIRST = 100;
const ROWS_MORE = 400;
const OTHER = { ascending: "descending", descending: "ascending" };

const page = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const state = { view: null, sort: "", order: "", words: "", is: {}, costs: true, limit: ROWS_AT_FIRST };

function rowsOf(view) {
  view.rows ??= JSON.parse(at(`rows-${page.views.indexOf(view)}`).textContent);
  return view.rows;
}

// --- the address

function addressOf(view) {
  return `#${encodeURIComponent(view.name)}/${encodeURIComponent(view.protocol)}`;
}

function hashOf() {
  const query = new URLSearchParams();
  const usual = usualOrder(state.view);
  if (state.sort !== usual.sort || state.order !== usual.order) {
    query.set("sort", state.sort);
    query.set("order", state.order);
  }
  if (state.words) query.set("words", state.words);
  for (const [column, value] of Object.entries(state.is)) query.set(`is.${column}`, value);
  if (!state.costs) query.set("costs", "hidden");
  const text = query.toString();
  return addressOf(state.view) + (text ? `?${text}` : "");
}

function remember() {
  history.replaceState(null, "", hashOf());
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function viewAt(path) {
  const slash = path.lastIndexOf("/");
  const [name, protocol] = slash < 0 ? [path, ""] : [path.slice(0, slash), path.slice(slash + 1)];
  const { views } = page;
  return (
    views.find((view) => view.name === name && view.protocol === protocol) ??
    views.find((view) => view.dataSet === name && view.protocol === protocol) ??
    (slash < 0 ? views.find((view) => view.dataSet === name) : undefined)
  );
}

function usualView() {
  return page.views.find((view) => view.protocol === "inductive") ?? page.views[0];
}

function route() {
  const [path, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  const place = decoded(path);
  if (place.startsWith("method/") && !viewAt(place)) {
    if (!state.view) show(usualView(), new URLSearchParams());
    openCard(place.slice("method/".length));
    return;
  }
  const view = viewAt(place);
  show(view ?? usualView(), new URLSearchParams(view ? query : ""));
  at("missing").hidden = Boolean(view) || !place;
  at("missing").textContent = view || !place ? "" : `There is no table “${place}”; this is another one.`;
}

function show(view, query) {
  const moved = state.view && state.view !== view;
  const usual = usualOrder(view);
  const known = (name) => view.columns.some((column) => column.name === name);
  const sort = query.get("sort");
  state.view = view;
  state.sort = known(sort) ? sort : usual.sort;
  state.order = known(sort) && OTHER[query.get("order")] ? query.get("order") : usual.order;
  state.words = query.get("words") ?? "";
  state.is = {};
  for (const [name, value] of query) if (name.startsWith("is.") && known(name.slice(3))) state.is[name.slice(3)] = value;
  state.costs = query.get("costs") !== "hidden";
  state.limit = ROWS_AT_FIRST;
  drawPlaces();
  drawView();
  if (moved) at("title").focus({ preventScroll: true });
}

function usualOrder(view) {
  const best = view.columns.find((column) => column.name === (view.dataSet === "all" ? "mean" : "H"));
  return view.ranked && best ? { sort: best.name, order: "descending" } : { sort: "method", order: "ascending" };
}

// --- where one can go

function drawPlaces() {
  const { view } = state;
  const names = [...new Set(page.views.map((each) => each.dataSet))];
  at("data-sets").replaceChildren(
    ...names.map((name) => {
      const there = page.views.filter((each) => each.dataSet === name);
      const target = there.find((each) => each.protocol === view.protocol) ?? there[0];
      return link(name === "all" ? "All" : name, target, name === view.dataSet);
    }),
  );
  const here = page.views.filter((each) => each.dataSet === view.dataSet);
  at("protocols").replaceChildren(
    ...here.map((each) => link(each.name === each.dataSet ? each.protocol : `${each.protocol} (${each.name})`, each, each === view)),
  );
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
  drawChoices();
  drawHead();
  drawRows();
}

function choicesOf(view) {
  return view.columns.flatMap((column, place) => {
    if (column.numeric || column.name === "method") return [];
    const values = [...new Set(rowsOf(view).map((row) => row.cells[place]))].sort();
    return values.length > 1 && values.length <= 8 ? [{ name: column.name, values }] : [];
  });
}

function drawChoices() {
  at("choices").replaceChildren(
    ...choicesOf(state.view).map(({ name, values }) => {
      const select = element("select", { "data-column": name }, element("option", { value: "" }, "any"));
      for (const value of values) select.append(element("option", { value: `=${value}` }, value));
      select.value = name in state.is ? `=${state.is[name]}` : "";
      return element("label", {}, `${name} `, select);
    }),
  );
}

function drawHead() {
  const cells = state.view.columns.map((column) => {
    const button = element("button", { type: "button", "data-column": column.name }, column.name);
    return element("th", { scope: "col", class: classOf(column), "data-column": column.name }, button);
  });
  at("table").tHead.replaceChildren(element("tr", {}, ...cells));
  at("table").classList.toggle("without-costs", !state.costs);
}

function classOf(column) {
  const names = { left: column.left, cost: column.cost, method: column.name === "method", key: column.name === "H" };
  return Object.keys(names).filter((name) => names[name]).join(" ") || null;
}

function chosenRows() {
  const { view, is } = state;
  const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
  const columns = Object.entries(is).map(([name, value]) => [view.columns.findIndex((column) => column.name === name), value]);
  const rows = rowsOf(view).filter((row) => {
    const text = `${row.method} ${row.settings}`.toLowerCase();
    return words.every((word) => text.includes(word)) && columns.every(([place, value]) => row.cells[place] === value);
  });
  return rows.sort(comparing());
}

function comparing() {
  const place = state.view.columns.findIndex((column) => column.name === state.sort);
  const sign = state.order === "ascending" ? 1 : -1;
  if (!state.view.columns[place].numeric)
    return (a, b) => sign * a.cells[place].localeCompare(b.cells[place], "en", { numeric: true });
  return (a, b) => {
    const [one, other] = [a.numbers[place], b.numbers[place]];
    if (one === null || other === null) return (one === null) - (other === null);
    return sign * (one - other);
  };
}

function drawRows() {
  const { view } = state;
  const rows = chosenRows();
  const shown = rows.slice(0, state.limit);
  for (const cell of at("table").tHead.rows[0].cells)
    if (cell.dataset.column === state.sort) cell.setAttribute("aria-sort", state.order);
    else cell.removeAttribute("aria-sort");
  const classes = view.columns.map(classOf);
  at("table").tBodies[0].replaceChildren(...shown.map((row) => tableRow(row, classes)));
  at("more").hidden = shown.length === rows.length;
  at("more").firstElementChild.textContent = `Show ${Math.min(ROWS_MORE, rows.length - shown.length)} more rows`;
  at("status").textContent = statusOf(rows.length, shown.length);
  at("figures").replaceChildren(...figuresOf(view, rows));
}

function statusOf(chosen, shown) {
  const total = state.view.size;
  const count = chosen === total ? `${total} rows` : `${chosen} of ${total} rows`;
  return `${count}${shown < chosen ? `, the first ${shown} shown` : ""}, by ${state.sort}, ${state.order}`;
}

function tableRow(row, classes) {
  return element(
    "tr",
    {},
    ...row.cells.map((text, place) =>
      state.view.columns[place].name === "method"
        ? element("th", { scope: "row", class: classes[place] }, ...methodLabel(row))
        : element("td", { class: classes[place] }, text),
    ),
  );
}

function methodLabel(row) {
  const known = page.methods.includes(row.method);
  const name = known ? element("a", { href: `#method/${encodeURIComponent(row.method)}` }, row.method) : row.method;
  return row.settings ? [name, " ", element("span", { class: "settings" }, row.settings)] : [name];
}

// --- what the reader does

function openCard(name) {
  const card = at(`method-${page.methods.indexOf(name)}`);
  if (!card) return;
  card.open = true;
  card.scrollIntoView();
  card.querySelector("summary").focus();
}

function sortBy(name) {
  const { numeric, cost } = state.view.columns.find((column) => column.name === name);
  const first = numeric && !cost ? "descending" : "ascending";
  state.order = state.sort === name ? OTHER[state.order] : first;
  state.sort = name;
}

function changed() {
  state.limit = ROWS_AT_FIRST;
  drawRows();
  remember();
}

function listen() {
  at("table").tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    sortBy(button.dataset.column);
    changed();
  });
  at("words").addEventListener("input", () => {
    state.words = at("words").value.trim();
    changed();
  });
  at("choices").addEventListener("change", ({ target }) => {
    if (target.value) state.is[target.dataset.column] = target.value.slice(1);
    else delete state.is[target.dataset.column];
    changed();
  });
  at("costs").addEventListener("change", () => {
    state.costs = at("costs").checked;
    at("table").classList.toggle("without-costs", !state.costs);
    remember();
  });
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("filters").addEventListener("reset", (event) => {
    event.preventDefault();
    show(state.view, new URLSearchParams());
    remember();
  });
  at("more").addEventListener("click", () => {
    const next = state.limit;
    state.limit += ROWS_MORE;
    drawRows();
    at("table").tBodies[0].rows[next]?.querySelector("a")?.focus({ preventScroll: true });
  });
  at("skip").addEventListener("click", (event) => {
    event.preventDefault();
    at("title").focus();
    at("title").scrollIntoView();
  });
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.(".copy")) copy(target.closest(".copy"));
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

function kept(theme) {
  try {
    if (theme) localStorage.setItem("gzslbench-theme", theme);
    return localStorage.getItem("gzslbench-theme");
  } catch {
    return theme; // pages opened from a file may have no storage
  }
}

function wear(theme) {
  document.documentElement.dataset.theme = theme;
  at("theme").textContent = `Theme: ${theme}`;
}

function dress() {
  wear(THEMES.includes(kept()) ? kept() : "system");
  at("theme").addEventListener("click", () => {
    const theme = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
    kept(theme);
    wear(theme);
  });
}

document.documentElement.dataset.scripted = "";
dress();
if (page.views.length) {
  listen();
  route();
} else {
  for (const id of ["places", "view"]) at(id).remove();
}
