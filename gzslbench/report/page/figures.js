"use strict";
// What is drawn of a view: the seen-unseen plane, the heat map of H, the critical-difference diagram.

const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function figuresOf(view, rows) {
  if (view.dataSet === "all") return [ranksFigure(view.diagram)];
  const placed = rows.filter((row) => row.configuration);
  return [heatFigure(placed), placed.length > 1 ? planeFigure(placed) : null].filter(Boolean);
}

// --- the seen-unseen plane

const PLANE = { width: 560, height: 500, left: 44, right: 14, top: 14, bottom: 42 };

function planeFigure(rows) {
  const front = paretoFront(rows);
  return element(
    "figure",
    { class: "plane" },
    element("h3", {}, "Seen against unseen accuracy"),
    planeDrawing(rows, front),
    element(
      "div",
      {},
      element("figcaption", {}, "Each mark is a row of the table; filled ones are on the Pareto front: no other row beats them in both U and S. Dashed lines join points of equal H."),
      frontTable(front),
    ),
  );
}

function frontTable(front) {
  const head = element("tr", {}, element("th", { scope: "col", class: "left" }, "Pareto front"));
  for (const name of ["U", "S", "H"]) head.append(element("th", { scope: "col" }, name));
  const lines = front.map((row) => {
    const { u, s, h } = row.configuration;
    const cells = [u, s, h].map((value) => element("td", {}, value.toFixed(1)));
    return element("tr", {}, element("th", { scope: "row", class: "left name", title: nameOf(row) }, row.method), ...cells);
  });
  const caption = element("caption", { class: "unseen" }, "Pareto front of U and S");
  return element("table", { class: "small" }, caption, element("thead", {}, head), element("tbody", {}, ...lines));
}

const usOf = ({ configuration: { u, s, h } }) => `U ${u.toFixed(1)}, S ${s.toFixed(1)}, H ${h.toFixed(1)}`;
const nameOf = (row) => (row.settings ? `${row.method} ${row.settings}` : row.method);

function paretoFront(rows) {
  const byU = [...rows].sort((a, b) => b.configuration.u - a.configuration.u || b.configuration.s - a.configuration.s);
  const front = [];
  for (const row of byU) if (!front.length || row.configuration.s > front.at(-1).configuration.s) front.push(row);
  return front;
}

function planeDrawing(rows, front) {
  const bounds = boundsOf(rows);
  const { width, height, left, right, top, bottom } = PLANE;
  const across = (u) => left + ((u - bounds.u[0]) / (bounds.u[1] - bounds.u[0])) * (width - left - right);
  const up = (s) => height - bottom - ((s - bounds.s[0]) / (bounds.s[1] - bounds.s[0])) * (height - top - bottom);
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": "plane-title plane-text" });
  svg.append(
    drawn("title", { id: "plane-title" }, "Seen against unseen accuracy"),
    drawn("desc", { id: "plane-text" }, `${rows.length} rows; U from ${bounds.u[0]} to ${bounds.u[1]} percent across, S from ` +
      `${bounds.s[0]} to ${bounds.s[1]} percent upwards. The table beside it lists the Pareto front.`),
    drawn("clipPath", { id: "plane-clip" }, drawn("rect", { x: left, y: top, width: width - left - right, height: height - top - bottom })),
    ...axes(bounds, across, up),
    ...contours(bounds, across, up),
    drawn("path", { class: "front", d: pathOf(front.map(({ configuration: { u, s } }) => [across(u), up(s)])) }),
  );
  const best = new Set(front);
  for (const row of [...rows.filter((row) => !best.has(row)), ...front]) svg.append(mark(row, best.has(row), across, up));
  svg.append(...labels(front, across, up));
  return svg;
}

function boundsOf(rows) {
  const span = (values) => {
    const low = Math.max(0, Math.floor(Math.min(...values) / 10 - 0.2) * 10);
    return [low, Math.max(low + 20, Math.min(100, Math.ceil(Math.max(...values) / 10 + 0.2) * 10))];
  };
  return { u: span(rows.map((row) => row.configuration.u)), s: span(rows.map((row) => row.configuration.s)) };
}

function axes(bounds, across, up) {
  const nodes = [];
  const [x0, x1, y0, y1] = [across(bounds.u[0]), across(bounds.u[1]), up(bounds.s[0]), up(bounds.s[1])];
  for (let u = bounds.u[0]; u <= bounds.u[1]; u += 10)
    nodes.push(drawn("text", { x: across(u), y: y0 + 16, "text-anchor": "middle" }, String(u)));
  for (let s = bounds.s[0]; s <= bounds.s[1]; s += 10)
    nodes.push(drawn("text", { x: x0 - 7, y: up(s) + 4, "text-anchor": "end" }, String(s)));
  nodes.push(
    drawn("path", { class: "axis", d: `M${x0} ${y1}V${y0}H${x1}` }),
    drawn("text", { x: x1, y: y0 + 34, "text-anchor": "end" }, "U, unseen classes (%)"),
    drawn("text", { x: x0 + 6, y: y1 + 4 }, "S, seen classes (%)"),
  );
  return nodes;
}

function contours(bounds, across, up) {
  const nodes = [];
  for (let h = 10; h < 100; h += 10) {
    const points = [];
    for (let u = Math.max(bounds.u[0], h / 2 + 0.5); u <= bounds.u[1] + 0.01; u += 0.5) {
      const s = (h * u) / (2 * u - h);
      if (s >= bounds.s[0] - 1 && s <= bounds.s[1] + 5) points.push([across(u), up(s)]);
    }
    if (points.length < 2) continue;
    nodes.push(drawn("path", { class: "contour", "clip-path": "url(#plane-clip)", d: pathOf(points) }));
    const last = points.at(-1);
    const [x, y] = last[1] < up(bounds.s[0]) - 8 ? [last[0] - 4, last[1] - 4] : [points[0][0] - 4, Math.max(points[0][1], PLANE.top) + 24];
    if (y > PLANE.top + 8) nodes.push(drawn("text", { class: "level", x, y, "text-anchor": "end" }, `H ${h}`));
  }
  return nodes;
}

const pathOf = (points) => points.map(([x, y], place) => `${place ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

function mark(row, best, across, up) {
  const { u, s } = row.configuration;
  const attributes = { class: best ? "point best" : "point", cx: across(u).toFixed(1), cy: up(s).toFixed(1), r: best ? 5 : 3.5 };
  return drawn("circle", attributes, drawn("title", {}, `${nameOf(row)}: ${usOf(row)}`));
}

function labels(front, across, up) {
  const taken = front.map(({ configuration: { u, s } }) => ({ x: across(u) - 6, y: up(s) - 6, w: 12, h: 12 }));
  const named = new Set();
  const nodes = [];
  for (const row of front) {
    if (named.has(row.method)) continue;
    named.add(row.method);
    const place = freePlace(across(row.configuration.u), up(row.configuration.s), 7.2 * row.method.length, taken);
    if (!place) continue;
    taken.push(place);
    const anchor = place.leftwards ? "end" : "start";
    nodes.push(drawn("text", { class: "name", x: place.leftwards ? place.x + place.w : place.x, y: place.y + 11, "text-anchor": anchor }, row.method));
  }
  return nodes;
}

function freePlace(x, y, w, taken) {
  const spots = [[9, -7], [9, -20], [9, 6], [-w - 9, -7], [-w - 9, 6], [-w - 9, -20], [-w / 2, -24], [-w / 2, 10]];
  const places = spots.map(([dx, dy]) => ({ x: x + dx, y: y + dy, w, h: 14, leftwards: dx < -w / 2 }));
  const inside = (p) => p.x > PLANE.left && p.x + p.w < PLANE.width && p.y > PLANE.top && p.y + p.h < PLANE.height - PLANE.bottom;
  const free = (p) => taken.every((t) => p.x + p.w < t.x || t.x + t.w < p.x || p.y + p.h < t.y || t.y + t.h < p.y);
  return places.find((place) => inside(place) && free(place));
}

// --- the heat map of H

function heatFigure(rows) {
  const cells = new Map();
  for (const row of rows) {
    const { generator, gate, classifier } = row.configuration;
    const key = JSON.stringify([generator, gate, classifier]);
    cells.set(key, [...(cells.get(key) ?? []), row]);
  }
  if (cells.size < 2) return null;
  const keys = [...cells.keys()].map((key) => JSON.parse(key));
  const generators = sorted(keys.map(([generator]) => generator));
  const columns = sorted(keys.map(([, ...column]) => JSON.stringify(column))).map((column) => JSON.parse(column));
  const shown = new Map([...cells].map(([key, alike]) => [key, standingFor(alike)]));
  const scale = scaleOf([...shown.values()].map((row) => row.configuration.h));
  const table = element("table", { class: "heat" }, element("caption", { class: "unseen" }, "H by generator, gate and classifier"));
  table.append(heatHead(columns), element("tbody", {}, ...generators.map((generator) => heatRow(generator, columns, shown, cells, scale))));
  return element(
    "figure",
    {},
    element("h3", {}, "H by generator, gate and classifier"),
    element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "H by generator, gate and classifier" }, table),
    element("figcaption", {}, "In percent; a stronger colour is higher. Where several rows share a cell, it shows that with most seeds, then the latest."),
  );
}

const sorted = (names) => [...new Set(names)].sort();

function standingFor(rows) {
  const before = (a, b) => a.seeds - b.seeds || (a.created < b.created ? -1 : a.created > b.created ? 1 : 0);
  return rows.reduce((chosen, row) => (before(row.configuration, chosen.configuration) > 0 ? row : chosen));
}

function scaleOf(values) {
  values.sort((a, b) => a - b);
  return { low: values[Math.floor(values.length / 5)], high: values.at(-1) }; // the lowest fifth shares the palest shade
}

function heatHead(columns) {
  const gates = element("tr", {}, element("th", { scope: "row", class: "left" }, "gate"));
  for (const gate of sorted(columns.map(([gate]) => gate))) {
    const width = columns.filter(([other]) => other === gate).length;
    gates.append(element("th", { scope: "colgroup", colspan: width }, gate));
  }
  const classifiers = columns.map(([, classifier]) => element("th", { scope: "col" }, classifier));
  return element("thead", {}, gates, element("tr", {}, element("th", { scope: "col", class: "left" }, "generator \\ classifier"), ...classifiers));
}

function heatRow(generator, columns, shown, cells, { low, high }) {
  const row = element("tr", {}, element("th", { scope: "row" }, generator));
  for (const column of columns) {
    const key = JSON.stringify([generator, ...column]);
    const found = shown.get(key);
    if (!found) {
      row.append(element("td", {}, "–"));
      continue;
    }
    const { h } = found.configuration;
    const level = high > low ? Math.max(0, Math.round(((h - low) / (high - low)) * 6)) : 3;
    const title = `${nameOf(found)}, ${found.configuration.seeds} seeds; rows in this cell: ${cells.get(key).length}`;
    row.append(element("td", { class: `h${level}`, title }, h.toFixed(1)));
  }
  return row;
}

// --- the critical-difference diagram

function ranksFigure(diagram) {
  const figure = element("figure", {}, element("h3", {}, "Mean ranks over data sets"));
  if (!diagram || diagram.missing) {
    figure.append(element("p", { class: "quiet" }, diagram ? diagram.missing : "No ranks."));
    return figure;
  }
  const said = diagram.ranks.map(([name, rank]) => `${name} ${rank.toFixed(2)}`).join("; ");
  figure.append(ranksDrawing(diagram, said), element("figcaption", {}, `${diagram.summary} Mean ranks: ${said}.`));
  return figure;
}

const RANKS = { width: 640, side: 170, top: 58, step: 19 };

function ranksDrawing({ ranks, difference, cliques }, said) {
  const most = Math.ceil(Math.max(...ranks.map(([, rank]) => rank), 2));
  const along = (rank) => RANKS.side + ((rank - 1) / (most - 1)) * (RANKS.width - 2 * RANKS.side);
  const half = Math.ceil(ranks.length / 2);
  const below = RANKS.top + 14 + cliques.length * 8;
  const height = below + half * RANKS.step + 10;
  const svg = drawn("svg", { viewBox: `0 0 ${RANKS.width} ${height}`, role: "img", "aria-labelledby": "ranks-title ranks-text" });
  svg.append(drawn("title", { id: "ranks-title" }, "Critical-difference diagram"), drawn("desc", { id: "ranks-text" }, said));
  svg.append(drawn("path", { class: "axis", d: `M${along(1)} ${RANKS.top}H${along(most)}` }));
  for (let rank = 1; rank <= most; rank++)
    svg.append(
      drawn("path", { class: "axis", d: `M${along(rank)} ${RANKS.top}v-5` }),
      drawn("text", { x: along(rank), y: RANKS.top - 9, "text-anchor": "middle" }, String(rank)),
    );
  const unit = (RANKS.width - 2 * RANKS.side) / (most - 1);
  svg.append(
    drawn("path", { class: "axis", d: `M${along(1)} 22v-6m0 3h${difference * unit}m0 -3v6` }),
    drawn("text", { x: along(1), y: 11 }, `critical difference ${difference.toFixed(2)}`),
  );
  cliques.forEach(([first, last], place) => {
    const y = RANKS.top + 10 + place * 8;
    svg.append(drawn("path", { class: "clique", d: `M${along(ranks[first][1]) - 4} ${y}H${along(ranks[last][1]) + 4}` }));
  });
  ranks.forEach(([name, rank], place) => {
    const leftSide = place < half;
    const y = below + (leftSide ? place : ranks.length - 1 - place) * RANKS.step + 8;
    const end = leftSide ? RANKS.side - 16 : RANKS.width - RANKS.side + 16;
    svg.append(
      drawn("path", { class: "leader", d: `M${along(rank)} ${RANKS.top}V${y - 4}H${end}` }),
      drawn("text", { class: "name", x: leftSide ? end - 5 : end + 5, y, "text-anchor": leftSide ? "end" : "start" }, `${name} ${rank.toFixed(2)}`),
    );
  });
  return svg;
}
