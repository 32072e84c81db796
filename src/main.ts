import 'reflect-metadata';

import { run } from './cli/command-line.js';

process.exit(await run(process.argv.slice(2)));
