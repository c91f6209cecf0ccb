// Writes src/api/schema.ts: one type for each schema of the API's description.
//
//   node scripts/api_types.mjs           writes the file
//   node scripts/api_types.mjs --check   ends with 1 if the file is not what it would write
//
// The description is tests/contract/openapi.json, which a test of the orchestrator holds against
// the code. Only what that document uses is known here; anything else is an error, not `any`.

import { readFileSync, writeFileSync } from "node:fs";

const DESCRIPTION = new URL("../../tests/contract/openapi.json", import.meta.url);
const TYPES = new URL("../src/api/schema.ts", import.meta.url);
const REF = "#/components/schemas/";
const WORDS_THAT_CHANGE_NO_TYPE = new Set([
  ...["title", "description", "default", "examples", "format", "pattern", "discriminator"],
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  ...["minLength", "maxLength", "minItems", "maxItems"],
]);
const WORDS_THAT_MAKE_A_TYPE = new Set([
  ...["$ref", "anyOf", "oneOf", "const", "enum", "type", "items", "prefixItems"],
  ...["properties", "required", "additionalProperties"],
]);

/** Returns the TypeScript of a schema. */
function typeOf(schema, indent) {
  for (const word of Object.keys(schema)) {
    if (!WORDS_THAT_CHANGE_NO_TYPE.has(word) && !WORDS_THAT_MAKE_A_TYPE.has(word)) {
      throw new Error(`scripts/api_types.mjs does not know ${word}: teach it`);
    }
  }
  if (schema.$ref) return schema.$ref.slice(REF.length);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map((each) => typeOf(each, indent)))].join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  switch (schema.type) {
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    case "integer":
    case "number":
      return "number";
    case "array":
      return arrayOf(schema, indent);
    case "object":
      return objectOf(schema, indent);
    default:
      throw new Error(`scripts/api_types.mjs does not know ${JSON.stringify(schema)}: teach it`);
  }
}

function arrayOf(schema, indent) {
  if (schema.prefixItems) {
    return `[${schema.prefixItems.map((each) => typeOf(each, indent)).join(", ")}]`;
  }
  const item = typeOf(schema.items ?? {}, indent);
  return item.includes("|") ? `(${item})[]` : `${item}[]`;
}

function objectOf(schema, indent) {
  if (!schema.properties) {
    const values = schema.additionalProperties;
    if (!values || values === true) throw new Error("an object of anything has no type");
    return `Record<string, ${typeOf(values, indent)}>`;
  }
  const required = new Set(schema.required ?? []);
  const inner = `${indent}  `;
  const lines = Object.entries(schema.properties).map(([name, property]) => {
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
    return `${inner}${key}${required.has(name) ? "" : "?"}: ${typeOf(property, inner)};`;
  });
  return `{\n${lines.join("\n")}\n${indent}}`;
}

function written() {
  const { schemas } = JSON.parse(readFileSync(DESCRIPTION, "utf8")).components;
  const types = Object.keys(schemas)
    .sort()
    .map((name) => {
      const says = schemas[name].description?.split("\n")[0];
      const comment = says ? `/** ${says} */\n` : "";
      return `${comment}export type ${name} = ${typeOf(schemas[name], "")};\n`;
    });
  return `// Made by scripts/api_types.mjs from tests/contract/openapi.json.\n\n${types.join("\n")}`;
}

const text = written();
if (!process.argv.includes("--check")) {
  writeFileSync(TYPES, text);
} else if (readFileSync(TYPES, "utf8") !== text) {
  console.error("ui/src/api/schema.ts is not what the API says by now: npm run types");
  process.exit(1);
}
