import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';

import type { Config } from '../../platform/config/config.js';
import { generatedKeyFile } from '../../platform/crypto/secret-key-file.js';
import { fault, ok, warning } from './finding.js';
import type { Finding } from './finding.js';

/** What can be told from the settings alone. */
export function examineSettings(config: Config): Finding[] {
  const findings = [
    ok('configuration', 'every setting can be read'),
    ...examineSecrets(config),
    mailFinding(config),
    ...brokerFindings(config),
  ];
  if (isIP(hostOf(config.values.PUBLIC_URL)) !== 0)
    findings.push(
      warning('PUBLIC_URL', 'names an address: browsers let passkeys work only under a name, such as localhost'),
    );
  return config.production ? [...findings, ...examineProduction(config)] : findings;
}

/** Without the brackets of IPv6; empty where nobody has said it. */
function hostOf(url: string): string {
  return url === '' ? '' : new URL(url).hostname.replace(/^\[|\]$/g, '');
}

/** Bits of a file's mode by which anybody but its owner may read it. */
const OTHERS_MAY_READ = 0o044;

function examineSecrets({ values, dataDir }: Config): Finding[] {
  const { SECRET_KEY, SECRET_KEY_PREVIOUS, ADMIN_PASSWORD } = values;
  const findings = [
    SECRET_KEY ? keyFinding(SECRET_KEY, SECRET_KEY_PREVIOUS) : generatedFinding(join(dataDir, generatedKeyFile)),
  ];
  if (ADMIN_PASSWORD)
    findings.push(
      warning(
        'ADMIN_PASSWORD',
        'is only read while there is no administrator: take it out of the environment after that',
      ),
    );
  return findings;
}

function keyFinding(key: Buffer, previous: Buffer | null): Finding {
  if (new Set(key).size < 8) return fault('SECRET_KEY', 'is not random: make one with `openssl rand -base64 32`');
  if (previous?.equals(key)) return warning('SECRET_KEY', 'SECRET_KEY_PREVIOUS is the same key: it can be left out');
  if (previous)
    return warning(
      'SECRET_KEY',
      'is being changed: leave SECRET_KEY_PREVIOUS out once every process has the new one for a day',
    );
  return ok('SECRET_KEY', 'is set');
}

function generatedFinding(file: string): Finding {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode;
  if (mode === undefined) return ok('SECRET_KEY', `will be generated into ${file} at the first start`);
  if ((mode & OTHERS_MAY_READ) !== 0) return fault('SECRET_KEY', `${file} can be read by others: chmod 600 it`);
  return ok('SECRET_KEY', `generated, in ${file}; production wants one of its own`);
}

/** Where mail goes; whether the server takes it only a mail can tell. */
function mailFinding({ production, values: { SMTP_URL, MAIL_FROM } }: Config): Finding {
  if (SMTP_URL) {
    const { host, port, secure, auth } = SMTP_URL;
    const sender = MAIL_FROM?.address ?? 'noreply@ the host of PUBLIC_URL';
    const way = `${secure ? 'smtps' : 'smtp'}://${host}:${port}${auth ? ', signed in' : ''}`;
    return ok('mail', `goes out by ${way}, from ${sender}`);
  }
  return production
    ? warning('mail', 'SMTP_URL is not set: nobody gets any, and codes stay readable in the outbox table for a week')
    : ok('mail', 'stays here, in the development outbox at /dev/mail');
}

/** Where events go, and how safely. */
function brokerFindings({ values: { NATS_URL, NATS_CREDS } }: Config): Finding[] {
  if (!NATS_URL) return [];
  const { hosts, secure, auth } = NATS_URL;
  const signed = NATS_CREDS ? ', signed in by a key' : auth ? ', signed in' : '';
  const way = `${secure ? 'tls' : 'nats'}://${hosts.join(',')}${signed}`;
  const near = hosts.every((host) => isLoopback(host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')));
  if (!secure && !near)
    return [
      warning('broker', `events and questions go by ${way}: tokens travel unencrypted unless the server asks for TLS`),
    ];
  return [ok('broker', `events and questions go by ${way}`)];
}

function examineProduction({ values, embeddedDatabase }: Config): Finding[] {
  const { PUBLIC_URL, TRUST_PROXY, HOST, DOCS, RATE_LIMITS } = values;
  const findings: Finding[] = [];
  if (!PUBLIC_URL) findings.push(fault('PUBLIC_URL', 'is not set: tokens and links would name this machine'));
  else if (!PUBLIC_URL.startsWith('https:')) findings.push(fault('PUBLIC_URL', 'must be https: tokens travel over it'));
  else findings.push(ok('PUBLIC_URL', PUBLIC_URL));
  if (embeddedDatabase)
    findings.push(warning('DATABASE_URL', 'is not set: on the embedded database there can be one machine only'));
  if (!TRUST_PROXY && isLoopback(HOST))
    findings.push(
      warning(
        'TRUST_PROXY',
        'is not set: behind a proxy on this machine every user has its address, and shares its limits',
      ),
    );
  if (RATE_LIMITS === 'off') findings.push(warning('RATE_LIMITS', 'are off: nothing bounds the guessing of passwords'));
  if (DOCS === 'on') findings.push(ok('DOCS', 'Swagger UI is served at /docs; DOCS=off takes it away'));
  return findings;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
