// Holds Kubernetes objects against the schemas of Kubernetes: node schemas.mjs OBJECTS.json, a JSON array. Prints a line for each mistake.
import { readFileSync, writeFileSync } from "node:fs";
import ts from "typescript";

const objects = JSON.parse(readFileSync(process.argv[2], "utf8"));
const packages = { "monitoring.coreos.com": "@kubernetes-models/prometheus-operator" };
const lines = [];
const mistakes = [];

for (const object of objects) {
  const [version, group] = object.apiVersion.split("/").reverse();
  const module = `${packages[group] ?? "kubernetes-models"}/${group ? `${group}/` : ""}${version}`;
  const place = `${object.kind} ${object.metadata.name}`;
  const models = await import(module);
  // Required fields, types, patterns, enumerations.
  try {
    new models[object.kind](object).validate();
  } catch (error) {
    mistakes.push(`${place}: ${error.message}`);
  }
  lines.push([place, `{ const it: import(${JSON.stringify(module)}).I${object.kind} = ${JSON.stringify(object)}; void it; }`]);
}

// The schemas let unknown fields pass; the types that come with them do not: an object literal may have no excess property.
const file = new URL("objects.mts", import.meta.url).pathname;
writeFileSync(file, lines.map(([, line]) => line).join("\n"));
const program = ts.createProgram([file], {
  module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2022, strict: true, noEmit: true, types: [], skipLibCheck: true,
});
for (const found of ts.getPreEmitDiagnostics(program)) {
  const line = found.file ? found.file.getLineAndCharacterOfPosition(found.start).line : undefined;
  mistakes.push(`${line === undefined ? "types" : lines[line][0]}: ${ts.flattenDiagnosticMessageText(found.messageText, " ")}`);
}

for (const mistake of mistakes)
  console.log(mistake);
