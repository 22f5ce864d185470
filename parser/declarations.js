/**
 * Reads a module's top level: what it declares, and where. Nothing is evaluated. The text may be
 * TypeScript, whose types realm/typescript.js strips off.
 *
 * The build bundles it, with the parsers that it is made of, into a file beside the library
 * (parser.cjs). It is loaded when somebody's `scope` is `import.meta` (src/function/top_level.ts), so
 * that nobody else pays for it, and the package needs no other.
 *
 * A declaration's text can be evaluated anew, in a task, if that gives what the module has. So what
 * else the module does with it is told, too: where it is assigned to, and where what it holds is
 * changed, as far as that can be seen: by an assignment to a part of it, or one of the methods below.
 *
 * @module
 */
import { parse } from "acorn";
import typescript from "../realm/typescript.js";

/** @typedef {import("acorn").AnyNode & { [key: string]: unknown }} Node */

/** Methods that change what they are called on; as do those of dates, views and whoever else's. */
const CHANGING =
  /^(?:push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin|set(?![a-z]).*|add|delete|clear|append|next|getOrInsert(?:Computed)?)$/;

/** Methods of the language's objects that change their first argument. */
const CHANGING_FIRST = new Map(Object.entries({
  Object: /^(?:assign|defineProperty|defineProperties|setPrototypeOf)$/,
  Reflect: /^(?:defineProperty|set|setPrototypeOf|deleteProperty)$/,
  Atomics: /^(?:add|and|compareExchange|exchange|or|store|sub|xor)$/,
}));

/** Methods that call the functions that they are passed, before they return. */
const CALLING =
  /^(?:map|from|forEach|filter|flatMap|reduce|reduceRight|some|every|find\w*|sort|toSorted|replace|replaceAll|groupBy|call|apply)$/;

/** What gives another value each time: of these objects, these methods, or all. */
const FICKLE = new Map([
  ["Date", ["now"]],
  ["Math", ["random"]],
  ["performance", null],
  ["crypto", null],
]);

const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

/** @param {Node | null} node */
const isFunctionOrClass = (node) => FUNCTIONS.has(node?.type) || node?.type === "ClassExpression";

/** @param {unknown} value @returns {value is Node} */
const isNode = (value) => typeof value === "object" && value !== null && "type" in value;

/** Visits the nodes right inside one. @param {Node} node @param {(node: Node) => void} visit */
function each(node, visit) {
  for (const key in node) { // acorn's nodes inherit nothing
    const value = node[key];
    if (typeof value !== "object" || value === null) continue;
    if (Array.isArray(value)) { for (const one of value) isNode(one) && visit(one); }
    else if (isNode(value)) visit(value);
  }
}

/** The identifiers that a pattern declares. @param {Node | null} pattern */
function* identifiers(pattern) {
  switch (pattern?.type) {
    case "Identifier":
      yield pattern;
      break;
    case "ObjectPattern":
      for (const property of pattern.properties) {
        yield* identifiers(property.value ?? property.argument);
      }
      break;
    case "ArrayPattern":
      for (const element of pattern.elements) yield* identifiers(element);
      break;
    case "AssignmentPattern":
      yield* identifiers(pattern.left);
      break;
    case "RestElement":
      yield* identifiers(pattern.argument);
  }
}

/** What stands on its own of an export. @param {Node} statement */
const bare = (statement) =>
  statement.type === "ExportNamedDeclaration" || statement.type === "ExportDefaultDeclaration"
    ? statement.declaration ?? statement
    : statement;

/** Adds what statements declare for all of their block. @param {readonly Node[]} body @param {Set<string>} names */
function addLexical(body, names) {
  for (const statement of body.map(bare)) {
    if (statement.type === "VariableDeclaration" && statement.kind !== "var") {
      for (const { id } of statement.declarations) {
        for (const { name } of identifiers(id)) names.add(name);
      }
    } else if (/^(?:Function|Class)Declaration$/.test(statement.type) && statement.id) {
      names.add(statement.id.name);
    }
  }
}

/** Adds what `var` declares anywhere in a function. @param {Node} node @param {Set<string>} names */
function addVars(node, names) {
  if (node.type === "VariableDeclaration" && node.kind === "var") {
    for (const { id } of node.declarations) for (const { name } of identifiers(id)) names.add(name);
  }
  each(node, (child) => {
    if (!FUNCTIONS.has(child.type) && child.type !== "StaticBlock") addVars(child, names);
  });
}

/** The names that a node declares for what is inside it; `null` if it is no scope. @param {Node} node */
function namesOf(node) {
  const names = new Set();
  switch (node.type) {
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      for (const pattern of node.params) {
        for (const { name } of identifiers(pattern)) names.add(name);
      }
      if (node.type === "FunctionExpression" && node.id) names.add(node.id.name);
      addVars(node.body, names);
      return names;
    case "ClassExpression":
      if (node.id) names.add(node.id.name);
      return names;
    case "BlockStatement":
      addLexical(node.body, names);
      return names;
    case "StaticBlock":
      addLexical(node.body, names);
      for (const child of node.body) addVars(child, names);
      return names;
    case "SwitchStatement":
      for (const { consequent } of node.cases) addLexical(consequent, names);
      return names;
    case "ForStatement":
      if (node.init) addLexical([node.init], names);
      return names;
    case "ForInStatement":
    case "ForOfStatement":
      addLexical([node.left], names);
      return names;
    case "CatchClause":
      for (const { name } of identifiers(node.param)) names.add(name);
      return names;
    default:
      return null;
  }
}

/** The identifier that an expression takes a part of: `a` of `a.b[c]`. @param {Node} node */
function rootOf(node) {
  while (node.type === "MemberExpression" || node.type === "ChainExpression") {
    node = node.object ?? node.expression;
  }
  return node.type === "Identifier" ? node : null;
}

/** The places that an assignment writes to. @param {Node} target */
function* targets(target) {
  if (target.type === "MemberExpression") yield target;
  else if (target.type === "VariableDeclaration") return;
  else if (target.type === "ObjectPattern") {
    for (const { value, argument } of target.properties) yield* targets(value ?? argument);
  } else if (target.type === "ArrayPattern") {
    for (const element of target.elements) if (element) yield* targets(element);
  } else if (target.type === "AssignmentPattern") yield* targets(target.left);
  else if (target.type === "RestElement") yield* targets(target.argument);
  else yield target;
}

/** What a node changes: identifiers, and what a part is taken of. @param {Node} node */
function* changedBy(node) {
  if (node.type === "AssignmentExpression") yield* targets(node.left);
  else if (node.type === "UpdateExpression") yield node.argument;
  else if (node.type === "ForInStatement" || node.type === "ForOfStatement") {
    yield* targets(node.left);
  } else if (node.type === "UnaryExpression" && node.operator === "delete") yield node.argument;
  else if (node.type === "CallExpression" && node.callee.type === "MemberExpression") {
    const { object } = node.callee, name = methodOf(node.callee), [first] = node.arguments;
    if (CHANGING.test(name)) yield object;
    if (first === undefined) return;
    if (CHANGING_FIRST.get(globalOf(object))?.test(name)) yield first;
    const isPassedOn = /^(?:call|apply)$/.test(name) && object.type === "MemberExpression";
    if (!isPassedOn || !CHANGING.test(methodOf(object))) return;
    yield first;
    yield object.object;
  }
}

/** The name of a method that is called: `b` of `a.b` and `a["b"]`. @param {Node} member */
function methodOf({ property, computed }) {
  return String(computed ? property.value : property.name);
}

/** The name of a global, be it written with `globalThis`. @param {Node} node */
function globalOf(node) {
  if (node.type === "Identifier") return node.name;
  const isGlobal = node.type === "MemberExpression" && node.object.name === "globalThis";
  return isGlobal ? methodOf(node) : "";
}

/** Why a call gives another value each time; "" if it doesn't, by itself. @param {Node} call */
function fickle({ type, callee, arguments: given }) {
  if (type !== "CallExpression" && type !== "NewExpression") return "";
  const name = globalOf(callee);
  if (name === "Date" && given.length === 0) return "new Date()";
  if (name === "Symbol") return "Symbol()";
  if (callee.type !== "MemberExpression") return "";
  const object = globalOf(callee.object), method = methodOf(callee), methods = FICKLE.get(object);
  return methods === null || methods?.includes(method) ? `${object}.${method}()` : "";
}

/** The functions that a call runs before it gives its value, as far as they stand there. @param {Node} call */
function* calledBy({ type, callee, arguments: given }) {
  if (type !== "CallExpression") return;
  const isCalling = callee.type === "MemberExpression" && CALLING.test(methodOf(callee));
  for (const one of isCalling ? [callee.object, ...given] : [callee]) {
    if (FUNCTIONS.has(one.type)) yield one;
  }
}

/**
 * What is evaluated with a node: in no function, unless it is called right there.
 *
 * @param {Node} node
 * @param {(node: Node, isCalled: boolean) => void} visit
 */
function evaluate(node, visit, isCalled = false) {
  if (FUNCTIONS.has(node.type)) return;
  visit(node, isCalled);
  for (const fn of calledBy(node)) run(fn, visit);
  if (node.type !== "PropertyDefinition" || node.static) {
    each(node, (child) => evaluate(child, visit, isCalled));
  } else if (node.computed) evaluate(node.key, visit, isCalled);
}

/** What is evaluated where a function is called, or a class constructed. @type {typeof evaluate} */
function run(node, visit) {
  const parts = /^Class/.test(node.type)
    ? [
      node.superClass,
      ...node.body.body.map(({ kind, static: isStatic, value, type }) =>
        type === "PropertyDefinition" ? !isStatic && value : kind === "constructor" && value.body
      ),
    ]
    : [...node.params, node.body];
  for (const part of parts) part && evaluate(part, visit, true);
}

/** Why an expression can't be evaluated anew; "" if it can. @param {Node} node @returns {string} */
function whyNot(node) {
  let why = "";
  evaluate(node, (one, isCalled) => {
    if (why !== "") return;
    if (one.type === "AwaitExpression" && !isCalled) why = "waits for a promise, with `await`";
    else if (one.type === "MetaProperty" && one.meta.name === "import") why = "uses `import.meta`";
    else if (fickle(one) !== "") why = isAnother(fickle(one));
  });
  return why;
}

/** @param {string} call @param {string} [by] */
const isAnother = (call, by) =>
  `has another value each time that it is evaluated (\`${call}\`${by ? `, by \`${by}\`` : ""})`;

/** The identifier in a node that names nothing of a scope: `b` of `a.b`. @param {Node} node */
function labelOf(node) {
  switch (node.type) {
    case "MemberExpression":
      return node.computed ? null : node.property;
    case "Property":
    case "MethodDefinition":
    case "PropertyDefinition":
      return node.computed || node.shorthand ? null : node.key;
    case "FunctionDeclaration":
    case "ClassDeclaration":
      return node.id;
    case "VariableDeclarator":
      return node.id.type === "Identifier" ? node.id : null; // a pattern has defaults
    case "LabeledStatement":
    case "BreakStatement":
    case "ContinueStatement":
      return node.label;
    default:
      return null;
  }
}

/** The names that an object literal, or the function that gives one, has for keys; `null` if that can't be seen. @param {Node | null | undefined} node @returns {Node[] | null} */
function literalProperties(node) {
  if (!node) return [];
  const object = node.type === "ArrowFunctionExpression" ? node.body : node;
  if (object.type !== "ObjectExpression") return null;
  const isPlain = object.properties.every(({ type, computed }) => type === "Property" && !computed);
  return isPlain ? object.properties : null;
}

/** @typedef {object} Site  where `import.meta` is the scope of a call
 * @property {number} start of `import.meta`
 * @property {number} end
 * @property {Range | null} fn where the call's function is written; `null` if that can't be seen
 * @property {string[] | null} given names that are passed beside it; `null` if these can't be seen
 * @property {Range[]} others where functions and classes among these are written
 *
 * @typedef {{ start: number, end: number }} Range
 */

/** @typedef {object} Declaration
 * @property {string} name
 * @property {string} kind "function", "class", "variable" or "import"
 * @property {number} start of its text: of a variable what is between `const` and the comma
 * @property {number} end
 * @property {string} text
 * @property {boolean} isFunction whether it holds what is written there as a function or class
 * @property {string} why it can't be evaluated anew; or ""
 * @property {number[]} assigned where it is assigned to
 * @property {number[]} changed where what it holds is changed
 * @property {number[]} used where it is used
 * @property {string[]} members what is taken of it by name, use by use, and of that in turn: `a`, `a.b`
 * @property {number[]} evaluated where it is used by what is evaluated with the module
 * @property {number[]} inner [start, end, ...]: where the same name stands for something else
 * @property {string} [from] the module that an import is of
 * @property {string} [imported] what it is called there; "*" for all of it
 * @property {{ [name: string]: string }} [attributes] of the import: `type`
 */

class Reader {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    /** @type {Map<string, Declaration>} */
    this.declarations = new Map();
    /** @type {Set<string>[]} the scopes around a node, but the module's own */
    this.scopes = [];
    /** How many functions are around a node. */
    this.depth = 0;
    /** What functions and classes are when they are called, by name. @type {Map<string, Node>} */
    this.callable = new Map();
    /** @type {Map<number, Site>} by where it starts */
    this.sites = new Map();
    /** @type {Map<Set<string>, Map<string, Node>>} functions that are local variables, by scope */
    this.locals = new Map();
  }

  /**
   * Finds the variables that have another value each time because of what they call, and that in its
   * turn: from each function that is so by itself to all that call it.
   *
   * @param {readonly Node[]} variables
   */
  spread(variables) {
    const callers = new Map(), reached = new Map();
    const note = (caller, one) => {
      if (!/^(?:Call|New)Expression|^TaggedTemplate/.test(one.type)) return;
      const name = globalOf(one.callee ?? one.tag);
      if (!this.callable.has(name)) return;
      if (!callers.has(name)) callers.set(name, new Set());
      callers.get(name).add(caller);
    };
    for (const [name, node] of this.callable) {
      run(node, (one) => {
        note(name, one);
        const call = fickle(one);
        if (call !== "" && !reached.has(name)) reached.set(name, isAnother(call, name));
      });
    }
    for (const variable of variables) evaluate(variable, (one) => note(variable, one));
    for (const [name, why] of reached) { // those that are added on the way, too
      for (const caller of callers.get(name) ?? []) {
        if (typeof caller === "string") reached.has(caller) || reached.set(caller, why);
        else {
          for (const { name } of identifiers(caller.id)) this.declarations.get(name).why ||= why;
        }
      }
    }
  }

  /** What an identifier stands for, if for something of the top level. @param {Node} identifier */
  meant({ name }) {
    return this.scopes.some((scope) => scope.has(name)) ? undefined : this.declarations.get(name);
  }

  /** @param {string} name @param {string} kind @param {Node} node @param {object} [more] */
  declare(name, kind, { start, end }, more = {}) {
    const places = { assigned: [], changed: [], used: [], members: [], evaluated: [], inner: [] };
    const known = { name, kind, start, end, text: this.text.slice(start, end) };
    const isFunction = kind === "function" || kind === "class";
    this.declarations.set(name, { ...known, isFunction, why: "", ...places, ...more });
  }

  /** @param {Node} statement */
  statement(statement) {
    if (statement.type === "ImportDeclaration") {
      const from = String(statement.source.value);
      const attributes = attributesOf(statement);
      for (const one of statement.specifiers) {
        const imported = one.type === "ImportDefaultSpecifier"
          ? "default"
          : one.type === "ImportNamespaceSpecifier"
          ? "*"
          : one.imported.name ?? one.imported.value;
        this.declare(one.local.name, "import", one, { from, imported, attributes });
      }
      return;
    }
    const own = bare(statement);
    if (own.type === "VariableDeclaration") {
      for (const one of own.declarations) this.variable(own.kind, one);
    } else if (/^(?:Function|Class)Declaration$/.test(own.type) && own.id) {
      const kind = own.type === "ClassDeclaration" ? "class" : "function";
      this.callable.set(own.id.name, own);
      this.declare(own.id.name, kind, own, { why: kind === "class" ? whyNot(own) : "" });
    }
  }

  /** @param {string} kind @param {Node} node */
  variable(kind, node) {
    let why = node.init ? whyNot(node) : "has no value where it is declared";
    if (/using/.test(kind)) why = "is disposed of by its module";
    const isFunction = node.id.type === "Identifier" && isFunctionOrClass(node.init);
    if (isFunction) this.callable.set(node.id.name, node.init);
    for (const { name } of identifiers(node.id)) {
      if (this.declarations.has(name)) why = "is declared more than once"; // by `var`
      this.declare(name, "variable", node, { why, isFunction });
    }
  }

  /** @param {Node} node */
  noteLocal({ type, id, init, start, end }) {
    if (id?.type !== "Identifier") return;
    const scope = this.scopes.findLast((names) => names.has(id.name));
    if (scope === undefined || (type === "VariableDeclarator" && !isFunctionOrClass(init))) return;
    const known = this.locals.get(scope) ?? new Map();
    this.locals.set(scope, known.set(id.name, init ?? { start, end }));
  }

  /** Where the function is written that an expression gives. @param {Node} node @returns {Range | null} */
  writtenAt(node) {
    const { start, end } = node;
    if (isFunctionOrClass(node)) return { start, end };
    if (node.type !== "Identifier") return null;
    const declaration = this.meant(node);
    if (declaration?.isFunction) return { start: declaration.start, end: declaration.end };
    const scope = this.scopes.findLast((names) => names.has(node.name));
    const local = scope && this.locals.get(scope)?.get(node.name);
    return local ? { start: local.start, end: local.end } : null;
  }

  /** @param {Node} object that may be options @param {Node | null} fn the call's first argument */
  noteSite(object, fn) {
    if (object.type !== "ObjectExpression") return;
    for (const { type, computed, key, value } of object.properties) {
      if (type !== "Property" || computed || (key.name ?? key.value) !== "scope") continue;
      const [meta, beside] = value.type === "ArrayExpression" ? value.elements : [value];
      const isMeta = meta?.type === "MetaProperty" && meta.meta.name === "import";
      if (!isMeta || this.sites.has(meta.start)) continue;
      const given = literalProperties(beside);
      this.sites.set(meta.start, {
        start: meta.start,
        end: meta.end,
        fn: fn && this.writtenAt(fn),
        given: given && given.map(({ key }) => String(key.name ?? key.value)),
        others: (given ?? []).map(({ value }) => this.writtenAt(value)).filter((at) => at !== null),
      });
    }
  }

  /** Finds what is changed, and where names are used anew. @param {Node} node */
  walk(node) {
    const names = namesOf(node);
    if (names !== null) {
      for (const name of names) {
        this.declarations.get(name)?.inner.push(node.start, node.end);
      }
      this.scopes.push(names);
    }
    for (const changed of changedBy(node)) {
      const root = rootOf(changed);
      const declaration = root === null ? undefined : this.meant(root);
      const isItself = root === changed && !/^(?:Call|Unary)Expression$/.test(node.type);
      (isItself ? declaration?.assigned : declaration?.changed)?.push(node.start);
    }
    if (node.type === "Identifier") {
      const declaration = this.meant(node);
      declaration?.used.push(node.start);
      if (this.depth === 0) declaration?.evaluated.push(node.start);
    } else if (node.type === "MemberExpression") {
      const path = [];
      let object = node;
      for (; object.type === "MemberExpression" && !object.computed; object = object.object) {
        path.unshift(object.property.name);
      }
      if (object.type === "Identifier" && path.length > 0) {
        this.meant(object)?.members.push(path.join("."));
      }
    } else if (node.type === "VariableDeclarator" || node.type === "FunctionDeclaration") {
      this.noteLocal(node);
    } else if (node.type === "CallExpression" || node.type === "NewExpression") {
      for (const argument of node.arguments) this.noteSite(argument, node.arguments[0]);
    } else if (node.type === "ObjectExpression") this.noteSite(node, null);
    const isFunction = FUNCTIONS.has(node.type);
    if (isFunction) this.depth++;
    const label = labelOf(node);
    each(node, (child) => child === label || this.walk(child));
    if (isFunction) this.depth--;
    if (names !== null) this.scopes.pop();
  }
}

const { strip } = typescript();

/** @typedef {{ message: string, row: number, column: number }} Fault  why a text can't be read */

/**
 * A module's text without types, and its tree.
 *
 * @param {string} source
 * @param {boolean} isTypeScript
 * @returns {{ text: string, program: Node } | Fault}
 */
function parsed(source, isTypeScript) {
  const text = isTypeScript ? strip(source) : source;
  if (typeof text !== "string") return text;
  const options = { ecmaVersion: "latest", sourceType: "module", allowHashBang: true };
  return { text, program: parse(text, options) };
}

/** What is made of a text, or why it can't be read. @template T @param {() => T} work @returns {T | Fault} */
function orFault(work) {
  try {
    return work();
  } catch (error) {
    const { loc, message } = error;
    if (error instanceof RangeError) {
      return { message: "it is nested too deeply", row: 1, column: 1 };
    }
    if (loc === undefined) throw error;
    return { message: message.replace(/ \(\d+:\d+\)$/, ""), row: loc.line, column: loc.column + 1 };
  }
}

/** @param {Node} declaration of an import or export */
const attributesOf = ({ attributes = [] }) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key.name ?? key.value, value.value]));

/**
 * What a module's text imports by literal names, and that text without types.
 *
 * @param {string} source
 * @param {boolean} isTypeScript
 * @returns {{ text: string, imports: { from: string, attributes: object, isDynamic: boolean }[] } | Fault}
 */
export function readImports(source, isTypeScript) {
  return orFault(() => importsOf(source, isTypeScript));
}

/** @type {typeof readImports} */
function importsOf(source, isTypeScript) {
  const read = parsed(source, isTypeScript);
  if ("message" in read) return read;
  const imports = [];
  const find = (node) => {
    const { type, source } = node;
    if (/^(?:Import|ExportAll|ExportNamed)Declaration$/.test(type) && source) {
      imports.push({ from: source.value, attributes: attributesOf(node), isDynamic: false });
    } else if (type === "ImportExpression" && typeof source.value === "string") {
      imports.push({ from: source.value, attributes: {}, isDynamic: true });
    }
    each(node, find);
  };
  find(read.program);
  return { text: read.text, imports };
}

/**
 * What a module's text declares, where each of its lines starts, and where it says `scope:
 * import.meta`. Places are those in the text without types, which are those in the text; or where, as
 * people count, and why it can't be read.
 *
 * @param {string} source
 * @param {boolean} isTypeScript
 * @returns {{ declarations: Declaration[], lines: number[], sites: Site[] } | Fault}
 */
export function read(source, isTypeScript) {
  return orFault(() => readText(source, isTypeScript));
}

/** @type {typeof read} */
function readText(source, isTypeScript) {
  const read = parsed(source, isTypeScript);
  if ("message" in read) return read;
  const { text, program } = read;
  const reader = new Reader(text);
  for (const statement of program.body) reader.statement(statement);
  reader.spread(program.body.flatMap((one) => bare(one).declarations ?? []));
  for (const statement of program.body) {
    const names = /^(?:Import|ExportAll)Declaration$/.test(statement.type) ||
      statement.specifiers?.length;
    if (!names) reader.walk(statement);
  }
  const lines = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines.push(at + 1);
  return {
    declarations: [...reader.declarations.values()],
    lines,
    sites: [...reader.sites.values()],
  };
}
