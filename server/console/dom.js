// Text goes where text belongs, never as markup.
export const at = (id) => document.getElementById(id);

/** An element with attributes, and children that are elements or text. */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  element.append(...children.map((child) => (typeof child === "object" ? child : String(child))));
  return element;
}

/** One row; each cell is a text, or [text, class]. Its label is the column's head, for narrow screens. */
export function row(table, cells, attributes = {}) {
  const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
  const made = cells.map((cell, i) => {
    const [content, kind] = Array.isArray(cell) ? cell : [cell];
    const none = content === "–" ? "none" : undefined;
    return make("td", { class: kind ?? none, "data-label": (i > 0 && heads[i]) || undefined }, content);
  });
  return make("tr", attributes, ...made);
}

export function show(value) {
  if (value === null) return "(absent)";
  if (typeof value !== "string") return `base64 ${value.base64}`;
  // Quoted where it could not be told from nothing, or holds what has no shape.
  return value.trim() !== value || value === "" || /\p{Cc}|^\(absent\)$/u.test(value) ? JSON.stringify(value) : value;
}

export function duration(ms) {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 90_000) return `${Math.round(ms / 1_000)} s`;
  return ms < 5_400_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}

export function milliseconds(ms) {
  return ms === null || ms === undefined ? "–" : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** Puts rows into a table's body, unless they are as they were: whoever has the focus or selects text keeps it. */
export function replaceRows(body, rows) {
  const [now, next] = [body.innerHTML, make("tbody", {}, ...rows).innerHTML];
  if (now !== next) body.replaceChildren(...rows);
}
