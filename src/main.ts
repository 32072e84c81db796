import 'reflect-metadata';

import { createApp } from './app.js';
import { boot } from './boot.js';
import { Config } from './platform/config/config.js';
import { Logs } from './platform/logging/logger.js';
import { Administrators } from './auth/index.js';

const config = Config.load();
const logs = new Logs({ level: 'info', pretty: false });
const t0 = performance.now();
const booted = await boot(config, logs);
const t1 = performance.now();
const app = await createApp(booted.ground, 'http://127.0.0.1:3000');
const first = await app.nest.get(Administrators).ensureFirst();
const token = await app.nest.get(Administrators).token(null);
await app.fastify.listen({ port: config.values.PORT, host: config.values.HOST });
console.log(first, token, t1 - t0, performance.now() - t1);
