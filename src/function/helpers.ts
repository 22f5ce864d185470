/**
 * What transpilers call in function bodies and define elsewhere: our own definitions of it, which
 * stand in the line before the text.
 *
 * @module
 */
import { type Source, within } from "./source.ts";

const ASYNC =
  "(async(v,d,s='next')=>{const i=g.apply(t,a??[]);for(;;){({value:v,done:d}=i[s](v));" +
  "if(d)return v;try{v=await v;s='next'}catch(e){v=e;s='throw'}}})()";
const REST = "(o,x)=>{const r={...o};for(const k of x)delete r[k];return r}";
const DEFINE = "Object.defineProperty(o,k,{value:v,enumerable:!0,configurable:!0,writable:!0})";
const FOR_AWAIT = "(o)=>{const a=o[Symbol.asyncIterator];if(a)return a.call(o);" +
  "const i=o[Symbol.iterator](),f=async(r)=>({value:await r.value,done:r.done});return{" +
  "next:(v)=>f(i.next(v)),return:(v)=>f(i.return?i.return(v):{value:v,done:!0})}}";
/** Counts nothing: whatever is read of it or called is itself, as a number it is 0. */
const COUNTER = "(()=>{const p=new Proxy(()=>p,{set:()=>!0," +
  "get:(t,k)=>k===Symbol.toPrimitive?()=>0:p});return p})()";

/**
 * Our own definitions of what transpilers put into function bodies: esbuild's (and so tsx's and
 * Vite's) and TypeScript's.
 */
const HELPERS: Readonly<Record<string, string>> = {
  __name: "(f,n)=>Object.defineProperty(f,'name',{value:n,configurable:!0})",
  __defNormalProp: `(o,k,v)=>(${DEFINE},v)`,
  __publicField: `(o,k,v)=>(${DEFINE},v)`,
  __spreadValues: "(a,b)=>Object.defineProperties(a,Object.getOwnPropertyDescriptors({...b}))",
  __spreadProps: "(a,b)=>Object.defineProperties(a,Object.getOwnPropertyDescriptors(b))",
  __objRest: REST,
  __restKey: "(k)=>typeof k=='symbol'?k:k+''",
  __pow: "(a,b)=>a**b",
  __async: `(t,a,g)=>${ASYNC}`,
  __forAwait: FOR_AWAIT,
  __awaiter: `(t,a,P,g)=>${ASYNC}`,
  __asyncValues: FOR_AWAIT,
  __rest: REST,
  __assign: "Object.assign",
  __spreadArray: "(a,b)=>a.concat(Array.from(b))",
};

/** Istanbul's counters: `cov_1x2y3z().s[0]++`. */
const ISTANBUL = /^cov_\w+$/;

/** The definition of a transpiler's helper, an expression; `null` if there is none. */
export function helper(name: string): string | null {
  if (Object.hasOwn(HELPERS, name)) return HELPERS[name]!;
  return ISTANBUL.test(name) ? COUNTER : null;
}

function definitions(names: readonly string[]): string {
  return names.map((name) => `${name}=${helper(name)}`).join();
}

/** A source with definitions of `names` before it. */
export function withHelpers(source: Source, names: readonly string[]): Source {
  return within(source, `((${definitions(names)})=>`, ")()");
}

/** As `withHelpers`, where `this` is `undefined` and no longer that of the scope around it. */
export function withoutThis(source: Source, names: readonly string[]): Source {
  return within(source, `(function(${definitions(names)}){return`, "})()");
}

/** A lowered async arrow function passes the `this` around it on, needed or not. */
const LOWERED_THIS = /\b(__async|__awaiter)\(this\b/g;

/** The source with those calls passing nothing on, to be asked whether anything else uses `this`. */
export function passingNoThis(source: Source): Source | null {
  const text = source.text.replace(LOWERED_THIS, "$1(null");
  return text === source.text ? null : { ...source, text };
}
