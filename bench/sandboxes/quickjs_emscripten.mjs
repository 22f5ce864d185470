/**
 * quickjs-emscripten: QuickJS in WebAssembly, on the thread that calls it. What a sandbox gives: see
 * ../sandbox.mjs. Each run has a runtime of its own, as each of ours does.
 */

import { getQuickJS, shouldInterruptAfterDeadline } from "quickjs-emscripten";
import { measure } from "../sandbox.mjs";

const quickjs = await getQuickJS();

await measure((tools, { timeout, memory }) => ({
  async run(source) {
    const runtime = quickjs.newRuntime();
    runtime.setMemoryLimit(memory);
    runtime.setInterruptHandler(shouldInterruptAfterDeadline(Date.now() + timeout));
    const context = runtime.newContext();
    const group = context.newObject();
    for (const [name, fn] of Object.entries(tools)) {
      const handle = context.newFunction(name, (...args) => {
        const answer = context.newPromise();
        Promise.resolve(fn(...args.map((arg) => context.dump(arg)))).then((value) => {
          const number = context.newNumber(value); // all that is asked here
          answer.resolve(number);
          number.dispose();
          answer.settled.then(() => runtime.executePendingJobs());
        });
        return answer.handle;
      });
      context.setProp(group, name, handle);
      handle.dispose();
    }
    context.setProp(context.global, "tools", group);
    group.dispose();
    try {
      const result = context.evalCode(`(async () => {${source}})()`);
      const promise = context.unwrapResult(result);
      const settled = context.resolvePromise(promise);
      promise.dispose();
      runtime.executePendingJobs();
      const handle = context.unwrapResult(await settled);
      const value = context.dump(handle);
      handle.dispose();
      return value;
    } finally {
      context.dispose();
      runtime.dispose();
    }
  },
  close() {},
}));
