import type { Media } from '../platform/http/documented.js';
import type { FileType } from './reading/file-reader.js';

const ADA = { email: 'ada@example.com', name: 'Ada Lovelace', emailVerified: true, metadata: { theme: 'dark' } };
const ALAN = { email: 'alan@example.com', name: 'Alan Turing', username: 'alan', roles: ['user'] };

const GRACE = { username: 'grace', email: 'grace@example.com', firstName: 'Grace', lastName: 'Hopper', enabled: true };

/** A file of each type that is taken, for the document. */
export const FILE_EXAMPLES: Readonly<Record<FileType, Media>> = {
  'text/csv': {
    schema: { type: 'string', description: 'A header, and a line for each user (RFC 4180); lists and objects as JSON' },
    example: [
      'email,name,username,emailVerified,passwordHash',
      'ada@example.com,Ada Lovelace,ada,true,$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy',
      'alan@example.com,Alan Turing,alan,false,',
      '',
    ].join('\r\n'),
  },
  'application/x-ndjson': {
    schema: { type: 'string', description: 'A line of JSON for each user' },
    example: `${JSON.stringify(ADA)}\n${JSON.stringify(ALAN)}\n`,
  },
  'application/json': {
    schema: {
      type: 'object',
      description: 'A document with a list of users: a realm of Keycloak, an export of Firebase, or our own words',
      properties: { users: { type: 'array', items: { type: 'object', additionalProperties: true } } },
      required: ['users'],
      additionalProperties: true,
    },
    examples: {
      ours: { summary: 'In our own words', value: { users: [ADA, ALAN] } },
      keycloak: { summary: 'Of Keycloak', value: { realm: 'example', users: [GRACE] } },
    },
  },
};
