import { pageLinks } from './links.js';

describe('the Link header of a page', () => {
  it('names the pages around it and the first', () => {
    expect(pageLinks('/api/v1/users', { limit: '20', cursor: 'old' }, { next: 'n', prev: 'p' })).toBe(
      '</api/v1/users?limit=20&cursor=n>; rel="next", </api/v1/users?limit=20&cursor=p>; rel="prev", </api/v1/users?limit=20>; rel="first"',
    );
    expect(pageLinks('/api/v1/users', {}, { next: null, prev: null })).toBe('</api/v1/users>; rel="first"');
  });

  it('cannot be broken out of by a parameter', () => {
    const hostile = '>; rel="next", <https://evil.example/\r\nSet-Cookie: a=b\0 é😀';
    const header = pageLinks('/api/v1/users', { filter: hostile, [hostile]: 'x' }, { next: null, prev: null });
    expect(header).toMatch(/^<\/api\/v1\/users\?[\w.*+%=&-]+>; rel="first"$/);
    expect(new URL(`http://x${header?.slice(1, header.indexOf('>'))}`).searchParams.get('filter')).toBe(hostile);
  });

  it('is left out rather than too long for a client', () => {
    expect(pageLinks('/api/v1/users', { filter: 'é'.repeat(1000) }, { next: 'n', prev: null })).toBeNull();
  });
});
