import { parseFields } from './fields.js';

const allowed = ['id', 'email', 'createdAt'];

describe('the fields of a list', () => {
  it('are all of them when not asked for', () => {
    expect(parseFields(undefined, allowed)).toBeNull();
  });

  it('always have the id', () => {
    expect(parseFields('email', allowed)).toEqual(new Set(['id', 'email']));
    expect(parseFields('email,id,email', allowed)).toEqual(new Set(['id', 'email']));
  });

  it.each([
    '',
    ',',
    'email,',
    'email, id',
    'Email',
    'passwordHash',
    '*',
    '__proto__',
    'constructor',
    'length',
    'email.x',
    "id'--",
  ])('%j is refused, naming what is allowed', (text) => {
    const refusal = expect.objectContaining({ parameter: 'fields', code: 'fields_invalid', allowed });
    expect(() => parseFields(text, allowed)).toThrow(refusal);
  });
});
