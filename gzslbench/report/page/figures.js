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

function drawing(name, title, description, width, height) {
  const labels = { role: "img", "aria-labelledby": `${name}-title ${name}-text` };
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, ...labels });
  svg.append(drawn("title", { id: `${name}-title` }, title), drawn("desc", { id: `${name}-text` }, description));
  return svg;
}

function figuresOf(view, rows) {
  if (view.diagram) return [ranksFigure(view.diagram)];
  const shown = rows.map((row) => ({ ...row, configuration: row.points[0] }));
  const points = rows.flatMap((row) => row.points.map((configuration) => ({ ...row, configuration })));
  const compared = points.filter(({ configuration: { choice } }) => ["last step", "calibrated"].includes(choice));
  return [heatFigure(compared), points.length && shown.length > 1 ? planeFigure(shown) : null].filter(Boolean);
}

const nameOf = (row) => (row.settings ? `${row.method} ${row.settings}` : row.method);

// --- the seen-unseen plane

const PLANE = { width: 560, height: 500, left: 44, right: 14, top: 14, bottom: 42 };

function planeFigure(rows) {
  const front = paretoFront(rows);
  const caption =
    "Each mark is a row of the table; filled ones are on the Pareto front: no other row beats them in both U and S. " +
    "Dashed lines join points of equal H.";
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
    return line(head(row.method, "row", "left name", { title: nameOf(row) }), ...cells);
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
    "The table beside it lists the Pareto front.";
  const inside = drawn("rect", { x: left, y: top, width: width - left - right, height: height - top - bottom });
  const svg = drawing("plane", "Seen against unseen accuracy", description, width, height);
  svg.append(
    drawn("clipPath", { id: "plane-clip" }, inside),
    ...axes(u, s, across, up),
    ...contours(u, s, across, up),
    path("front", lineOf(front.map(at))),
    ...rows.filter((row) => !front.includes(row)).map((row) => mark(row, at(row), "point", 3.5)),
    ...front.map((row) => mark(row, at(row), "point best", 5)),
    ...labels(front, at),
  );
  return svg;
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

function contours(u, s, across, up) {
  const nodes = [];
  for (let h = 10; h < 100; h += 10) {
    const points = [];
    for (let x = Math.max(u.low, h / 2 + 0.5); x <= u.high + 0.01; x += 0.5) {
      const y = (h * x) / (2 * x - h);
      if (y >= s.low - 1 && y <= s.high + 5) points.push([across(x), up(y)]);
    }
    if (points.length < 2) continue;
    nodes.push(drawn("path", { class: "contour", "clip-path": "url(#plane-clip)", d: lineOf(points) }));
    const [first, last] = [points[0], points.at(-1)];
    const ends = last[1] < up(s.low) - 8; // at the right edge; else the line leaves through the bottom
    const [x, y] = ends ? [last[0] - 4, last[1] - 4] : [first[0] - 4, Math.max(first[1], PLANE.top) + 24];
    if (y > PLANE.top + 8) nodes.push(text(`H ${h}`, x, y, "end", "level"));
  }
  return nodes;
}

const lineOf = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;

function mark(row, [x, y], kind, r) {
  const { u, s, h } = row.configuration;
  const title = `${nameOf(row)}: U ${u.toFixed(1)}, S ${s.toFixed(1)}, H ${h.toFixed(1)}`;
  return drawn("circle", { class: kind, cx: x.toFixed(1), cy: y.toFixed(1), r }, drawn("title", {}, title));
}

function labels(front, at) {
  const taken = front.map(at).map(([x, y]) => ({ x: x - 6, y: y - 6, w: 12, h: 12 }));
  const nodes = [];
  for (const [method, [row]] of Map.groupBy(front, (row) => row.method)) {
    const place = freePlace(...at(row), 7.2 * method.length, taken);
    if (!place) continue;
    taken.push(place);
    const [x, anchor] = place.leftwards ? [place.x + place.w, "end"] : [place.x, "start"];
    nodes.push(text(method, x, place.y + 11, anchor, "name"));
  }
  return nodes;
}

function freePlace(x, y, w, taken) {
  const spots = [[9, -7], [9, -20], [9, 6], [-w - 9, -7], [-w - 9, 6], [-w - 9, -20], [-w / 2, -24], [-w / 2, 10]];
  const places = spots.map(([dx, dy]) => ({ x: x + dx, y: y + dy, w, h: 14, leftwards: dx < -w / 2 }));
  const [right, bottom] = [PLANE.width, PLANE.height - PLANE.bottom];
  const inside = (p) => p.x > PLANE.left && p.x + p.w < right && p.y > PLANE.top && p.y + p.h < bottom;
  const free = (p) => taken.every((t) => p.x + p.w < t.x || t.x + t.w < p.x || p.y + p.h < t.y || t.y + t.h < p.y);
  return places.find((place) => inside(place) && free(place));
}

// --- the heat map of H

function heatFigure(rows) {
  const keyOf = (...names) => JSON.stringify(names);
  const cells = Map.groupBy(rows, ({ configuration: of }) => keyOf(of.generator, of.gate, of.classifier));
  if (cells.size < 2) return null;
  const keys = [...cells.keys()].map((key) => JSON.parse(key));
  const columns = sorted(keys.map(([, gate, classifier]) => keyOf(gate, classifier))).map((key) => JSON.parse(key));
  const shade = shadeBy([...cells.values()].map((alike) => standingFor(alike).configuration.h));
  const lines = sorted(keys.map(([generator]) => generator)).map((generator) => {
    const alike = columns.map((column) => cells.get(keyOf(generator, ...column)));
    return line(head(generator, "row"), ...alike.map((each) => heatCell(each, shade)));
  });
  const gates = [...Map.groupBy(columns, ([gate]) => gate)].map(([gate, { length }]) =>
    head(gate, "colgroup", null, { colspan: length }),
  );
  const classifiers = columns.map(([, classifier]) => head(classifier, "col"));
  const heads = [
    line(head("gate", "row", "left"), ...gates),
    line(head("generator \\ classifier", "col", "left"), ...classifiers),
  ];
  const title = "H by generator, gate and classifier";
  const scroll = { class: "scroll", tabindex: 0, role: "region", "aria-label": title };
  const caption =
    "In percent, as it stops or, with calibrated-stacking, calibrated; a stronger colour is higher. " +
    "Where several rows share a cell, it shows that with most seeds, then the latest.";
  const heat = element("div", scroll, table(title, "heat", heads, lines));
  return figure(title, null, heat, element("figcaption", {}, caption));
}

const sorted = (names) => [...new Set(names)].sort();

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
