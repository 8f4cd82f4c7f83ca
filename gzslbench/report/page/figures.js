"use strict";
// What is drawn of a view: the seen-unseen plane, the heat map of H, the critical-difference diagram.
// The page needs a browser of 2024 or later (light-dark, Map.groupBy).

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const element = (name, attributes, ...children) => filled(document.createElement(name), attributes, children);
const drawn = (name, attributes, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
const path = (kind, d) => drawn("path", { class: kind, d });
const text = (words, x, y, anchor = null, kind = null) =>
  drawn("text", { x, y, "text-anchor": anchor, class: kind }, words);
const figure = (title, kind, ...children) => element("figure", { class: kind }, element("h3", {}, title), ...children);
const line = (...cells) => element("tr", {}, ...cells);
const head = (words, scope, kind = null, more = {}) => element("th", { scope, class: kind, ...more }, words);

function table(title, kind, heads, lines) {
  const caption = element("caption", { class: "unseen" }, title);
  return element("table", { class: kind }, caption, element("thead", {}, ...heads), element("tbody", {}, ...lines));
}

function drawing(name, title, description, width, height, role = "img") {
  const labels = { role, "aria-labelledby": `${name}-title ${name}-text` };
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, ...labels });
  svg.append(drawn("title", { id: `${name}-title` }, title), drawn("desc", { id: `${name}-text` }, description));
  return svg;
}

// The plane is of the rows that are shown, the heat map of all that match.
function figuresOf(view, rows, matching) {
  if (view.diagram) return [ranksFigure(view.diagram)];
  const budget = view.columns.findIndex(({ name }) => name === "budget");
  const count = Map.groupBy(matching, nameOf);
  const named = (row) => (count.get(nameOf(row)).length > 1 ? `${nameOf(row)}, ${row.cells[budget]}` : nameOf(row));
  const shown = rows.map((row) => ({ ...row, name: named(row), configuration: row.points[0] }));
  const points = matching.flatMap((row) => row.points.map((configuration) => ({ ...row, configuration })));
  const compared = points.filter(({ configuration: { choice } }) => ["last step", "calibrated"].includes(choice));
  return [points.length && shown.length > 1 ? planeFigure(shown) : null, heatFigure(compared)].filter(Boolean);
}

const nameOf = (row) => (row.settings ? `${row.method} ${row.settings}` : row.method);
const shortName = (row) => (row.settings ? row.method : row.name);

// --- the seen-unseen plane

const PLANE = { width: 560, height: 500, left: 44, right: 14, top: 14, bottom: 42 };

function planeFigure(rows) {
  const front = paretoFront(rows);
  const caption =
    "Each mark is a row of the table; filled ones are on the Pareto front: no other row beats them in both U and S. " +
    "Dashed lines join points of equal H. Point at a mark, or reach the marks by Tab and arrow keys, for its name and numbers.";
  const beside = element("div", {}, element("figcaption", {}, caption), frontTable(front));
  return figure("Seen against unseen accuracy", "plane", planeDrawing(rows, front), beside);
}

function paretoFront(rows) {
  const front = [];
  for (const row of rows.toSorted(({ configuration: a }, { configuration: b }) => b.u - a.u || b.s - a.s))
    if (!front.length || row.configuration.s > front.at(-1).configuration.s) front.push(row);
  return front;
}

function frontTable(front) {
  const heads = ["U", "S", "H"].map((name) => head(name, "col"));
  const lines = front.map((row) => {
    const { u, s, h } = row.configuration;
    const cells = [u, s, h].map((value) => element("td", {}, value.toFixed(1)));
    return line(head(shortName(row), "row", "left name", { title: row.name }), ...cells);
  });
  return table("Pareto front of U and S", "small", [line(head("Pareto front", "col", "left"), ...heads)], lines);
}

function planeDrawing(rows, front) {
  const { width, height, left, right, top, bottom } = PLANE;
  const [u, s] = [spanOf(rows, "u"), spanOf(rows, "s")];
  const across = (value) => left + ((value - u.low) / (u.high - u.low)) * (width - left - right);
  const up = (value) => height - bottom - ((value - s.low) / (s.high - s.low)) * (height - top - bottom);
  const at = ({ configuration }) => [across(configuration.u), up(configuration.s)];
  const description =
    `${rows.length} rows; U from ${u.low} to ${u.high} percent across, S from ${s.low} to ${s.high} percent upwards. ` +
    "The table beside it lists the Pareto front; arrow keys go from mark to mark.";
  const inside = drawn("rect", { x: left, y: top, width: width - left - right, height: height - top - bottom });
  const svg = drawing("plane", "Seen against unseen accuracy", description, width, height, "group");
  const others = rows.filter((row) => !front.includes(row));
  const taken = rows.map(at).map(([x, y]) => ({ x: x - 6, y: y - 6, w: 12, h: 12 }));
  const levels = contours(u, s, across, up, taken);
  const marks = [
    ...others.map((row) => mark(row, at(row), "point", 3.5)),
    ...front.map((row) => mark(row, at(row), "point best", 5)),
  ];
  svg.append(
    drawn("clipPath", { id: "plane-clip" }, inside),
    ...axes(u, s, across, up),
    ...levels,
    path("front", lineOf(front.map(at))),
    ...marks,
    ...labels(front, at, taken, "name"),
    ...labels(others, at, taken, "name minor"),
  );
  listenToMarks(svg, marks);
  return svg;
}

// One tab stop for all marks: arrow keys go on from left to right; whatever is pointed at or reached is named.
function listenToMarks(svg, marks) {
  const inOrder = marks.toSorted((a, b) => a.getAttribute("cx") - b.getAttribute("cx"));
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  const told = text("", 0, 0, null, "name told");
  const tell = (shown) => {
    const [x, y] = ["cx", "cy"].map((name) => Number(shown.getAttribute(name)));
    const before = x > PLANE.width / 2;
    told.textContent = shown.ariaLabel;
    filled(told, { x: x + (before ? -9 : 9), y: Math.max(y - 9, PLANE.top + 9), "text-anchor": before ? "end" : "start" }, []);
  };
  inOrder[0].setAttribute("tabindex", 0);
  svg.append(told);
  svg.addEventListener("focusin", ({ target }) => tell(target));
  svg.addEventListener("pointerover", ({ target }) => marks.includes(target) && tell(target));
  for (const leaving of ["focusout", "pointerout"]) svg.addEventListener(leaving, () => (told.textContent = ""));
  svg.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const place = Math.min(Math.max(inOrder.indexOf(event.target) + step, 0), inOrder.length - 1);
    event.target.setAttribute("tabindex", -1);
    inOrder[place].setAttribute("tabindex", 0);
    inOrder[place].focus();
  });
}

function spanOf(rows, metric) {
  const values = rows.map((row) => row.configuration[metric]);
  const low = Math.max(0, Math.floor(Math.min(...values) / 10 - 0.2) * 10);
  return { low, high: Math.max(low + 20, Math.min(100, Math.ceil(Math.max(...values) / 10 + 0.2) * 10)) };
}

function axes(u, s, across, up) {
  const [x0, x1, y0, y1] = [across(u.low), across(u.high), up(s.low), up(s.high)];
  const nodes = [];
  for (let value = u.low; value <= u.high; value += 10) nodes.push(text(value, across(value), y0 + 16, "middle"));
  for (let value = s.low; value <= s.high; value += 10) nodes.push(text(value, x0 - 7, up(value) + 4, "end"));
  return [
    ...nodes,
    path("axis", `M${x0} ${y1}V${y0}H${x1}`),
    text("U, unseen classes (%)", x1, y0 + 34, "end"),
    text("S, seen classes (%)", x0 + 6, y1 + 4),
  ];
}

function contours(u, s, across, up, taken) {
  const nodes = [];
  for (let h = 10; h < 100; h += 10) {
    const points = [];
    for (let x = Math.max(u.low, h / 2 + 0.5); x <= u.high + 0.01; x += 0.5) {
      const y = (h * x) / (2 * x - h);
      if (y >= s.low - 1 && y <= s.high + 5) points.push([across(x), up(y)]);
    }
    if (points.length < 2) continue;
    nodes.push(drawn("path", { class: "contour", "clip-path": "url(#plane-clip)", d: lineOf(points) }));
    const level = freeLevel(points.toReversed(), taken);
    if (!level) continue;
    taken.push(level);
    nodes.push(text(`H ${h}`, level.x + level.w, level.y + 10, "end", "name level"));
  }
  return nodes;
}

// The first place along a line, from its right end, where its level is clear of all marks.
function freeLevel(points, taken) {
  const places = points.map(([x, y]) => ({ x: x - 28, y: y - 6, w: 26, h: 12 }));
  return places.find((place) => isInside(place) && isFree(place, taken));
}

const lineOf = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;

function mark(row, [x, y], kind, r) {
  const { u, s, h } = row.configuration;
  const title = `${row.name}: U ${u.toFixed(1)}, S ${s.toFixed(1)}, H ${h.toFixed(1)}`;
  const spoken = { role: "img", "aria-label": title, tabindex: -1 };
  return drawn("circle", { class: kind, cx: x.toFixed(1), cy: y.toFixed(1), r, ...spoken });
}

// Names each method at one mark of its settings, where there is a place that is clear of marks and other names.
function labels(rows, at, taken, kind) {
  const nodes = [];
  for (const [name, [row]] of Map.groupBy(rows, shortName)) {
    const place = freePlace(...at(row), 7.2 * name.length, taken);
    if (!place) continue;
    taken.push(place);
    const [x, anchor] = place.leftwards ? [place.x + place.w, "end"] : [place.x, "start"];
    nodes.push(text(name, x, place.y + 11, anchor, kind));
  }
  return nodes;
}

function freePlace(x, y, w, taken) {
  const spots = [[9, -7], [9, -20], [9, 6], [-w - 9, -7], [-w - 9, 6], [-w - 9, -20], [-w / 2, -24], [-w / 2, 10]];
  const places = spots.map(([dx, dy]) => ({ x: x + dx, y: y + dy, w, h: 14, leftwards: dx < -w / 2 }));
  return places.find((place) => isInside(place) && isFree(place, taken));
}

function isInside({ x, y, w, h }) {
  return x > PLANE.left && x + w < PLANE.width && y > PLANE.top && y + h < PLANE.height - PLANE.bottom;
}

const isFree = ({ x, y, w, h }, taken) => taken.every((t) => x + w < t.x || t.x + t.w < x || y + h < t.y || t.y + t.h < y);

// --- the heat map of H

function heatFigure(rows) {
  const baseOf = ({ generator, classifier }) => (generator === "none" ? classifier : `${generator} · ${classifier}`);
  const bases = Map.groupBy(rows, ({ configuration }) => baseOf(configuration));
  const gates = [...new Set(rows.map(({ configuration }) => configuration.gate))].sort(calibratedFirst);
  if (bases.size < 2 || !rows.length) return null;
  const lines = [...bases].map(([base, alike]) => {
    const byGate = Map.groupBy(alike, ({ configuration }) => configuration.gate);
    return { base, cells: gates.map((gate) => byGate.get(gate)) };
  });
  const shown = lines.flatMap(({ cells }) => cells.filter(Boolean).map(hOf));
  const shade = shadeBy(shown);
  const drawn = lines
    .toSorted((a, b) => hOf(b.cells.find(Boolean)) - hOf(a.cells.find(Boolean)))
    .map(({ base, cells }) => line(head(base, "row"), ...cells.map((each) => heatCell(each, shade))));
  const heads = [line(head("generator · classifier", "col", "left"), ...gates.map((gate) => head(gate, "col")))];
  const title = "H by generator, classifier and gate";
  const scroll = { class: "scroll", tabindex: 0, role: "region", "aria-label": title };
  const caption =
    "In percent, as it stops or, with calibrated-stacking, calibrated; a stronger colour is higher. " +
    "Where several rows share a cell, it shows that with most seeds, then the latest.";
  const heat = element("div", scroll, table(title, "heat", heads, drawn));
  return figure(title, null, heat, element("figcaption", {}, caption));
}

const CALIBRATING = "calibrated-stacking";
const calibratedFirst = (a, b) => (b === CALIBRATING) - (a === CALIBRATING) || a.localeCompare(b, "en");
const hOf = (alike) => standingFor(alike).configuration.h;

function standingFor(rows) {
  const order = ({ configuration: a }, { configuration: b }) =>
    b.seeds - a.seeds || (b.created > a.created) - (b.created < a.created);
  return rows.toSorted(order)[0];
}

function shadeBy(values) {
  values.sort((a, b) => a - b);
  const [low, high] = [values[Math.floor(values.length / 5)], values.at(-1)]; // the lowest fifth is palest
  return (h) => (high > low ? Math.max(0, Math.round(((h - low) / (high - low)) * 6)) : 3);
}

function heatCell(alike, shade) {
  if (!alike) return element("td", {}, "–");
  const row = standingFor(alike);
  const { h, seeds, deterministic } = row.configuration;
  const run = deterministic ? "deterministic" : `${seeds} seed${seeds === 1 ? "" : "s"}`;
  const title = `${nameOf(row)}, ${run}; rows in this cell: ${alike.length}`;
  return element("td", { class: `h${shade(h)}`, title }, h.toFixed(1));
}

// --- the critical-difference diagram

const RANKS = { width: 640, side: 170, top: 58, step: 19 };

function ranksFigure(diagram) {
  const title = "Mean ranks over data sets";
  const said = diagram.ranks.map(([name, rank]) => `${name} ${rank.toFixed(2)}`).join("; ");
  const caption = element(
    "figcaption",
    {},
    `Over ${diagram.tasks} tasks, 1 being the best. A bar joins rows that Nemenyi's test can't tell apart. ` +
      `Mean ranks: ${said}.`,
  );
  return figure(title, null, ranksDrawing(diagram, said), caption);
}

function ranksDrawing({ ranks, difference, cliques }, said) {
  const { width, side, top, step } = RANKS;
  const most = Math.ceil(Math.max(...ranks.map(([, rank]) => rank), 2));
  const unit = (width - 2 * side) / (most - 1);
  const along = (rank) => side + (rank - 1) * unit;
  const half = Math.ceil(ranks.length / 2);
  const below = top + 14 + cliques.length * 8;
  const svg = drawing("ranks", "Critical-difference diagram", said, width, below + half * step + 10);
  svg.append(path("axis", `M${along(1)} ${top}H${along(most)}`));
  for (let rank = 1; rank <= most; rank++)
    svg.append(path("axis", `M${along(rank)} ${top}v-5`), text(rank, along(rank), top - 9, "middle"));
  svg.append(
    path("axis", `M${along(1)} 22v-6m0 3h${difference * unit}m0 -3v6`),
    text(`critical difference ${difference.toFixed(2)}`, along(1), 11),
  );
  cliques.forEach(([first, last], place) => {
    const y = top + 10 + place * 8;
    svg.append(path("clique", `M${along(ranks[first][1]) - 4} ${y}H${along(ranks[last][1]) + 4}`));
  });
  ranks.forEach(([name, rank], place) => {
    const leftwards = place < half;
    const y = below + (leftwards ? place : ranks.length - 1 - place) * step + 8;
    const end = leftwards ? side - 16 : width - side + 16;
    svg.append(
      path("leader", `M${along(rank)} ${top}V${y - 4}H${end}`),
      text(`${name} ${rank.toFixed(2)}`, leftwards ? end - 5 : end + 5, y, leftwards ? "end" : "start", "name"),
    );
  });
  return svg;
}
