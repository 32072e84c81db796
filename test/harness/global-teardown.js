import { reportOperations } from './operations-report.js';

export default async function endRun(globalConfig) {
  const { folder } = JSON.parse(process.env.ROSTER_TEST_RUN ?? '{}');
  try {
    if (folder) reportOperations(folder, globalConfig);
  } finally {
    await globalThis.rosterRun?.stop();
  }
}
