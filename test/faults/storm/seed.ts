/** `FAULTS_SEED` of the run, or another one each time; it is printed, so that a run can be had again. */
export function seedOf(): number {
  return Number(process.env['FAULTS_SEED'] ?? Date.now() % 1_000_000);
}

/** `FAULTS` of each kind; 20 in every run of the checks. */
export function faultsOf(): number {
  return Number(process.env['FAULTS'] ?? 20);
}
