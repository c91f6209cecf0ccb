"use strict";
// Shows /openapi.json: calls with their parameters, answers and schemas; a GET can be tried.

const METHODS = ["get", "post", "put", "delete", "patch"];
const STREAM = "text/event-stream";

/** Makes an element: attributes that begin with "on" are listeners, children are nodes or text. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children.flat());
  return element;
}

const schemaId = (name) => `schema-${name}`;
const refName = (ref) => ref.split("/").pop();

/** Describes a schema in a few words; a named one becomes a link. */
function words(schema) {
  if (!schema || Object.keys(schema).length === 0) return ["any"];
  if (schema.$ref) {
    const name = refName(schema.$ref);
    return [make("a", { href: `#${schemaId(name)}` }, name)];
  }
  const some = schema.oneOf || schema.anyOf;
  if (some) return some.flatMap((one, n) => (n ? [" | ", ...words(one)] : words(one)));
  if ("const" in schema) return [JSON.stringify(schema.const)];
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(" | ")];
  if (schema.prefixItems) {
    return ["[", ...schema.prefixItems.flatMap((one, n) => (n ? [", ", ...words(one)] : words(one))), "]"];
  }
  if (schema.type === "array") return ["list of ", ...words(schema.items)];
  if (schema.type === "object" && schema.additionalProperties) {
    return ["{text: ", ...words(schema.additionalProperties), "}"];
  }
  return [schema.type || "any"];
}

/** Says what a value may be: bounds, default, description. */
function notes(schema, description) {
  const bounds = {
    minimum: "≥", exclusiveMinimum: ">", maximum: "≤", exclusiveMaximum: "<", pattern: "matches",
    minItems: "items ≥", maxItems: "items ≤", minLength: "characters ≥", maxLength: "characters ≤",
  };
  const found = Object.keys(bounds).filter((key) => key in schema).map((key) => `${bounds[key]} ${schema[key]}`);
  if ("default" in schema) found.push(`default ${JSON.stringify(schema.default)}`);
  const text = description || (schema.$ref ? "" : schema.description);
  return [text, ...found].filter(Boolean).join(" · ");
}

function table(heads, rows) {
  return make("table", {},
    make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, rows.map((cells) => make("tr", {}, cells.map((cell) => make("td", {}, cell))))));
}

function tryForm(path, parameters) {
  const output = make("pre", { hidden: "", "aria-live": "polite" });
  const fields = parameters.filter((one) => one.in !== "header").map((one) => {
    const input = make("input", { name: one.name });
    input.required = Boolean(one.required);
    return { place: one.in, input, label: make("label", {}, one.name, input) };
  });
  async function send(event) {
    event.preventDefault();
    let url = path;
    const query = new URLSearchParams();
    for (const { place, input } of fields) {
      if (place === "path") url = url.replace(`{${input.name}}`, encodeURIComponent(input.value));
      else if (input.value) query.append(input.name, input.value);
    }
    if (query.size) url += `?${query}`;
    output.hidden = false;
    try {
      const answer = await fetch(url);
      let text = await answer.text();
      if ((answer.headers.get("content-type") || "").includes("json")) text = JSON.stringify(JSON.parse(text), null, 2);
      output.textContent = `${answer.status} ${answer.statusText}\n${url}\n\n${text}`;
    } catch (error) {
      output.textContent = `No answer from ${url}: ${error.message}`;
    }
  }
  return [make("form", { onsubmit: send }, fields.map((one) => one.label), make("button", {}, "Send this GET")), output];
}

function callBox(path, method, call) {
  const parameters = call.parameters || [];
  const inside = make("div");
  const [, ...more] = (call.description || "").split("\n\n");
  inside.append(make("p", {}, call.description ? call.description.split("\n\n")[0] : call.summary));
  inside.append(...more.map((text) => make("p", {}, text)));
  if (parameters.length) {
    inside.append(make("h3", {}, "Parameters"), table(["Name", "Where", "Type", ""], parameters.map((one) => [
      one.name + (one.required ? " *" : ""), one.in, words(one.schema), notes(one.schema, one.description),
    ])));
  }
  const body = call.requestBody;
  if (body) {
    inside.append(make("h3", {}, "Body"), table(["Media type", "Schema"], Object.entries(body.content).map(
      ([type, content]) => [type, words(content.schema)])));
  }
  const answers = Object.entries(call.responses).flatMap(([status, answer]) =>
    Object.entries(answer.content || { "–": {} }).map(([type, content]) =>
      [status, answer.description, type, words(content.schema)]));
  inside.append(make("h3", {}, "Answers"), table(["Status", "", "Media type", "Schema"], answers));
  const streams = Object.values(call.responses).some((answer) => answer.content && STREAM in answer.content);
  if (method === "get" && !streams) inside.append(make("h3", {}, "Try it"), ...tryForm(path, parameters));
  return make("details", { id: call.operationId },
    make("summary", { class: "call" }, make("span", { class: "method" }, method.toUpperCase()), path), inside);
}

function schemaBox(name, schema) {
  const inside = make("div");
  if (schema.description) inside.append(make("p", {}, schema.description));
  const required = new Set(schema.required || []);
  const rows = Object.entries(schema.properties || {}).map(([key, one]) => [
    key + (required.has(key) ? " *" : ""), words(one), notes(one),
  ]);
  inside.append(rows.length ? table(["Key", "Type", ""], rows) : make("p", {}, words(schema)));
  return make("details", { id: schemaId(name) }, make("summary", { class: "call" }, name), inside);
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}

async function show() {
  const about = document.getElementById("about");
  try {
    const answer = await fetch("/openapi.json");
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const api = await answer.json();
    about.replaceChildren(`${api.info.version} · ${api.info.description} · `, make("a", { href: "/openapi.json" }, "openapi.json"));
    const contents = document.getElementById("contents");
    const calls = document.getElementById("calls");
    calls.append(make("h2", {}, "Calls"), make("p", { class: "dim" }, "* must be given. Errors are application/problem+json."));
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const method of METHODS.filter((one) => methods[one])) {
        const call = methods[method];
        calls.append(callBox(path, method, call));
        contents.append(make("a", { href: `#${call.operationId}` }, `${method.toUpperCase()} ${path}`));
      }
    }
    const schemas = document.getElementById("schemas");
    schemas.append(make("h2", {}, "Schemas"), ...Object.entries(api.components.schemas).map(([name, one]) => schemaBox(name, one)));
    window.addEventListener("hashchange", openTarget);
    openTarget();
  } catch (error) {
    about.textContent = `The description could not be read: ${error.message}. Is the orchestrator running?`;
  }
}

show();
