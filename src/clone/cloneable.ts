/**
 * What crosses, as types: for those who write functions that pass arguments on to tasks.
 *
 * A type doesn't tell a method, which stays behind, from a function that somebody has put into an
 * object, which is refused: a function that is a property counts as a method.
 *
 * @module
 */
/**
 * Why a `T` can't be cloned, as a text that the compiler shows: `never` if it can.
 *
 * @example
 * ```ts
 * import type { Uncloneable } from "@protojs/deferred";
 *
 * const why: Uncloneable<symbol> = "a symbol can't be cloned: pass its description";
 * console.log(why.length); // 46
 * ```
 */
export type Uncloneable<T> = T extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> ? never
  // deno-lint-ignore no-explicit-any -- what else would any constructor fit, or weak collection?
  : T extends ((...args: never[]) => unknown) | (abstract new (...args: any) => unknown)
    ? "a function can't be cloned: give it to the task by name, in `scope`"
  : T extends PromiseLike<unknown> ? "a promise can't be cloned: await it first"
  : T extends symbol ? "a symbol can't be cloned: pass its description"
  // deno-lint-ignore no-explicit-any
  : T extends WeakMap<any, any> | WeakSet<any> | WeakRef<any>
    ? "what is weak can't be cloned: pass the data"
  : never;

/**
 * The keys of `T` that are cloned: names, but of methods.
 *
 * @example
 * ```ts
 * import type { DataKey } from "@protojs/deferred";
 *
 * const key: DataKey<{ r: number; area(): number }> = "r";
 * console.log(key); // r
 * ```
 */
export type DataKey<T> = {
  [K in keyof T]-?: K extends symbol ? never
    : NonNullable<T[K]> extends (...args: never[]) => unknown ? never
    : K;
}[keyof T];

/**
 * `T`, if it can be an argument or a result of a task; else a type that nothing has, with the reason:
 * for functions and promises, wherever they stand, and all else that is refused.
 *
 * @example
 * ```ts
 * import { type Cloneable, Deferred } from "@protojs/deferred";
 *
 * function sizeOf<T>(value: T & Cloneable<T>): Promise<number> {
 *   return Deferred.run((value) => JSON.stringify(value).length, value);
 * }
 * console.log(await sizeOf({ name: "tea", price: 3 })); // 24
 * // sizeOf({ later: fetch(url) }): a promise can't be cloned: await it first
 * ```
 */
export type Cloneable<T> = unknown extends T ? T
  : T extends string | number | boolean | bigint | null | undefined ? T
  : T extends ArrayBufferLike | ArrayBufferView | Date | RegExp | Error ? T
  : [Uncloneable<T>] extends [never] ? (
      T extends ReadonlyMap<infer K, infer V> ? ReadonlyMap<Cloneable<K>, Cloneable<V>>
        : T extends ReadonlySet<infer V> ? ReadonlySet<Cloneable<V>>
        : T extends readonly unknown[] ? { readonly [K in keyof T]: Cloneable<T[K]> }
        : { readonly [K in keyof T]: K extends DataKey<T> ? Cloneable<T[K]> : unknown }
    )
  : Uncloneable<T>;

/**
 * What arrives of a `T` that is cloned: of an instance its data, unless its class is registered with
 * the pool; `never` of what can't be cloned.
 *
 * @example
 * ```ts
 * import { type Cloned, Deferred } from "@protojs/deferred";
 *
 * class Circle {
 *   r = 2;
 *   area(): number {
 *     return Math.PI * this.r ** 2;
 *   }
 * }
 * const half = (circle: Cloned<Circle>): number => circle.r / 2; // it has no `area`
 * console.log(await Deferred.run(half, new Circle())); // 1
 * ```
 */
export type Cloned<T> = unknown extends T ? T
  : T extends string | number | boolean | bigint | null | undefined ? T
  : T extends Date | RegExp ? T
  : [Uncloneable<T>] extends [never] ? (
      T extends Uint8Array<infer B> ? Uint8Array<B>
        : T extends ArrayBufferLike | ArrayBufferView ? T
        : T extends Error ? Error & { [K in Exclude<DataKey<T>, keyof Error>]: Cloned<T[K]> }
        : T extends ReadonlyMap<infer K, infer V> ? Map<Cloned<K>, Cloned<V>>
        : T extends ReadonlySet<infer V> ? Set<Cloned<V>>
        : T extends readonly unknown[] ? { -readonly [K in keyof T]: Cloned<T[K]> }
        : { -readonly [K in keyof T as K extends DataKey<T> ? K : never]: Cloned<T[K]> }
    )
  : never;
