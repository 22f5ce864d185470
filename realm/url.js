// deno-lint-ignore-file no-control-regex -- URLs are about what else there is than printable ASCII
// URL and URLSearchParams, as the URL standard has them (https://url.spec.whatwg.org/); the steps
// are named as there. Domains are mapped as UTS #46 says, from the engine's own tables of Unicode.
export default ({ brand, define, use }) => {
  const { iterable, need, pairsOf } = use("pairs");
  const usv = (value) => `${value}`.toWellFormed();

  // ---- Percent-encoding ----

  const C0_SET = /[^\x20-\x7e]/gu;
  const FRAGMENT = /[^\x21\x23-;=?-_a-~]/gu;
  const QUERY = /[^\x21$-;=?-~]/gu;
  const SPECIAL_QUERY = /[^\x21$-&(-;=?-~]/gu;
  const PATH = /[^\x21$-;=@-\]_a-z|~]/gu;
  const USERINFO = /[^\x21$-.0-9A-Z_a-z~]/gu;
  const FORM = /[^*\-.0-9A-Z_a-z]/gu;

  const hex = (byte) => "%" + (byte < 16 ? "0" : "") + byte.toString(16).toUpperCase();
  const encodeOne = (c) => c < "\x80" ? hex(c.charCodeAt(0)) : encodeURIComponent(c);
  const encode = (text, set) => text.replace(set, encodeOne);

  const decodeBytes = (text) => {
    const bytes = new TextEncoder().encode(text);
    if (!text.includes("%")) return bytes;
    let length = 0;
    for (let at = 0; at < bytes.length; at++, length++) {
      bytes[length] = bytes[at];
      if (bytes[at] !== 0x25) continue;
      const digits = String.fromCharCode(bytes[at + 1], bytes[at + 2]);
      if (!/^[0-9a-f]{2}$/i.test(digits)) continue;
      bytes[length] = parseInt(digits, 16);
      at += 2;
    }
    return bytes.subarray(0, length);
  };
  const decode = (text) =>
    text.includes("%")
      ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(decodeBytes(text))
      : text;

  // ---- Punycode (RFC 3492) ----

  const adapt = (delta, points, first) => {
    let k = 0;
    delta = first ? Math.floor(delta / 700) : delta >> 1;
    delta += Math.floor(delta / points);
    for (; delta > 455; k += 36) delta = Math.floor(delta / 35);
    return k + Math.floor(36 * delta / (delta + 38));
  };
  const threshold = (k, bias) => k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;

  const toPunycode = (label) => {
    const points = Array.from(label, (c) => c.codePointAt(0));
    let text = points.filter((point) => point < 128).map((p) => String.fromCharCode(p)).join("");
    const basic = text.length;
    let done = basic, n = 128, delta = 0, bias = 72;
    if (basic > 0) text += "-";
    while (done < points.length) {
      const next = Math.min(...points.filter((point) => point >= n));
      delta += (next - n) * (done + 1);
      n = next;
      for (const point of points) {
        if (point < n) delta++;
        if (point !== n) continue;
        let q = delta;
        for (let k = 36;; k += 36) {
          const t = threshold(k, bias);
          if (q < t) break;
          text += (t + (q - t) % (36 - t)).toString(36);
          q = Math.floor((q - t) / (36 - t));
        }
        text += q.toString(36);
        bias = adapt(delta, done + 1, done === basic);
        delta = 0;
        done++;
      }
      delta++;
      n++;
    }
    // Digits are a to z and then 0 to 9, not as those of toString.
    const at = basic > 0 ? basic + 1 : 0;
    return text.slice(0, at) + text.slice(at).replace(/./g, (digit) => {
      const value = parseInt(digit, 36);
      return String.fromCharCode(value < 26 ? 97 + value : 22 + value);
    });
  };

  const fromPunycode = (text) => {
    const dash = text.lastIndexOf("-");
    const points = Array.from(text.slice(0, Math.max(dash, 0)), (c) => c.charCodeAt(0));
    let n = 128, i = 0, bias = 72;
    for (let at = dash + 1; at < text.length;) {
      const before = i;
      for (let weight = 1, k = 36;; k += 36) {
        const c = text.charCodeAt(at++);
        const digit = c >= 97 && c <= 122 ? c - 97 : c >= 48 && c <= 57 ? c - 22 : NaN;
        if (!(digit >= 0)) return null;
        i += digit * weight;
        const t = threshold(k, bias);
        if (digit < t) break;
        weight *= 36 - t;
        if (i > 2 ** 40) return null;
      }
      const length = points.length + 1;
      bias = adapt(i - before, length, before === 0);
      n += Math.floor(i / length);
      i %= length;
      if (n > 0x10ffff) return null;
      points.splice(i++, 0, n);
    }
    return points.some((point) => point >= 0xd800 && point <= 0xdfff)
      ? null
      : String.fromCodePoint(...points);
  };

  // ---- Domains (UTS #46, non-transitional) ----

  // Cased as in no other alphabet: small Cherokee maps to the large letters.
  const mapOne = (c) => {
    const point = c.codePointAt(0);
    if (point === 0x200c || point === 0x200d || point === 0xdf || point === 0x3c2) return c;
    if (point >= 0xab70 && point <= 0xabbf) return String.fromCodePoint(point - 0xab70 + 0x13a0);
    if (point >= 0x13f8 && point <= 0x13fd) return String.fromCodePoint(point - 8);
    if (point >= 0x13a0 && point <= 0x13f5) return c;
    if (point === 0x345) return "\u03b9";
    if (point === 0x1e9e) return "\xdf";
    const { ignorable, unassigned } = domainTables();
    if (ignorable.test(c)) {
      // Ignored, but for what turns the direction of text, or may be anything one day.
      const turns = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u{e0001}-\u{e007f}]/u.test(c);
      return turns || unassigned.test(c) ? "\ufffd" : "";
    }
    if (c === "\uff0e" || c === "\uff61" || c === "\u3002") return ".";
    const mapped = Array.from(c.normalize("NFKC"), (c) => c.toLowerCase()).join("");
    return mapped.includes(".") ? "\ufffd" : mapped.normalize("NFKC"); // disallowed
  };
  const mapDomain = (text) => text.replace(/[^\x00-@[-\x7f]/gu, mapOne).normalize("NFC");

  // As text: as literals they would be read with the unit, though few domains need any of them.
  // Scripts whose letters join, and of their letters those that join to the right only.
  const JOINING = "Arab Syrc Mong Nkoo Phag Mand Adlm Rohg";
  const RIGHT_JOINING = "[" +
    "\\u0622-\\u0625\\u0627\\u0629\\u062f-\\u0632\\u0648\\u0671-\\u0673\\u0675-\\u0677" +
    "\\u0688-\\u0699\\u06c0\\u06c3-\\u06cb\\u06cd\\u06cf\\u06d2\\u06d3\\u06d5\\u06ee" +
    "\\u06ef\\u0710\\u0715-\\u0719\\u071e\\u0728\\u072a\\u072c\\u072f\\u074d" +
    "\\u0759-\\u075b\\u076b\\u076c\\u0771\\u0773\\u0774\\u0778\\u0779" +
    "]";
  const scripts = (names) => names.split(" ").map((name) => `\\p{sc=${name}}`).join("");

  let tables;
  const domainTables = () =>
    tables ??= {
      ignorable: new RegExp("\\p{Default_Ignorable_Code_Point}", "u"),
      unassigned: new RegExp("\\p{Cn}", "u"),
      invalid: new RegExp(
        "[\\p{C}\\p{Z}\\p{Default_Ignorable_Code_Point}\\u2ff0-\\u2fff\\u31ef\\ufffc\\ufffd]",
        "u",
      ),
      mark: new RegExp("^\\p{M}", "u"),
      virama: new RegExp(
        "[\\u094d\\u09cd\\u0a4d\\u0acd\\u0b4d\\u0bcd\\u0c4d\\u0ccd\\u0d3b\\u0d3c\\u0d4d\\u0dca\\u0e3a\\u0eba" +
          "\\u0f84\\u1039\\u103a\\u1714\\u1715\\u1734\\u17d2\\u1a60\\u1b44\\u1baa\\u1bab\\u1bf2\\u1bf3" +
          "\\u2d7f\\ua806\\ua82c\\ua8c4\\ua953\\ua9c0\\uaaf6\\uabed\\u{10a3f}\\u{11046}\\u{11070}" +
          "\\u{1107f}\\u{110b9}\\u{11133}\\u{11134}\\u{111c0}\\u{11235}\\u{112ea}\\u{1134d}\\u{11442}" +
          "\\u{114c2}\\u{115bf}\\u{1163f}\\u{116b6}\\u{1172b}\\u{11839}\\u{1193d}\\u{1193e}\\u{119e0}" +
          "\\u{11a34}\\u{11a47}\\u{11a99}\\u{11c3f}\\u{11d44}\\u{11d45}\\u{11d97}]\\u200d?$",
        "u",
      ),
      joined: new RegExp(`(?!${RIGHT_JOINING})[${scripts(JOINING)}]\\p{Mn}*$`, "u"),
      joins: new RegExp(`^\\p{Mn}*[${scripts(JOINING)}]`, "u"),
      // Letters that are written from right to left, and digits of those scripts.
      right: new RegExp(
        `[${
          scripts(
            "Hebr Arab Syrc Thaa Nkoo Samr Mand Cprt Phnx Lydi Khar Sarb Narb Armi Avst Prti Phli Phlp " +
              "Orkh Hung Rohg Yezi Sogo Sogd Ougr Chrs Elym Mend Adlm Hatr Nbat Palm Mani Merc Mero",
          )
        }]`,
        "u",
      ),
      neutral: /[\u0606\u0607\u0609\u060a\u060c\u060e\u060f\u066a\u06de\u06e9\u07f6-\u07f9]/,
      letter: new RegExp("[\\p{L}\\p{Mc}\\p{N}]", "u"),
      arabicDigit:
        /[\u0600-\u0605\u0660-\u0669\u066b\u066c\u06dd\u0890\u0891\u08e2\u{10d30}-\u{10d39}\u{10e60}-\u{10e7e}]/u,
      number: /[0-9\u06f0-\u06f9\xb2\xb3\xb9\u2070-\u2079\u2080-\u2089]/u,
      nonSpacing: new RegExp("\\p{Mn}", "u"),
    };

  const joinersFit = (label) => {
    const { virama, joined, joins } = domainTables();
    for (const { index, 0: joiner } of label.matchAll(/[\u200c\u200d]/g)) {
      const before = label.slice(0, index), after = label.slice(index + 1);
      if (virama.test(before)) continue;
      if (joiner === "\u200d" || !joined.test(before) || !joins.test(after)) return false;
    }
    return true;
  };

  // The Bidi Rule (RFC 5893, section 2).
  const bidiOf = (c) => {
    const { right, neutral, letter, arabicDigit, number, nonSpacing } = domainTables();
    if (arabicDigit.test(c)) return "AN";
    if (number.test(c)) return "EN";
    if (nonSpacing.test(c)) return "NSM";
    if (right.test(c)) return neutral.test(c) ? "ON" : "R";
    return letter.test(c) ? "L" : "ON";
  };
  const isBidi = (label) =>
    /[^\x00-\x7f]/.test(label) && [...label].some((c) => {
      const kind = bidiOf(c);
      return kind === "R" || kind === "AN";
    });
  const bidiFits = (label) => {
    const kinds = Array.from(label, bidiOf);
    const last = kinds.findLast((kind) => kind !== "NSM");
    if (kinds[0] === "R") {
      return !kinds.includes("L") && last !== "ON" &&
        !(kinds.includes("EN") && kinds.includes("AN"));
    }
    return kinds[0] === "L" && !kinds.includes("R") && !kinds.includes("AN") && last !== "ON";
  };

  const labelIsValid = (label) => {
    const { invalid, mark } = domainTables();
    return label === label.normalize("NFC") && !mark.test(label) && !label.includes(".") &&
      !invalid.test(label.replace(/[\u200c\u200d]/g, "")) && mapDomain(label) === label &&
      joinersFit(label);
  };

  const toASCII = (domain) => {
    if (/^[\x00-\x7f]*$/.test(domain) && !/(?:^|\.)xn--/i.test(domain)) return domain.toLowerCase();
    const labels = mapDomain(domain).replace(/[A-Z]/g, (c) => c.toLowerCase()).split(".");
    const unicode = [];
    for (const label of labels) {
      if (!label.startsWith("xn--")) {
        if (/[^\x00-\x7f]/.test(label) && !labelIsValid(label)) return null;
        unicode.push(label);
        continue;
      }
      if (/[^\x00-\x7f]/.test(label)) return null;
      const decoded = fromPunycode(label.slice(4));
      if (decoded === null || !/[^\x00-\x7f]/.test(decoded) || !labelIsValid(decoded)) return null;
      unicode.push(decoded);
    }
    if (unicode.some(isBidi) && !unicode.every((label) => label === "" || bidiFits(label))) {
      return null;
    }
    const ascii = unicode.map((label) =>
      /[^\x00-\x7f]/.test(label) ? `xn--${toPunycode(label)}` : label
    ).join(".");
    return ascii === "" ? null : ascii;
  };

  // ---- Hosts ----

  const FORBIDDEN_HOST = /[\0\t\n\r #/:<>?@[\\\]^|]/;
  const FORBIDDEN_DOMAIN = /[\0-\x20#%/:<>?@[\\\]^|\x7f]/;

  const ipv4Part = (part) => {
    if (part === "") return NaN;
    if (/^0x[0-9a-f]*$/i.test(part)) return part.length === 2 ? 0 : parseInt(part.slice(2), 16);
    if (/^0[0-7]+$/.test(part)) return parseInt(part, 8);
    if (/^0[0-9]+$/.test(part)) return NaN;
    return /^[0-9]+$/.test(part) ? parseInt(part, 10) : NaN;
  };
  const endsInNumber = (host) => {
    const parts = host.split(".");
    if (parts.at(-1) === "") {
      if (parts.length === 1) return false;
      parts.pop();
    }
    const last = parts.at(-1);
    return /^[0-9]+$/.test(last) || /^0x[0-9a-f]*$/i.test(last);
  };
  const parseIPv4 = (host) => {
    const parts = host.split(".");
    if (parts.at(-1) === "" && parts.length > 1) parts.pop();
    if (parts.length > 4) return null;
    const numbers = parts.map(ipv4Part);
    const last = numbers.pop();
    if (Number.isNaN(last) || !(last < 256 ** (4 - numbers.length))) return null;
    if (!numbers.every((number) => number <= 255)) return null;
    return numbers.reduce((sum, number, at) => sum + number * 256 ** (3 - at), last);
  };
  const parseIPv6 = (text) => {
    const halves = text.split("::");
    if (halves.length > 2) return null;
    const pieces = (half, isLast) => {
      if (half === "") return [];
      const parts = half.split(":"), numbers = [];
      for (const [at, part] of parts.entries()) {
        if (isLast && at === parts.length - 1 && part.includes(".")) {
          const bytes = part.split(".");
          if (bytes.length !== 4 || !bytes.every((byte) => /^(0|[1-9][0-9]{0,2})$/.test(byte))) {
            return null;
          }
          const [a, b, c, d] = bytes.map(Number);
          if (Math.max(a, b, c, d) > 255) return null;
          numbers.push(a * 256 + b, c * 256 + d);
        } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
          numbers.push(parseInt(part, 16));
        } else {
          return null;
        }
      }
      return numbers;
    };
    const first = pieces(halves[0], halves.length === 1);
    const second = halves.length === 2 ? pieces(halves[1], true) : [];
    if (first === null || second === null) return null;
    const count = first.length + second.length;
    if (halves.length === 1 ? count !== 8 : count > 7) return null;
    return [...first, ...Array(8 - count).fill(0), ...second];
  };
  const showIPv6 = (pieces) => {
    let best = -1, longest = 1;
    for (let at = 0; at < 8; at++) {
      let end = at;
      while (end < 8 && pieces[end] === 0) end++;
      if (end - at > longest) [best, longest] = [at, end - at];
      at = Math.max(at, end - 1);
    }
    const show = (part) => part.map((piece) => piece.toString(16)).join(":");
    return best < 0
      ? show(pieces)
      : `${show(pieces.slice(0, best))}::${show(pieces.slice(best + longest))}`;
  };

  const parseHost = (input, isOpaque) => {
    if (input[0] === "[") {
      if (input.at(-1) !== "]") return null;
      const pieces = parseIPv6(input.slice(1, -1));
      return pieces && `[${showIPv6(pieces)}]`;
    }
    if (isOpaque) return FORBIDDEN_HOST.test(input) ? null : encode(input, C0_SET);
    const domain = new TextDecoder().decode(decodeBytes(input));
    const ascii = toASCII(domain);
    if (!ascii || FORBIDDEN_DOMAIN.test(ascii)) return null;
    if (!endsInNumber(ascii)) return ascii;
    const number = parseIPv4(ascii);
    return number === null
      ? null
      : [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join(".");
  };

  // ---- The basic URL parser ----

  const PORTS = {
    __proto__: null,
    "ftp": 21,
    "file": null,
    "http": 80,
    "https": 443,
    "ws": 80,
    "wss": 443,
  };
  const isSpecial = (url) => url.scheme in PORTS;
  const isSingleDot = (part) => part === "." || /^%2e$/i.test(part);
  const isDoubleDot = (part) => /^(\.|%2e){2}$/i.test(part);
  const isDriveLetter = (text) => /^[a-z][:|]$/i.test(text);
  const isNormalDrive = (text) => /^[a-z]:$/i.test(text);
  const startsWithDrive = (text) => /^[a-z][:|]($|[/\\?#])/i.test(text);
  const shorten = (url) => {
    if (url.scheme === "file" && url.path.length === 1 && isNormalDrive(url.path[0])) return;
    url.path.pop();
  };
  const hasOpaquePath = (url) => typeof url.path === "string";
  const hasCredentials = (url) => url.username !== "" || url.password !== "";

  const FAILURE = null, DONE = true;

  // Returns the URL or FAILURE; with a state to begin at, changes `url`, and returns whether it may.
  const parse = (input, base, url, override) => {
    if (!override) {
      url = {
        scheme: "",
        username: "",
        password: "",
        host: null,
        port: null,
        path: [],
        query: null,
        fragment: null,
      };
      input = input.replace(/^[\0-\x20]+|[\0-\x20]+$/g, "");
    }
    input = input.replace(/[\t\n\r]/g, "");
    let state = override ?? "scheme start", buffer = "";
    let atSeen = false, inBrackets = false, passwordSeen = false;
    for (let p = 0; p <= input.length; p++) {
      const c = input[p]; // undefined at the end
      switch (state) {
        case "scheme start":
          if (c !== undefined && /[a-z]/i.test(c)) {
            buffer += c.toLowerCase();
            state = "scheme";
          } else if (!override) {
            state = "no scheme";
            p--;
          } else return FAILURE;
          break;
        case "scheme":
          if (c !== undefined && /[a-z0-9+.-]/i.test(c)) {
            buffer += c.toLowerCase();
          } else if (c === ":") {
            if (override) {
              if (isSpecial(url) !== buffer in PORTS) return DONE;
              if ((hasCredentials(url) || url.port !== null) && buffer === "file") return DONE;
              if (url.scheme === "file" && !url.host) return DONE;
            }
            url.scheme = buffer;
            if (override) {
              if (url.port === PORTS[url.scheme]) url.port = null;
              return DONE;
            }
            buffer = "";
            if (url.scheme === "file") state = "file";
            else if (isSpecial(url) && base && base.scheme === url.scheme) {
              state = "special relative or authority";
            } else if (isSpecial(url)) state = "special authority slashes";
            else if (input[p + 1] === "/") {
              state = "path or authority";
              p++;
            } else {
              url.path = "";
              state = "opaque path";
            }
          } else if (!override) {
            buffer = "";
            state = "no scheme";
            p = -1;
          } else return FAILURE;
          break;
        case "no scheme":
          if (!base || (hasOpaquePath(base) && c !== "#")) return FAILURE;
          if (hasOpaquePath(base)) {
            Object.assign(url, base, { fragment: "" });
            state = "fragment";
          } else {
            state = base.scheme === "file" ? "file" : "relative";
            p--;
          }
          break;
        case "special relative or authority":
          if (c === "/" && input[p + 1] === "/") {
            state = "special authority ignore slashes";
            p++;
          } else {
            state = "relative";
            p--;
          }
          break;
        case "path or authority":
          if (c === "/") state = "authority";
          else {
            state = "path";
            p--;
          }
          break;
        case "relative":
          url.scheme = base.scheme;
          if (c === "/") state = "relative slash";
          else if (isSpecial(url) && c === "\\") state = "relative slash";
          else {
            const { username, password, host, port, path, query } = base;
            Object.assign(url, { username, password, host, port, path: [...path], query });
            if (c === "?") {
              url.query = "";
              state = "query";
            } else if (c === "#") {
              url.fragment = "";
              state = "fragment";
            } else if (c !== undefined) {
              url.query = null;
              shorten(url);
              state = "path";
              p--;
            }
          }
          break;
        case "relative slash":
          if (isSpecial(url) && (c === "/" || c === "\\")) {
            state = "special authority ignore slashes";
          } else if (c === "/") state = "authority";
          else {
            const { username, password, host, port } = base;
            Object.assign(url, { username, password, host, port });
            state = "path";
            p--;
          }
          break;
        case "special authority slashes":
          state = "special authority ignore slashes";
          if (c === "/" && input[p + 1] === "/") p++;
          else p--;
          break;
        case "special authority ignore slashes":
          if (c !== "/" && c !== "\\") {
            state = "authority";
            p--;
          }
          break;
        case "authority":
          if (c === "@") {
            if (atSeen) buffer = `%40${buffer}`;
            atSeen = true;
            for (const part of buffer.split(/(:)/)) {
              if (part === ":" && !passwordSeen) passwordSeen = true;
              else if (passwordSeen) url.password += encode(part, USERINFO);
              else url.username += encode(part, USERINFO);
            }
            buffer = "";
          } else if (
            c === undefined || c === "/" || c === "?" || c === "#" || (isSpecial(url) && c === "\\")
          ) {
            if (atSeen && buffer === "") return FAILURE;
            p -= buffer.length + 1;
            buffer = "";
            state = "host";
          } else buffer += c;
          break;
        case "host":
        case "hostname":
          if (override && url.scheme === "file") {
            p--;
            state = "file host";
          } else if (c === ":" && !inBrackets) {
            if (buffer === "") return FAILURE;
            if (override === "hostname") return FAILURE;
            const host = parseHost(buffer, !isSpecial(url));
            if (host === null) return FAILURE;
            url.host = host;
            buffer = "";
            state = "port";
          } else if (
            c === undefined || c === "/" || c === "?" || c === "#" || (isSpecial(url) && c === "\\")
          ) {
            p--;
            if (isSpecial(url) && buffer === "") return FAILURE;
            if (override && buffer === "" && (hasCredentials(url) || url.port !== null)) {
              return FAILURE;
            }
            const host = parseHost(buffer, !isSpecial(url));
            if (host === null) return FAILURE;
            url.host = host;
            buffer = "";
            state = "path start";
            if (override) return DONE;
          } else {
            if (c === "[") inBrackets = true;
            if (c === "]") inBrackets = false;
            buffer += c;
          }
          break;
        case "port":
          if (c !== undefined && c >= "0" && c <= "9") buffer += c;
          else if (
            c === undefined || c === "/" || c === "?" || c === "#" ||
            (isSpecial(url) && c === "\\") || override
          ) {
            if (buffer !== "") {
              const port = Number(buffer);
              if (port > 65535) return FAILURE;
              url.port = port === PORTS[url.scheme] ? null : port;
              buffer = "";
              if (override) return DONE;
            }
            if (override) return FAILURE;
            state = "path start";
            p--;
          } else return FAILURE;
          break;
        case "file":
          url.scheme = "file";
          url.host = "";
          if (c === "/" || c === "\\") state = "file slash";
          else if (base && base.scheme === "file") {
            Object.assign(url, { host: base.host, path: [...base.path], query: base.query });
            if (c === "?") {
              url.query = "";
              state = "query";
            } else if (c === "#") {
              url.fragment = "";
              state = "fragment";
            } else if (c !== undefined) {
              url.query = null;
              if (!startsWithDrive(input.slice(p))) shorten(url);
              else url.path = [];
              state = "path";
              p--;
            }
          } else {
            state = "path";
            p--;
          }
          break;
        case "file slash":
          if (c === "/" || c === "\\") state = "file host";
          else {
            if (base && base.scheme === "file") {
              url.host = base.host;
              if (
                !startsWithDrive(input.slice(p)) && base.path.length > 0 &&
                isNormalDrive(base.path[0])
              ) url.path.push(base.path[0]);
            }
            state = "path";
            p--;
          }
          break;
        case "file host":
          if (c === undefined || c === "/" || c === "\\" || c === "?" || c === "#") {
            p--;
            if (!override && isDriveLetter(buffer)) state = "path";
            else if (buffer === "") {
              url.host = "";
              if (override) return DONE;
              state = "path start";
            } else {
              let host = parseHost(buffer, !isSpecial(url));
              if (host === null) return FAILURE;
              if (host === "localhost") host = "";
              url.host = host;
              if (override) return DONE;
              buffer = "";
              state = "path start";
            }
          } else buffer += c;
          break;
        case "path start":
          if (isSpecial(url)) {
            state = "path";
            if (c !== "/" && c !== "\\") p--;
          } else if (!override && c === "?") {
            url.query = "";
            state = "query";
          } else if (!override && c === "#") {
            url.fragment = "";
            state = "fragment";
          } else if (c !== undefined) {
            state = "path";
            if (c !== "/") p--;
          } else if (override && url.host === null) url.path.push("");
          break;
        case "path": {
          // All of a segment at once.
          const end = isSpecial(url) ? /[/\\?#]/g : /[/?#]/g;
          let stop = p;
          for (;; stop++) {
            end.lastIndex = stop;
            const found = end.exec(input);
            stop = found ? found.index : input.length;
            if (!found || !override || found[0] === "/" || found[0] === "\\") break;
          }
          buffer += input.slice(p, stop);
          p = stop;
          const last = input[p], slash = last === "/" || (isSpecial(url) && last === "\\");
          buffer = encode(buffer, PATH);
          if (isDoubleDot(buffer)) {
            shorten(url);
            if (!slash) url.path.push("");
          } else if (isSingleDot(buffer)) {
            if (!slash) url.path.push("");
          } else {
            if (url.scheme === "file" && url.path.length === 0 && isDriveLetter(buffer)) {
              buffer = `${buffer[0]}:`;
            }
            url.path.push(buffer);
          }
          buffer = "";
          if (last === "?" && !override) {
            url.query = "";
            state = "query";
          } else if (last === "#" && !override) {
            url.fragment = "";
            state = "fragment";
          }
          break;
        }
        case "opaque path": {
          const stop = input.slice(p).search(/[?#]/);
          const end = stop < 0 ? input.length : p + stop;
          let text = input.slice(p, end);
          if (stop >= 0 && text.endsWith(" ")) text = `${text.slice(0, -1)}%20`;
          url.path = encode(text, C0_SET);
          p = end;
          if (input[p] === "?") {
            url.query = "";
            state = "query";
          } else if (input[p] === "#") {
            url.fragment = "";
            state = "fragment";
          }
          break;
        }
        case "query": {
          const hash = override ? -1 : input.indexOf("#", p);
          const end = hash < 0 ? input.length : hash;
          url.query += encode(input.slice(p, end), isSpecial(url) ? SPECIAL_QUERY : QUERY);
          p = end;
          if (hash >= 0) {
            url.fragment = "";
            state = "fragment";
          }
          break;
        }
        case "fragment":
          url.fragment += encode(input.slice(p), FRAGMENT);
          p = input.length;
          break;
      }
    }
    return url;
  };

  const showPath = (url) =>
    hasOpaquePath(url) ? url.path : url.path.map((part) => `/${part}`).join("");
  const showHost = (url) => url.port === null ? url.host : `${url.host}:${url.port}`;
  const show = (url) => {
    let text = `${url.scheme}:`;
    if (url.host !== null) {
      text += "//";
      if (hasCredentials(url)) {
        text += url.username + (url.password === "" ? "" : `:${url.password}`) + "@";
      }
      text += showHost(url);
    } else if (!hasOpaquePath(url) && url.path.length > 1 && url.path[0] === "") text += "/.";
    text += showPath(url);
    if (url.query !== null) text += `?${url.query}`;
    if (url.fragment !== null) text += `#${url.fragment}`;
    return text;
  };

  // ---- URLSearchParams ----

  const parseForm = (text) => {
    const pairs = [];
    for (const part of text.split("&")) {
      if (part === "") continue;
      const at = part.indexOf("=");
      const [name, value] = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
      pairs.push([decode(name.replaceAll("+", " ")), decode(value.replaceAll("+", " "))]);
    }
    return pairs;
  };
  const encodeForm = (text) => encode(text, FORM).replaceAll("%20", "+");
  const showForm = (pairs) =>
    pairs.map(([name, value]) => `${encodeForm(name)}=${encodeForm(value)}`).join("&");

  let linkParams, setPairs;
  class URLSearchParams {
    #pairs = [];
    #changed = null;
    static {
      linkParams = (params, changed) => params.#changed = changed;
      setPairs = (params, pairs) => params.#pairs = pairs;
      iterable(URLSearchParams, "URLSearchParams", (params) => params.#pairs);
    }
    constructor(init = undefined) {
      brand(this);
      if (init === undefined) return;
      if (init !== null && (typeof init === "object" || typeof init === "function")) {
        this.#pairs = pairsOf(init, usv);
        return;
      }
      const text = usv(init);
      this.#pairs = parseForm(text[0] === "?" ? text.slice(1) : text);
    }
    get size() {
      return this.#pairs.length;
    }
    append(name, value) {
      need(arguments.length, 2, "append");
      this.#pairs.push([usv(name), usv(value)]);
      this.#changed?.(this.#pairs);
    }
    delete(name, value = undefined) {
      need(arguments.length, 1, "delete");
      name = usv(name);
      if (value !== undefined) value = usv(value);
      this.#pairs = this.#pairs.filter((pair) =>
        pair[0] !== name || (value !== undefined && pair[1] !== value)
      );
      this.#changed?.(this.#pairs);
    }
    get(name) {
      need(arguments.length, 1, "get");
      name = usv(name);
      return this.#pairs.find((pair) => pair[0] === name)?.[1] ?? null;
    }
    getAll(name) {
      need(arguments.length, 1, "getAll");
      name = usv(name);
      return this.#pairs.filter((pair) => pair[0] === name).map((pair) => pair[1]);
    }
    has(name, value = undefined) {
      need(arguments.length, 1, "has");
      name = usv(name);
      if (value !== undefined) value = usv(value);
      return this.#pairs.some((pair) =>
        pair[0] === name && (value === undefined || pair[1] === value)
      );
    }
    set(name, value) {
      need(arguments.length, 2, "set");
      name = usv(name);
      value = usv(value);
      const at = this.#pairs.findIndex((pair) => pair[0] === name);
      if (at < 0) this.#pairs.push([name, value]);
      else {
        this.#pairs[at][1] = value;
        this.#pairs = this.#pairs.filter((pair, index) => index <= at || pair[0] !== name);
      }
      this.#changed?.(this.#pairs);
    }
    sort() {
      this.#pairs.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
      this.#changed?.(this.#pairs);
    }
    toString() {
      return showForm(this.#pairs);
    }
  }

  // ---- URL ----

  const tryParse = (input, base) => {
    let parsedBase = null;
    if (base !== undefined) {
      parsedBase = parse(usv(base), null);
      if (parsedBase === FAILURE) return FAILURE;
    }
    return parse(usv(input), parsedBase);
  };

  let wrap;
  class URL {
    #url;
    #params = null;
    static {
      wrap = (parsed) => {
        const url = new URL("a:");
        url.#url = parsed;
        return url;
      };
    }
    constructor(url, base = undefined) {
      need(arguments.length, 1, "URL");
      brand(this);
      const parsed = tryParse(url, base);
      if (parsed === FAILURE) {
        throw Object.assign(new TypeError("Invalid URL"), { code: "ERR_INVALID_URL" });
      }
      this.#url = parsed;
    }
    static parse(url, base = undefined) {
      need(arguments.length, 1, "URL.parse");
      const parsed = tryParse(url, base);
      return parsed === FAILURE ? null : wrap(parsed);
    }
    static canParse(url, base = undefined) {
      need(arguments.length, 1, "URL.canParse");
      return tryParse(url, base) !== FAILURE;
    }
    // What was set before the rest turned out to be wrong stays set, as the standard has it.
    #set(text, state) {
      parse(text, null, this.#url, state);
    }
    #queryChanged() {
      if (this.#params) setPairs(this.#params, this.#url.query ? parseForm(this.#url.query) : []);
    }
    get href() {
      return show(this.#url);
    }
    set href(value) {
      const parsed = parse(usv(value), null);
      if (parsed === FAILURE) throw new TypeError("Invalid URL");
      this.#url = parsed;
      this.#queryChanged();
    }
    get origin() {
      const url = this.#url;
      if (url.scheme === "blob") {
        const inner = hasOpaquePath(url) ? parse(url.path, null) : null;
        return inner && /^https?$/.test(inner.scheme)
          ? `${inner.scheme}://${showHost(inner)}`
          : "null";
      }
      return isSpecial(url) && url.scheme !== "file" ? `${url.scheme}://${showHost(url)}` : "null";
    }
    get protocol() {
      return `${this.#url.scheme}:`;
    }
    set protocol(value) {
      this.#set(`${usv(value)}:`, "scheme start");
    }
    get username() {
      return this.#url.username;
    }
    set username(value) {
      value = usv(value);
      if (this.#url.host && this.#url.scheme !== "file") {
        this.#url.username = encode(value, USERINFO);
      }
    }
    get password() {
      return this.#url.password;
    }
    set password(value) {
      value = usv(value);
      if (this.#url.host && this.#url.scheme !== "file") {
        this.#url.password = encode(value, USERINFO);
      }
    }
    get host() {
      return this.#url.host === null ? "" : showHost(this.#url);
    }
    set host(value) {
      value = usv(value);
      if (!hasOpaquePath(this.#url)) this.#set(value, "host");
    }
    get hostname() {
      return this.#url.host ?? "";
    }
    set hostname(value) {
      value = usv(value);
      if (!hasOpaquePath(this.#url)) this.#set(value, "hostname");
    }
    get port() {
      return this.#url.port === null ? "" : `${this.#url.port}`;
    }
    set port(value) {
      value = usv(value);
      if (!this.#url.host || this.#url.scheme === "file") return;
      if (value === "") this.#url.port = null;
      else this.#set(value, "port");
    }
    get pathname() {
      return showPath(this.#url);
    }
    set pathname(value) {
      value = usv(value);
      if (hasOpaquePath(this.#url)) return;
      this.#url.path = [];
      this.#set(value, "path start");
    }
    get search() {
      return this.#url.query ? `?${this.#url.query}` : "";
    }
    set search(value) {
      value = usv(value);
      if (value === "") this.#url.query = null;
      else {
        this.#url.query = "";
        this.#set(value[0] === "?" ? value.slice(1) : value, "query");
      }
      this.#queryChanged();
    }
    get searchParams() {
      if (this.#params === null) {
        this.#params = new URLSearchParams();
        this.#queryChanged();
        linkParams(this.#params, (pairs) => {
          this.#url.query = pairs.length > 0 ? showForm(pairs) : null;
        });
      }
      return this.#params;
    }
    get hash() {
      return this.#url.fragment ? `#${this.#url.fragment}` : "";
    }
    set hash(value) {
      value = usv(value);
      if (value === "") this.#url.fragment = null;
      else {
        this.#url.fragment = "";
        this.#set(value[0] === "#" ? value.slice(1) : value, "fragment");
      }
    }
    toString() {
      return show(this.#url);
    }
    toJSON() {
      return show(this.#url);
    }
  }

  define("URL", URL);
  define("URLSearchParams", URLSearchParams);
  return { URL, URLSearchParams };
};
