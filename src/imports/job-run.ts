/** What a job is told of how it runs, and tells. */
export interface JobRun {
  readonly signal: AbortSignal;
  progress(done: number, total: number | null): void;
}
