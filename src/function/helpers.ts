/**
 * Helpers that transpilers call in function bodies and define elsewhere: our own definitions of
 * them, which go into the line before the text. A definition may use others; they come with it.
 *
 * @module
 */
import { type Source, within } from "./source.ts";

const ASYNC =
  "(async(v,d,s='next')=>{const i=g.apply(t,a??[]);for(;;){({value:v,done:d}=i[s](v));" +
  "if(d)return v;try{v=await v;s='next'}catch(e){v=e;s='throw'}}})()";
const WITHOUT = "(o,x)=>{const r={...o};for(const k of x)delete r[k];return r}";
const DEFINE = "(o,k,v)=>(Object.defineProperty(o,k,{value:v,enumerable:!0,configurable:!0," +
  "writable:!0}),v)";
const PROPERTIES = "Object.defineProperties(a,Object.getOwnPropertyDescriptors(Object(b)))";
const ASYNC_VALUES = "(o)=>{const a=o[Symbol.asyncIterator];if(a)return a.call(o);" +
  "const i=o[Symbol.iterator](),f=async(r)=>({value:await r.value,done:r.done});return{" +
  "next:(v)=>f(i.next(v)),return:(v)=>f(i.return?i.return(v):{value:v,done:!0})}}";

/** Runs a generator in which `yield` yields, and `yield __await(v)` awaits; see AWAIT. */
const ASYNC_GENERATOR = "(t,a,g)=>{const i=g.apply(t,a??[]),run=async function*(m,v){for(;;){" +
  "const r=i[m](v);if(r.done)return r.value;let left=!0;m='next';" +
  "try{v=r.value instanceof __await?await r.value.v:yield r.value;left=!1}" +
  "catch(e){v=e;m='throw';left=!1}" +
  "finally{if(left&&i.return)yield*run('return')}}};return run('next')}";
const AWAIT = "function A(v){if(!new.target)return new A(v);this.v=v}";
const DELEGATE = "(o)=>(function*(i,m,v){for(;;){const r=yield __await(i[m](v));" +
  "if(r.done)return r.value;let left=!0;m='next';try{v=yield r.value;left=!1}" +
  "catch(e){if(!i.throw)throw e;v=e;m='throw';left=!1}" +
  "finally{if(left&&i.return)yield __await(i.return())}}})(o,'next')";

/** How `using` is written for older targets: `u` takes what is to be disposed, `d` does it. */
const USING = "(s,v,a)=>{if(v==null){if(a)s.push([a]);return v}" +
  "if(Object(v)!==v)throw new TypeError('Object expected.');" +
  "let d=a?v[Symbol.asyncDispose]:void 0;if(d==null){const e=v[Symbol.dispose];" +
  "d=a&&e?function(){try{e.call(this)}catch(x){return Promise.reject(x)}}:e}" +
  "if(typeof d!='function')throw new TypeError('Object not disposable.');s.push([a,d,v]);return v}";
const DISPOSE = "(s,e,h)=>{const f=(x)=>{e=h?new SuppressedError(x,e," +
  "'An error was suppressed during disposal.'):x;h=!0},n=()=>{for(let r;r=s.pop();)try{" +
  "const p=r[1]&&r[1].call(r[2]);if(r[0])return Promise.resolve(p).then(n,(x)=>(f(x),n()))" +
  "}catch(x){f(x)}if(h)throw e};return n()}";
const USING_CONTEXT = "()=>{const s=[],n={},c={e:n,u:(v)=>__using(s,v),a:(v)=>__using(s,v,!0)," +
  "d:()=>__callDispose(s,c.e,c.e!==n)};return c}";

/**
 * Asks a WeakMap or WeakSet, or a class for its static members, whether an object has a member.
 */
const CHECK = "(o,m)=>{if(typeof m=='function'?o===m:m.has(o))return o;" +
  "throw new TypeError('Cannot access a private member of an object whose class did not declare it')}";
const ADD = "(o,m,v)=>{if(m.has(o))throw new TypeError('Cannot add the same private member more " +
  "than once');return m instanceof WeakSet?m.add(o):m.set(o,v)}";
const IN =
  "(m,o)=>{if(Object(o)!==o)throw new TypeError(\"Cannot use the 'in' operator on a value " +
  "that is no object\");return typeof m=='function'?o===m:m.has(o)}";
const CLASS_GET = "(o,m,k,f)=>(__accessCheck(o,m),k=='m'?f:k=='a'?f.call(o):f?f.value:m.get(o))";
const CLASS_SET = "(o,m,v,k,f)=>{if(k=='m'||(k=='a'&&!f))throw new TypeError('Private method or " +
  "accessor is not writable');__accessCheck(o,m);" +
  "if(k=='a')f.call(o,v);else if(f)f.value=v;else m.set(o,v);return v}";

const DECORATE = "(d,...a)=>{const[t,k,c]=a;let r=a.length<2?t:c===null?" +
  "Object.getOwnPropertyDescriptor(t,k):c;for(let i=d.length-1;i>=0;i--)if(d[i])" +
  "r=(a.length<2?d[i](r):a.length>2?d[i](t,k,r):d[i](t,k))||r;" +
  "if(a.length>2&&r)Object.defineProperty(t,k,r);return r}";
const DECORATE_CLASS = "(d,t,k,n)=>{let r=n>1?void 0:n?Object.getOwnPropertyDescriptor(t,k):t;" +
  "for(let i=d.length-1;i>=0;i--)if(d[i])r=(n?d[i](t,k,r):d[i](r))||r;" +
  "if(n&&r)Object.defineProperty(t,k,r);return r}";
const ES_DECORATE =
  "(c,p,d,x,n,e)=>{const k=x.kind,y=k=='getter'?'get':k=='setter'?'set':'value'," +
  "t=!p&&c?(x.static?c:c.prototype):null," +
  "o=p||(t&&Object.getOwnPropertyDescriptor(t,x.name))||{};let done=!1;" +
  "for(let i=d.length-1;i>=0;i--){const a={...x,access:{...x.access},addInitializer(f){" +
  "if(done)throw new TypeError('Cannot add initializers after decoration has completed');" +
  "e.push(f)}};if(!x.access)delete a.access;" +
  "const r=d[i](k=='accessor'?{get:o.get,set:o.set}:o[y],a);if(r==null)continue;" +
  "if(k=='accessor'){if(r.get)o.get=r.get;if(r.set)o.set=r.set;if(r.init)n.unshift(r.init)}" +
  "else if(k=='field')n.unshift(r);else o[y]=r}if(t)Object.defineProperty(t,x.name,o);done=!0}";

/**
 * A counter that counts nothing: anything read from it or called on it is itself, and as a number
 * it is 0.
 */
const COUNTER = "(()=>{const p=new Proxy(()=>p,{set:()=>!0," +
  "get:(t,k)=>k===Symbol.toPrimitive?()=>0:p});return p})()";

/**
 * The definitions, each under all its names: those of esbuild, tsx, Vite and Bun (`__privateGet`),
 * TypeScript (`__classPrivateFieldGet`), SWC (`_define_property`) and Babel (`_defineProperty`). A
 * helper that means something else in one of them has a name of its own.
 */
const DEFINITIONS: readonly (readonly [names: string, definition: string])[] = [
  ["__name", "(f,n)=>Object.defineProperty(f,'name',{value:n,configurable:!0})"],
  ["__defNormalProp __publicField _define_property _defineProperty", DEFINE],
  ["__spreadValues", "(a,b)=>Object.defineProperties(a,Object.getOwnPropertyDescriptors({...b}))"],
  ["__spreadProps _object_spread_props _objectSpreadProps", `(a,b)=>${PROPERTIES}`],
  [
    "_object_spread _objectSpread",
    "(a,...s)=>{for(const b of s)Object.defineProperties(a,Object.getOwnPropertyDescriptors({...b}));" +
    "return a}",
  ],
  ["__objRest __rest _object_without_properties _objectWithoutProperties", WITHOUT],
  ["__assign _extends", "(...a)=>Object.assign(...a)"],
  ["__restKey _to_property_key _toPropertyKey", "(k)=>typeof k=='symbol'?k:k+''"],
  ["__propKey", "(k)=>typeof k=='symbol'?k:k+''"],
  ["__pow", "(a,b)=>a**b"],
  ["__spreadArray", "(a,b)=>a.concat(Array.from(b))"],
  ["__spread", "(...a)=>a.flatMap((v)=>[...v])"],
  ["_to_consumable_array _toConsumableArray", "(a)=>[...a]"],
  ["__read", "(o,n)=>{const r=[];if(n!==0)for(const v of o)if(r.push(v)===n)break;return r}"],
  [
    "_sliced_to_array _slicedToArray",
    "(o,n)=>{const r=[];if(n!==0)for(const v of o)if(r.push(v)===n)break;return r}",
  ],
  ["_to_array _toArray", "(a)=>[...a]"],
  ["__values", "(o)=>o[Symbol.iterator]()"],
  ["__async", `(t,a,g)=>${ASYNC}`],
  ["__awaiter", `(t,a,P,g)=>${ASYNC}`],
  ["_async_to_generator _asyncToGenerator", `(g)=>function(...a){const t=this;return ${ASYNC}}`],
  ["__forAwait __asyncValues _async_iterator _asyncIterator", ASYNC_VALUES],
  ["__await", AWAIT],
  ["__asyncGenerator", ASYNC_GENERATOR],
  ["__asyncDelegator", DELEGATE],
  ["__yieldStar", "(o)=>o[Symbol.asyncIterator]?__asyncDelegator(__asyncValues(o)):o"],
  ["__using", USING],
  ["__callDispose", DISPOSE],
  [
    "__addDisposableResource _ts_add_disposable_resource",
    "(e,v,a)=>__using(e.stack,v,a)",
  ],
  [
    "__disposeResources _ts_dispose_resources",
    "(e)=>__callDispose(e.stack,e.error,e.hasError)",
  ],
  ["_using_ctx _usingCtx", USING_CONTEXT],
  ["__accessCheck", CHECK],
  ["__privateAdd", ADD],
  ["__privateIn __classPrivateFieldIn", IN],
  ["__privateGet", "(o,m,g)=>(__accessCheck(o,m),g?g.call(o):m.get(o))"],
  ["__privateSet", "(o,m,v,s)=>(__accessCheck(o,m),s?s.call(o,v):m.set(o,v),v)"],
  ["__privateMethod", "(o,m,f)=>(__accessCheck(o,m),f)"],
  [
    "__privateWrapper",
    "(o,m,s,g)=>({get _(){return __privateGet(o,m,g)},set _(v){__privateSet(o,m,v,s)}})",
  ],
  ["__classPrivateFieldGet", CLASS_GET],
  ["__classPrivateFieldSet", CLASS_SET],
  ["_class_private_field_init _class_private_method_init", ADD],
  ["_classPrivateFieldInitSpec _classPrivateMethodInitSpec", ADD],
  ["_class_private_method_get", "(o,m,f)=>(__accessCheck(o,m),f)"],
  [
    "_class_private_field_get",
    "(o,m)=>{const d=(__accessCheck(o,m),m.get(o));return d.get?d.get.call(o):d.value}",
  ],
  [
    "_class_private_field_set",
    "(o,m,v)=>{const d=(__accessCheck(o,m),m.get(o));" +
    "if(d.set)d.set.call(o,v);else if(d.writable)d.value=v;" +
    "else throw new TypeError('attempted to set read only private field');return v}",
  ],
  [
    "_class_private_field_update",
    "(o,m)=>({get value(){return _class_private_field_get(o,m)}," +
    "set value(v){_class_private_field_set(o,m,v)}})",
  ],
  [
    "_class_static_private_field_spec_get",
    "(o,c,d)=>(__accessCheck(o,c),d.get?d.get.call(o):d.value)",
  ],
  ["_class_static_private_method_get", "(o,c,f)=>(__accessCheck(o,c),f)"],
  [
    "_assertClassBrand",
    "(m,o,...a)=>(__accessCheck(o,m),a.length?a[0]:o)",
  ],
  ["_classPrivateFieldGet", "(m,o)=>m.get(__accessCheck(o,m))"],
  ["_classPrivateFieldSet", "(m,o,v)=>(m.set(__accessCheck(o,m),v),v)"],
  [
    "_checkInRHS _check_in_rhs",
    '(o)=>{if(Object(o)!==o)throw new TypeError("right-hand side of ' +
    "'in' should be an object\");return o}",
  ],
  ["__superGet", "(c,o,k)=>Reflect.get(Object.getPrototypeOf(c),k,o)"],
  ["__superSet", "(c,o,k,v)=>(Reflect.set(Object.getPrototypeOf(c),k,v,o),v)"],
  ["__decorate __legacyDecorateClassTS _ts_decorate", DECORATE],
  ["__param __legacyDecorateParamTS _ts_param __decorateParam", "(i,d)=>(t,k)=>d(t,k,i)"],
  ["__metadata __legacyMetadataTS _ts_metadata", "(k,v)=>Reflect.metadata?.(k,v)"],
  ["__decorateClass", DECORATE_CLASS],
  ["__esDecorate", ES_DECORATE],
  [
    "__runInitializers",
    "(t,i,...a)=>{for(const f of i)if(a.length)a[0]=f.call(t,a[0]);else f.call(t);return a[0]}",
  ],
  [
    "__setFunctionName",
    "(f,n,p)=>{if(typeof n=='symbol')n=n.description?`[${n.description}]`:'';" +
    "return Object.defineProperty(f,'name',{configurable:!0,value:p?`${p} ${n}`:n})}",
  ],
  ["_identity", "(v)=>v"],
];

const BY_NAME: ReadonlyMap<string, string> = new Map(
  DEFINITIONS.flatMap(([names, definition]) =>
    names.split(" ").map((name) => [name, definition] as const)
  ),
);
const USED = /\b__?[a-z]\w+/gi;

/** The name from which a transpiler derived this one: Bun adds a hash, Babel and SWC a number. */
function nameOf(name: string): string {
  if (BY_NAME.has(name)) return name;
  return name.replace(/^(__[a-zA-Z]+)_[0-9a-z]{8}$/, "$1").replace(/^(_[a-zA-Z_]+?)\d+$/, "$1");
}

/** What Istanbul calls a file's counters. */
const ISTANBUL = /^cov_[0-9a-z]+$/;
/** TypeScript's library of helpers: `tslib_1.__awaiter(…)`. */
const LIBRARY = /^(tslib_\d+|import_tslib\d*)$/;

/**
 * Whether all uses of such a name are `cov_1x2y3z().s[0]++`, or without the call: a covariance may
 * have such a name as well.
 */
function isCounter(name: string, text: string): boolean {
  return ISTANBUL.test(name) &&
    !new RegExp(`\\b${name}\\b(?!(?:\\(\\))?\\s*\\.(?:s|f|bT?)\\[)`).test(text);
}

/** Whether a name that `text` uses is a transpiler's helper that we have a definition of. */
export function isHelper(name: string, text: string): boolean {
  return BY_NAME.has(nameOf(name)) || LIBRARY.test(name) || isCounter(name, text);
}

/** Helpers that a text takes of their library. */
function membersOf(name: string, text: string): string[] {
  const members = text.matchAll(new RegExp(`\\b${name}\\.(\\w+)`, "g"));
  return [...new Set(Array.from(members, ([, member]) => member!))]
    .filter((member) => BY_NAME.has(member));
}

/** Definitions of names, and before each of those that it uses, as parameters with defaults. */
export function definitions(names: readonly string[], text: string): string {
  const all = new Map<string, string>();
  const add = (name: string): void => {
    if (all.has(name)) return;
    if (LIBRARY.test(name)) {
      const members = membersOf(name, text);
      for (const member of members) add(member);
      all.set(name, `{${members.join()}}`);
      return;
    }
    const definition = BY_NAME.get(nameOf(name)) ?? COUNTER;
    for (const [used] of definition.matchAll(USED)) if (BY_NAME.has(used)) add(used);
    // A helper may be a member of its module, whose name looks like that of the helper.
    const isModule = new RegExp(`\\b${name}\\.(_|default)\\b`).test(text);
    all.set(name, isModule ? `((f)=>Object.assign(f,{_:f,default:f}))(${definition})` : definition);
  };
  for (const name of names) add(name);
  return Array.from(all, ([name, definition]) => `${name}=${definition}`).join();
}

/** A source with definitions of `names` before it, and no `this` around it. */
export function withHelpers(source: Source, names: readonly string[]): Source {
  return within(source, `(function(${definitions(names, source.text)}){return`, "})()");
}

/** A lowered async arrow function passes the `this` around it on, needed or not. */
const LOWERED_THIS = /\b(__async|__awaiter)\(this\b/g;

/** The source with those calls passing nothing on, to be asked whether anything else uses `this`. */
export function passingNoThis(source: Source): Source | null {
  const text = source.text.replace(LOWERED_THIS, "$1(null");
  return text === source.text ? null : { ...source, text };
}
