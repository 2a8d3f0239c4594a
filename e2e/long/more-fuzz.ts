import fc from "fast-check";

/** Loaded before the property tests by `npm run test:fuzz`: each property is tried far more often than in a daily run. */
fc.configureGlobal({ numRuns: Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 5000) });
