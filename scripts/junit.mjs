/**
 * Reads the JUnit reports of `deno test`, `bun test` and `node --test`: as much XML as those three
 * write, which is elements, attributes and entities.
 *
 * @module
 */

const ENTITIES = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** Deno and Bun have a suite for each file. */
const FILE = /^.*\.ts$/;

/** @param {string} text */
function unescape(text) {
  return text.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name) return ENTITIES[name] ?? whole;
    return String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal));
  });
}

/** @param {string} tag */
const nameOf = (tag) => unescape(/\bname="([^"]*)"/.exec(tag)?.[1] ?? "");

/**
 * The tests of a report, by full name (`suite > test`). What only groups others is no test of its
 * own, unless it failed by itself (in a hook, say).
 *
 * @param {string} xml
 * @returns {{ name: string, outcome: "passed" | "failed" | "skipped" }[]}
 */
export function parseReport(xml) {
  const tests = [];
  const suites = [];
  let test;
  for (
    const [tag] of xml.matchAll(
      /<\/?(?:testsuites?|testcase|failure|error|skipped)\b(?:"[^"]*"|[^">])*>/g,
    )
  ) {
    const [, close, element] = /^<(\/?)(\w+)/.exec(tag);
    const selfClosing = tag.endsWith("/>");
    if (element === "testsuite") {
      if (close) suites.pop();
      else if (!selfClosing) suites.push(nameOf(tag).replace(FILE, ""));
    } else if (element === "testcase") {
      if (close) continue;
      test = { name: [...suites, nameOf(tag)].filter(Boolean).join(" > "), outcome: "passed" };
      tests.push(test);
    } else if (!close && test && element !== "testsuites") {
      test.outcome = element === "skipped" ? "skipped" : "failed";
    }
  }
  const isGroup = ({ name }) => tests.some((other) => other.name.startsWith(`${name} > `));
  const failedWithin = ({ name }) =>
    tests.some((other) => other.outcome === "failed" && other.name.startsWith(`${name} > `));
  return tests.filter((each) =>
    !isGroup(each) || (each.outcome === "failed" && !failedWithin(each))
  );
}
