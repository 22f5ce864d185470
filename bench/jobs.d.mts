/** What jobs.mjs exports. */
export declare const JOBS: Readonly<
  Record<
    string,
    {
      readonly run: (...args: number[]) => number;
      readonly args: number[];
      readonly small: number[];
    }
  >
>;
