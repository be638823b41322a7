// What a backup holds.

import { element, named } from "./element.js";
import { counted, listed, size } from "./numbers.js";

/** How many rows it holds. */
export function rowsOf(backup) {
  const tables = backup.contents.flatMap((step) => step.tables);
  return tables.reduce((sum, table) => sum + table.rows, 0);
}

/** How many files it holds. */
export function filesOf(backup) {
  return backup.contents.reduce((sum, step) => sum + step.files, 0);
}

/** All of it, step by step. */
export function contents(backup) {
  const entries = backup.contents.map((step) => {
    const rows = step.tables.reduce((sum, table) => sum + table.rows, 0);
    const parts = [];
    if (step.tables.length > 0) {
      parts.push(`${counted(rows, "row")} of ${counted(step.tables.length, "table")}`);
    }
    if (step.paths.length > 0) parts.push(`${counted(step.files, "file")} (${size(step.bytes)})`);
    const names = [
      ...step.tables.map((table) => `${table.name} (${counted(table.rows, "row")})`),
      ...step.paths,
    ];
    return [
      element("dt", {}, step.label),
      element("dd", {}, listed(parts), element("p", { class: "remark" }, names.join(", "))),
    ];
  });
  const sum = backup.sha256
    ? element("p", { class: "remark" }, "SHA-256: ", named(backup.sha256))
    : null;
  return [element("dl", {}, entries), sum];
}
