/**
 * The edits that the build makes to its copy of the engine's source: the few things that can't be
 * reached from outside. Each is exact text that must occur exactly once, so that an edit that no
 * longer applies to a new version stops the build instead of being lost.
 *
 * @module
 */

/**
 * @typedef {object} Edit
 * @property {string} file      file of the engine
 * @property {string} find      text that occurs in it exactly once
 * @property {string} replace   what stands there afterwards
 * @property {string} why       what we need it for
 * @property {string} upstream  what upstream should hear of it
 */

/** @type {readonly Edit[]} */
export const EDITS = [
  {
    file: "quickjs.c",
    find: `\
#if defined(__SANITIZE_ADDRESS__) || defined(FORCE_GC_AT_MALLOC)
`,
    replace: `\
#if defined(__SANITIZE_ADDRESS__) || defined(FORCE_GC_AT_MALLOC) || defined(DFD_ONE_ALLOCATOR)
`,
    why: "Every block comes from our arena, which packs a fresh realm into 110 KB where the " +
      "engine's own half-empty slabs take 170 KB; a restore copies a third less.",
    upstream: "JS_ARENA_LARGE_BLOCKS_ONLY could be `#ifndef`, for embedders whose allocator is " +
      "as good as the slabs.",
  },
  {
    file: "quickjs.c",
    find: `\
    h = shape_hash(1, (uintptr_t)proto);
    if (sizeof(proto) > 4)
        h = shape_hash(h, (uint64_t)(uintptr_t)proto >> 32);
    return h;
`,
    replace: `\
    h = shape_hash(1, (uint32_t)(uintptr_t)proto);
    return h;
`,
    why:
      "Shape hashes are stored in the realm's image. Without the address's high half, an image " +
      "built in one arena can be compared with, and moved to, another of the same low half by " +
      "changing nothing but pointers.",
    upstream: "None: it matters only to who moves heaps.",
  },
  {
    file: "quickjs.c",
    find: `\
            func = p->u.cfunc.c_function;
            return func.iterator_next(ctx, enum_obj, argc, argv,
`,
    replace: `\
            if (js_check_stack_overflow(ctx->rt, 0)) {
                JS_ThrowStackOverflow(ctx);
                *pdone = false;
                return JS_EXCEPTION;
            }
            func = p->u.cfunc.c_function;
            return func.iterator_next(ctx, enum_obj, argc, argv,
`,
    why:
      "This fast path calls an iterator helper's next() without JS_CallInternal, and so without " +
      "its stack check: \`it = it.map(x => x)\` 100,000 times, then it.next(), recursed in C " +
      "until the process died.",
    upstream: "A bug of 0.17 and 0.18: the check belongs there. A chain of iterator helpers is " +
      "the test.",
  },
  {
    file: "quickjs.c",
    find: `\
    JS_CFUNC_DEF("wait", 4, js_atomics_wait ),
    JS_CFUNC_DEF("notify", 3, js_atomics_notify ),
`,
    replace: `\
    JS_CFUNC_DEF("wait", 4, engine_atomics_wait ),
    JS_CFUNC_DEF("notify", 3, engine_atomics_notify ),
`,
    why:
      "The engine's own wait() sleeps in a list of waiters under a process-wide lock, on a node " +
      "of its stack: a task that is left there by siglongjmp would leave both behind.",
    upstream: "None: it matters only to who leaves the engine by a jump.",
  },
  {
    file: "quickjs.c",
    find: `\
    return h ^ ctx->hash_seed ^ hash32(tag);
`,
    replace: `\
    h = hash32(h ^ ctx->hash_seed ^ tag);
    return h ^ (h >> 16);
`,
    why: "A Map's buckets are chosen by the low bits of a hash. Those of an integer were the low " +
      "bits of a double, zeros, and those of an object were its address's: a Map of the integers " +
      "below 10,000 used 64 buckets of 8,192 and took 7 ms to fill.",
    upstream:
      "A defect of 0.18: the mixing step belongs behind the key's hash, not in front of it.",
  },
];
