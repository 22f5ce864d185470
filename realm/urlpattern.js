// URLPattern, as the URL Pattern standard has it (https://urlpattern.spec.whatwg.org/); the steps are
// named as there. Where that runs the URL parser from one of its states, this sets a member of a URL.
export default ({ brand, define, use }) => {
  const { URL } = use("url");
  const { dictionary } = use("pairs");
  const usv = (value) => `${value}`.toWellFormed();

  // ---- Tokens ----

  const START = /^[\p{ID_Start}$_]$/u;
  const PART = /^[\p{ID_Continue}$\u200c\u200d]$/u;
  const isName = (c, isFirst) => (isFirst ? START : PART).test(c);
  const isASCII = (c) => c <= "\x7f";
  const SIMPLE = { __proto__: null, "*": "asterisk", "+": "modifier", "?": "modifier" };
  Object.assign(SIMPLE, { "{": "open", "}": "close" });

  // Of a regular expression whose "(" stands before `start`: where it ends; -1 if it is none.
  const endOfRegExp = (input, start) => {
    let depth = 1, at = start;
    while (at < input.length) {
      const c = input[at];
      if (!isASCII(c) || (at === start && c === "?")) return -1;
      if (c === "\\") {
        if (at + 1 === input.length || !isASCII(input[at + 1])) return -1;
        at += 2;
        continue;
      }
      at++;
      if (c === ")" && --depth === 0) break;
      if (c === "(") {
        depth++;
        if (input[at] !== "?") return -1; // it would be a group of its own
      }
    }
    return depth === 0 && at - start > 1 ? at : -1;
  };

  const tokenize = (text, isLenient) => {
    const input = [...text], tokens = [];
    let index = 0;
    const add = (type, next, from = index, to = next) => {
      tokens.push({ type, index, value: input.slice(from, to).join("") });
      index = next;
    };
    const wrong = (next, from) => {
      if (!isLenient) throw new TypeError(`the pattern ${JSON.stringify(text)} is malformed`);
      add("invalid", next, from);
    };
    while (index < input.length) {
      const c = input[index], next = index + 1;
      if (c in SIMPLE) {
        add(SIMPLE[c], next);
      } else if (c === "\\") {
        if (next === input.length) wrong(next, index);
        else add("escaped", next + 1, next);
      } else if (c === ":") {
        let end = next;
        while (end < input.length && isName(input[end], end === next)) end++;
        if (end === next) wrong(next, index);
        else add("name", end, next);
      } else if (c === "(") {
        const end = endOfRegExp(input, next);
        if (end < 0) wrong(next, index);
        else add("regexp", end, next, end - 1);
      } else {
        add("char", next);
      }
    }
    add("end", index);
    return tokens;
  };

  // ---- Patterns ----

  const PLAIN = { delimiter: "", prefix: "" };
  const HOSTNAME = { delimiter: ".", prefix: "" };
  const PATHNAME = { delimiter: "/", prefix: "/" };

  const escapeRegExp = (text) => text.replace(/[.+*?^${}()[\]|/\\]/g, "\\$&");
  const escapePattern = (text) => text.replace(/[+*?:{}()\\]/g, "\\$&");
  const segmentOf = ({ delimiter }) => `[^${escapeRegExp(delimiter)}]+?`;

  // The parts of a pattern: { type, value, modifier, name, prefix, suffix }.
  const parse = (text, options, encode) => {
    const tokens = tokenize(text, false), parts = [], segment = segmentOf(options);
    let at = 0, pending = "", number = 0;
    const take = (...types) => types.includes(tokens[at].type) ? tokens[at++] : null;
    const need = (type) => {
      if (!take(type)) throw new TypeError(`the pattern ${JSON.stringify(text)} is malformed`);
    };
    const takeText = () => {
      let text = "";
      for (let token; (token = take("char", "escaped")) !== null;) text += token.value;
      return text;
    };
    const takeMatcher = (name) => take("regexp") ?? (name ? null : take("asterisk"));
    const addFixed = (text, modifier) => {
      if (text === "") return;
      parts.push({
        type: "fixed",
        value: encode(text),
        modifier,
        name: "",
        prefix: "",
        suffix: "",
      });
    };
    const flush = () => {
      const text = pending;
      pending = "";
      addFixed(text, "");
    };
    const add = (prefix, name, matcher, suffix, modifier) => {
      modifier = modifier?.value ?? "";
      if (!name && !matcher) {
        if (modifier === "") {
          pending += prefix;
          return;
        }
        flush();
        addFixed(prefix, modifier);
        return;
      }
      flush();
      let value = matcher ? matcher.type === "asterisk" ? ".*" : matcher.value : segment;
      let type = "regexp";
      if (value === segment) [type, value] = ["segment", ""];
      else if (value === ".*") [type, value] = ["full", ""];
      const called = name ? name.value : `${number++}`;
      if (parts.some((part) => part.name === called)) {
        throw new TypeError(`the pattern has two groups ${JSON.stringify(called)}`);
      }
      parts.push({
        type,
        value,
        modifier,
        name: called,
        prefix: encode(prefix),
        suffix: encode(suffix),
      });
    };
    while (at < tokens.length) {
      const char = take("char"), name = take("name"), matcher = takeMatcher(name);
      if (name || matcher) {
        let prefix = char?.value ?? "";
        if (prefix !== "" && prefix !== options.prefix) {
          pending += prefix;
          prefix = "";
        }
        flush();
        add(prefix, name, matcher, "", take("modifier", "asterisk"));
        continue;
      }
      const fixed = char ?? take("escaped");
      if (fixed) {
        pending += fixed.value;
      } else if (take("open")) {
        const prefix = takeText(), name = take("name"), matcher = takeMatcher(name);
        const suffix = takeText();
        need("close");
        add(prefix, name, matcher, suffix, take("modifier", "asterisk"));
      } else {
        flush();
        need("end");
      }
    }
    return parts;
  };

  const regExpOf = (parts, options) => {
    let text = "^";
    for (const { type, value, modifier, prefix, suffix } of parts) {
      if (type === "fixed") {
        text += modifier === "" ? escapeRegExp(value) : `(?:${escapeRegExp(value)})${modifier}`;
        continue;
      }
      const matcher = type === "segment" ? segmentOf(options) : type === "full" ? ".*" : value;
      const before = escapeRegExp(prefix), behind = escapeRegExp(suffix);
      const repeats = modifier === "*" || modifier === "+";
      if (before === "" && behind === "") {
        text += repeats ? `((?:${matcher})${modifier})` : `(${matcher})${modifier}`;
      } else if (!repeats) {
        text += `(?:${before}(${matcher})${behind})${modifier}`;
      } else {
        text += `(?:${before}((?:${matcher})(?:${behind}${before}(?:${matcher}))*)${behind})`;
        if (modifier === "*") text += "?";
      }
    }
    return `${text}$`;
  };

  const isDigit = (c) => c >= "0" && c <= "9";
  const firstOf = (text) => [...text][0] ?? "";

  const patternOf = (parts, options) => {
    let text = "";
    parts.forEach((part, index) => {
      const { type, value, modifier, name, prefix, suffix } = part;
      if (type === "fixed") {
        text += modifier === "" ? escapePattern(value) : `{${escapePattern(value)}}${modifier}`;
        return;
      }
      const last = parts[index - 1], next = parts[index + 1];
      const isNamed = !isDigit(name[0]);
      let groups = suffix !== "" || (prefix !== "" && prefix !== options.prefix);
      if (
        !groups && isNamed && type === "segment" && modifier === "" && next?.prefix === "" &&
        next.suffix === ""
      ) {
        groups = next.type === "fixed" ? isName(firstOf(next.value), false) : isDigit(next.name[0]);
      }
      groups ||= prefix === "" && last?.type === "fixed" && options.prefix !== "" &&
        last.value.endsWith(options.prefix);
      if (groups) text += "{";
      text += escapePattern(prefix);
      if (isNamed) text += `:${name}`;
      if (type === "regexp") {
        text += `(${value})`;
      } else if (type === "segment") {
        if (!isNamed) text += `(${segmentOf(options)})`;
        else if (suffix !== "" && isName(firstOf(suffix), false)) text += "\\";
      } else {
        const isBare = !isNamed && (!last || last.type === "fixed" || last.modifier !== "" ||
          groups || prefix !== "");
        text += isBare ? "*" : "(.*)";
      }
      text += escapePattern(suffix);
      if (groups) text += "}";
      text += modifier;
    });
    return text;
  };

  const compile = (text, encode, options, ignoresCase = false) => {
    const parts = parse(text, options, (text) => text === "" ? "" : encode(text));
    let regExp;
    try {
      regExp = new RegExp(regExpOf(parts, options), ignoresCase ? "vi" : "v");
    } catch (error) {
      throw new TypeError(`the pattern ${JSON.stringify(text)}: ${error.message}`);
    }
    return {
      pattern: patternOf(parts, options),
      regExp,
      names: parts.filter(({ type }) => type !== "fixed").map(({ name }) => name),
      hasRegExp: parts.some(({ type }) => type === "regexp"),
    };
  };

  // ---- Canonical parts of URLs ----

  const refuse = (what, value) => {
    throw new TypeError(`${JSON.stringify(value)} is no ${what}`);
  };
  const SPECIAL = { __proto__: null, ftp: "21", file: "", http: "80", https: "443" };
  Object.assign(SPECIAL, { ws: "80", wss: "443" });
  const isSpecial = (protocol) => protocol in SPECIAL;

  // What a member becomes when it is set. What can't be is left as it was: two URLs stay different.
  const set = (one, other, member, value) => {
    const urls = [new URL(one), new URL(other)];
    for (const url of urls) url[member] = value;
    return urls[0][member] === urls[1][member] ? urls[0][member] : null;
  };
  const DUMMY = "https://dummy.invalid/";
  const setOne = (member, value) => {
    const url = new URL(DUMMY);
    url[member] = value;
    return url[member];
  };

  const protocol = (value) => {
    const scheme = URL.parse(`${value}://dummy.invalid/`)?.protocol.slice(0, -1);
    return scheme ?? refuse("protocol", value);
  };
  const username = (value) => setOne("username", value);
  const password = (value) => setOne("password", value);
  const hostname = (value) =>
    set(DUMMY, "https://other.invalid/", "hostname", value) ?? refuse("hostname", value);
  const hostnameIPv6 = (value) =>
    /^[0-9a-f[\]:]*$/i.test(value) ? value.toLowerCase() : refuse("IPv6 address", value);
  const port = (value, protocol = "dummy") => {
    const host = `${protocol}://dummy.invalid`;
    if (!URL.canParse(host)) return refuse("protocol", protocol);
    return set(`${host}:1/`, `${host}:2/`, "port", value) ?? refuse("port", value);
  };
  const pathname = (value) =>
    value[0] === "/" ? setOne("pathname", value) : setOne("pathname", `/-${value}`).slice(2);
  const opaquePathname = (value) => new URL(`data:-${value}`).pathname.slice(1);
  const search = (value) => setOne("search", `?${value}`).slice(1);
  const hash = (value) => setOne("hash", `#${value}`).slice(1);

  const NAMES = [
    "protocol",
    "username",
    "password",
    "hostname",
    "port",
    "pathname",
    "search",
    "hash",
  ];
  const partsOf = (url) => ({
    protocol: url.protocol.slice(0, -1),
    username: url.username,
    password: url.password,
    hostname: url.hostname,
    port: url.port,
    pathname: url.pathname,
    search: url.search.slice(1),
    hash: url.hash.slice(1),
  });

  const isAbsolute = (path, isPattern) =>
    path[0] === "/" || (isPattern && (path.startsWith("\\/") || path.startsWith("{/")));

  // Parts as strings, of a URL or of a pattern, on top of `result`.
  const process = (init, isPattern, result) => {
    let base = null;
    const of = (text) => isPattern ? escapePattern(text) : text;
    const canonical = (encode, value, ...args) =>
      isPattern || value === "" ? value : encode(value, ...args);
    if (init.baseURL !== undefined) {
      const url = URL.parse(init.baseURL) ?? refuse("URL", init.baseURL);
      base = partsOf(url);
      const has = (...names) => names.some((name) => init[name] !== undefined);
      if (!has("protocol")) result.protocol = of(base.protocol);
      const site = ["protocol", "hostname", "port"];
      if (!isPattern && !has(...site, "username")) result.username = base.username;
      if (!isPattern && !has(...site, "username", "password")) result.password = base.password;
      const chain = ["hostname", "port", "pathname", "search", "hash"];
      for (const name of chain) {
        if (has("protocol", ...chain.slice(0, chain.indexOf(name) + 1))) break;
        result[name] = of(base[name]);
      }
    }
    if (init.protocol !== undefined) {
      result.protocol = canonical(protocol, init.protocol.replace(/:$/, ""));
    }
    if (init.username !== undefined) result.username = canonical(username, init.username);
    if (init.password !== undefined) result.password = canonical(password, init.password);
    if (init.hostname !== undefined) result.hostname = canonical(hostname, init.hostname);
    const scheme = result.protocol ?? "";
    if (init.port !== undefined) {
      result.port = canonical(port, init.port, scheme === "" ? undefined : scheme);
    }
    if (init.pathname !== undefined) {
      let path = init.pathname;
      const isOpaque = base !== null && base.pathname !== "" && base.pathname[0] !== "/";
      if (base !== null && !isOpaque && !isAbsolute(path, isPattern)) {
        const from = of(base.pathname);
        path = from.slice(0, from.lastIndexOf("/") + 1) + path;
      }
      const isPath = scheme === "" || isSpecial(scheme);
      result.pathname = canonical(isPath ? pathname : opaquePathname, path);
    }
    if (init.search !== undefined) {
      result.search = canonical(search, init.search.replace(/^\?/, ""));
    }
    if (init.hash !== undefined) result.hash = canonical(hash, init.hash.replace(/^#/, ""));
    return result;
  };

  // ---- Patterns as one string ----

  const matchesSpecial = ({ regExp }) => Object.keys(SPECIAL).some((name) => regExp.test(name));
  const ORDER = ["init", "protocol", "authority", "username", "password"].concat(
    ["hostname", "port", "pathname", "search", "hash", "done"],
  );

  const parseConstructorString = (text) => {
    const input = [...text], tokens = tokenize(text, true), result = {};
    let start = 0, at = 0, step = 1, depth = 0, brackets = 0, isSpecial = false, state = "init";
    const tokenAt = (index) => tokens[Math.min(index, tokens.length - 1)];
    const isChar = (index, value) => {
      const token = tokenAt(index);
      return token.value === value && ["char", "escaped", "invalid"].includes(token.type);
    };
    const isSearch = () => {
      if (isChar(at, "?")) return true;
      if (tokens[at].value !== "?") return false;
      return at === 0 || !["name", "regexp", "close", "asterisk"].includes(tokenAt(at - 1).type);
    };
    const component = () => input.slice(tokenAt(start).index, tokens[at].index).join("");
    const rewind = (to = state) => {
      at = start;
      step = 0;
      state = to;
    };
    const change = (to, skip) => {
      const here = ORDER.indexOf(state);
      if (!["init", "authority", "done"].includes(state)) result[state] = component();
      if (state !== "init" && to !== "done") {
        const between = (name) =>
          here < ORDER.indexOf(name) && ORDER.indexOf(to) > ORDER.indexOf(name);
        if (between("hostname")) result.hostname ??= "";
        if (between("pathname")) result.pathname ??= isSpecial ? "/" : "";
        if (between("search")) result.search ??= "";
      }
      state = to;
      at += skip;
      start = at;
      step = 0;
    };
    const leave = (...names) => {
      if (names.includes("pathname") && isChar(at, "/")) change("pathname", 0);
      else if (names.includes("search") && isSearch()) change("search", 1);
      else if (isChar(at, "#")) change("hash", 1);
    };
    const STEPS = {
      init() {
        if (isChar(at, ":")) rewind("protocol");
      },
      protocol() {
        if (!isChar(at, ":")) return;
        isSpecial = matchesSpecial(compile(component(), protocol, PLAIN));
        if (isChar(at + 1, "/") && isChar(at + 2, "/")) change("authority", 3);
        else change(isSpecial ? "authority" : "pathname", 1);
      },
      authority() {
        if (isChar(at, "@")) rewind("username");
        else if (isChar(at, "/") || isSearch() || isChar(at, "#")) rewind("hostname");
      },
      username() {
        if (isChar(at, ":")) change("password", 1);
        else if (isChar(at, "@")) change("hostname", 1);
      },
      password() {
        if (isChar(at, "@")) change("hostname", 1);
      },
      hostname() {
        if (isChar(at, "[")) brackets++;
        else if (isChar(at, "]")) brackets--;
        else if (isChar(at, ":") && brackets === 0) change("port", 1);
        else leave("pathname", "search");
      },
      port: () => leave("pathname", "search"),
      pathname: () => leave("search"),
      search: () => leave(),
      hash() {},
    };
    for (; at < tokens.length; at += step) {
      step = 1;
      const { type } = tokens[at];
      if (type === "end") {
        if (state === "init") {
          rewind();
          if (isChar(at, "#")) change("hash", 1);
          else if (isSearch()) change("search", 1);
          else change("pathname", 0);
        } else if (state === "authority") {
          rewind("hostname");
        } else {
          change("done", 0);
          break;
        }
        continue;
      }
      if (type === "open") {
        depth++;
        continue;
      }
      if (depth > 0) {
        if (type !== "close") continue;
        depth--;
      }
      STEPS[state]();
    }
    if (result.hostname !== undefined) result.port ??= "";
    return result;
  };

  // ---- The class ----

  const MEMBERS = ["baseURL", ...NAMES].sort();
  const inputOf = (input) => {
    const type = typeof input;
    if (input !== undefined && input !== null && type !== "object" && type !== "function") {
      return usv(input);
    }
    const init = {};
    for (const name of MEMBERS) {
      const value = dictionary(input)[name];
      if (value !== undefined) init[name] = usv(value);
    }
    return init;
  };
  const isIPv6 = (pattern) => /^(?:\[|[{\\]\[)/.test(pattern);

  class URLPattern {
    #parts;
    constructor(input = undefined, baseURL = undefined, options = undefined) {
      brand(this);
      input = inputOf(input);
      const hasBase = arguments.length > 2 ||
        (baseURL !== undefined && baseURL !== null && typeof baseURL !== "object" &&
          typeof baseURL !== "function");
      if (hasBase) baseURL = usv(baseURL);
      const ignoresCase = !!dictionary(hasBase ? options : baseURL).ignoreCase;
      let init = input;
      if (typeof input === "string") {
        init = parseConstructorString(input);
        if (hasBase) init.baseURL = baseURL;
        else if (init.protocol === undefined) {
          throw new TypeError(
            `the pattern ${JSON.stringify(input)} is relative: give its base URL`,
          );
        }
      } else if (hasBase) {
        throw new TypeError("a base URL is for a pattern that is a string");
      }
      const of = process(init, true, {});
      for (const name of NAMES) of[name] ??= "*";
      if (isSpecial(of.protocol) && of.port === SPECIAL[of.protocol]) of.port = "";
      const parts = { protocol: compile(of.protocol, protocol, PLAIN) };
      parts.username = compile(of.username, username, PLAIN);
      parts.password = compile(of.password, password, PLAIN);
      parts.hostname = compile(
        of.hostname,
        isIPv6(of.hostname) ? hostnameIPv6 : hostname,
        HOSTNAME,
      );
      parts.port = compile(of.port, (value) => port(value), PLAIN);
      parts.pathname = matchesSpecial(parts.protocol)
        ? compile(of.pathname, pathname, PATHNAME, ignoresCase)
        : compile(of.pathname, opaquePathname, PLAIN, ignoresCase);
      parts.search = compile(of.search, search, PLAIN, ignoresCase);
      parts.hash = compile(of.hash, hash, PLAIN, ignoresCase);
      this.#parts = parts;
    }
    #match(input, baseURL) {
      const parts = this.#parts, inputs = [input];
      let values;
      if (typeof input === "string") {
        if (baseURL !== undefined) inputs.push(baseURL);
        const url = URL.parse(input, baseURL);
        if (url === null) return null;
        values = partsOf(url);
      } else {
        if (baseURL !== undefined) throw new TypeError("a base URL is for a string");
        try {
          values = process(input, false, Object.fromEntries(NAMES.map((name) => [name, ""])));
        } catch {
          return null;
        }
      }
      const result = { inputs };
      for (const name of NAMES) {
        const { regExp, names } = parts[name];
        const found = regExp.exec(values[name]);
        if (found === null) return null;
        const groups = names.map((group, index) => [group, found[index + 1]]);
        result[name] = { input: values[name], groups: Object.fromEntries(groups) };
      }
      return result;
    }
    test(input = undefined, baseURL = undefined) {
      return this.#match(inputOf(input), baseURL === undefined ? baseURL : usv(baseURL)) !== null;
    }
    exec(input = undefined, baseURL = undefined) {
      return this.#match(inputOf(input), baseURL === undefined ? baseURL : usv(baseURL));
    }
    get protocol() {
      return this.#parts.protocol.pattern;
    }
    get username() {
      return this.#parts.username.pattern;
    }
    get password() {
      return this.#parts.password.pattern;
    }
    get hostname() {
      return this.#parts.hostname.pattern;
    }
    get port() {
      return this.#parts.port.pattern;
    }
    get pathname() {
      return this.#parts.pathname.pattern;
    }
    get search() {
      return this.#parts.search.pattern;
    }
    get hash() {
      return this.#parts.hash.pattern;
    }
    get hasRegExpGroups() {
      const parts = this.#parts;
      return NAMES.some((name) => parts[name].hasRegExp);
    }
  }

  define("URLPattern", URLPattern);
  return { URLPattern };
};
