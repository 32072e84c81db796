import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';

import { buildDocument } from '../../src/platform/http/document.js';
import { TestApp } from '../harness/app.js';
import { asyncApiOf, danglingIn } from './asyncapi.js';
import { committed, eventsPage, permissionsPage, problemsPage } from './reference.js';
import { SCHEMA } from './schema-text.js';

/** `UPDATE_REFERENCE=1` writes them; the change then shows in the commit. */
describe('the committed reference', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });
  afterAll(() => app.stop());

  it('has the OpenAPI document', () => {
    const present = `${JSON.stringify(app.app.document, null, 2)}\n`;
    expect(committed('openapi.json', present)).toBe(present);
  });

  // Two of one name are merged by Nest into a wrong one, which it only warns of.
  it('gives each schema a name of its own', () => {
    const warn = jest.spyOn(Logger, 'warn');
    buildDocument(app.app.nest, '0.0.0', []);
    const said = warn.mock.calls.map(([text]) => String(text));
    warn.mockRestore();
    expect(said).toEqual([]);
  });

  it('has the AsyncAPI document, which refers to nothing that is not there', () => {
    const document = asyncApiOf(app.app.nest);
    expect(danglingIn(document)).toEqual([]);
    const present = `${JSON.stringify(document, null, 2)}\n`;
    expect(committed('asyncapi.json', present)).toBe(present);
  });

  it.each([
    ['problems.md', problemsPage],
    ['permissions.md', permissionsPage],
    ['events.md', eventsPage],
  ])('has %s', (name, page) => {
    const present = page();
    expect(committed(name, present)).toBe(present);
  });

  it('has the schema of the database', async () => {
    const rows = await app.sql<{ text: string }>(SCHEMA);
    const present = `-- What the migrations make, without the partitions of the months.\n\n${rows.map(({ text }) => text).join('\n\n')}\n`;
    expect(committed('schema.sql', present)).toBe(present);
  });
});
