/**
 * What a function can't have more of.
 *
 * @module
 */

/** @type {readonly import("../edits.mjs").Edit[]} */
export const LIMITS = [
  {
    changes: [
      {
        file: "quickjs.c",
        find: `\
    int closure_var_offset, vardefs_offset;

    /* recompute scope linkage */
`,
        replace: `\
    int closure_var_offset, vardefs_offset;

    /* blocks have numbers of 16 bits in byte code; of variables, some are
       added below: 'this', 'arguments' and the like */
    if (fd->scope_count > UINT16_MAX || fd->var_count > JS_MAX_LOCAL_VARS - 32) {
        JS_ThrowSyntaxError(ctx, "too many blocks or variables in a function (only %d allowed)",
                            JS_MAX_LOCAL_VARS - 32);
        goto fail;
    }

    /* recompute scope linkage */
`,
      },
      {
        file: "quickjs.c",
        find: `\
    if (compute_stack_size(ctx, fd, &stack_size) < 0)
        goto fail;
`,
        replace: `\
    if (compute_stack_size(ctx, fd, &stack_size) < 0)
        goto fail;

    /* both are counted in 16 bits from here on; where add_closure_var() fails,
       nobody notices */
    if (fd->var_ref_count > UINT16_MAX || fd->closure_var_count >= JS_MAX_LOCAL_VARS) {
        JS_ThrowSyntaxError(ctx, "too many variables that functions share (only %d allowed)",
                            JS_MAX_LOCAL_VARS - 1);
        goto fail;
    }
`,
      },
    ],
    why: "A function whose parameters and variables are used by others, more than 65,535 in all, " +
      "wrote beyond its frame; one of more than 65,535 blocks (an `if` is one) found none of its " +
      "variables; one with as many variables as there may be had no `arguments`.",
    upstream: "JSFunctionBytecode.var_ref_count and closure_var_count are uint16_t, which is not " +
      "checked: `(p0, …, p39999) => { let v0, …, v39999; () => p0 + … + v39999 }` overflows the " +
      "frame's var_refs. A direct eval in it makes a list of closure variables that is as long. " +
      'push_scope() ("XXX: should check for scope overflow") writes numbers of 16 bits. What ' +
      "add_var() and add_closure_var() fail with in resolve_scope_var() is lost.",
  },
];
