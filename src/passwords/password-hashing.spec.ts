import { argon2Sync } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DEFAULT_PARAMETERS, HashingBusy, PasswordHasher } from './password-hashing.js';
import { parseHash, verifyPassword } from './password-worker.js';

const cheap = { memory: 64, passes: 1, parallelism: 1 };
const open: PasswordHasher[] = [];

function aHasher(options: Partial<ConstructorParameters<typeof PasswordHasher>[0]> = {}): PasswordHasher {
  const hasher = new PasswordHasher({ minLength: 15, threads: 1, parameters: cheap, ...options });
  open.push(hasher);
  return hasher;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((hasher) => hasher.close()));
});

describe('PasswordHasher', () => {
  it('writes argon2id PHC strings of 19 MiB and two passes, with a salt of 128 bits and a tag of 256', async () => {
    const hasher = aHasher({ parameters: DEFAULT_PARAMETERS });
    const phc = await hasher.hash('correct horse battery staple');
    expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(await hasher.verify(phc, 'correct horse battery staple')).toBe(true);
    expect(await hasher.verify(phc, 'correct horse battery stapler')).toBe(false);
  });

  it('salts: one password has a different hash each time', async () => {
    const hasher = aHasher();
    expect(await hasher.hash('one password')).not.toBe(await hasher.hash('one password'));
  });

  describe('verifies the whole text exactly (S3)', () => {
    const ascii = 'abcdefghij'.repeat(10);
    const wide = `${'x'.repeat(71)}é and what follows byte 72`;
    it.each([
      ['the first 72 bytes', ascii, ascii.slice(0, 72)],
      ['the first 99 bytes', ascii, ascii.slice(0, 99)],
      ['one byte more', ascii, `${ascii}a`],
      ['another case', ascii, ascii.toUpperCase()],
      ['a NUL and more', ascii, `${ascii}\u0000x`],
      ['what stands before a NUL', 'before\u0000after', 'before'],
      ['something else after a NUL', 'before\u0000after', 'before\u0000other'],
      ['a space at the end', ascii, `${ascii} `],
      ['a text cut inside the character across byte 72', wide, 'x'.repeat(71)],
      ['a text cut after the character across byte 72', wide, `${'x'.repeat(71)}é`],
    ])('refuses %s', async (_, set, tried) => {
      const hasher = aHasher();
      const phc = await hasher.hash(set);
      expect(await hasher.verify(phc, tried)).toBe(false);
      expect(await hasher.verify(phc, set)).toBe(true);
    });
  });

  it.each([
    [
      'set composed, signed in decomposed',
      'Crème brûlée für zwölf'.normalize('NFC'),
      'Crème brûlée für zwölf'.normalize('NFD'),
    ],
    ['set decomposed, signed in composed', '한강에서 자전거'.normalize('NFD'), '한강에서 자전거'.normalize('NFC')],
    ['set full-width, signed in plain', 'Ｒｏｓｅ　１２３', 'Rose 123'],
  ])('takes equivalent texts for the same password (S6): %s', async (_, set, tried) => {
    const hasher = aHasher();
    expect(set).not.toBe(tried);
    expect(await hasher.verify(await hasher.hash(set), tried)).toBe(true);
  });

  it('does equal work for nobody: one hash of the same parameters, and false', async () => {
    const hasher = aHasher();
    const phc = await hasher.hash('some password');
    const before = hasher.hashes;
    await hasher.verify(phc, 'a guess');
    expect(hasher.hashes).toBe(before + 1);
    expect(await hasher.verify(null, 'a guess')).toBe(false);
    expect(hasher.hashes).toBe(before + 2);
  });

  it('asks for a new hash when the cost was raised, and only then', async () => {
    const old = await aHasher().hash('some password');
    expect(aHasher().needsRehash(old)).toBe(false);
    expect(aHasher({ parameters: { ...cheap, memory: 128 } }).needsRehash(old)).toBe(true);
    expect(aHasher({ parameters: { ...cheap, passes: 2 } }).needsRehash(old)).toBe(true);
    expect(aHasher({ parameters: { ...cheap, memory: 32 } }).needsRehash(old)).toBe(false);
  });

  it('verifies the hash of another system in its own threads, and asks for one of ours', async () => {
    const hasher = aHasher();
    const foreign = '$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS';
    expect(await hasher.verify(foreign, 'correct horse battery staple')).toBe(true);
    expect(await hasher.verify(foreign, 'incorrect horse')).toBe(false);
    expect(hasher.hashes).toBe(2);
    expect(hasher.needsRehash(foreign)).toBe(true);
  });

  it('keeps argon2id of another system apart: what was typed is tried too, and one of ours is asked for', async () => {
    const hasher = aHasher();
    const typed = 'wait for it… then go ½';
    const tag = argon2Sync('argon2id', {
      ...{ message: Buffer.from(typed), nonce: Buffer.alloc(16), tagLength: 32 },
      ...cheap,
    });
    const theirs = `$argon2id$v=19$m=64,t=1,p=1$${'A'.repeat(22)}$${tag.toString('base64').replace(/=+$/, '')}`;
    const kept = hasher.foreignForm(theirs);
    expect(await hasher.verify(kept, typed)).toBe(true);
    expect(await hasher.verify(kept, typed.normalize('NFKC'))).toBe(false);
    expect(hasher.needsRehash(kept)).toBe(true);
    expect(hasher.foreignForm('$2b$05$abcdefghijklmnopqrstuu')).toBe('$2b$05$abcdefghijklmnopqrstuu');
  });

  it('still verifies a hash of other parameters than its own', async () => {
    const old = await aHasher().hash('some password');
    expect(await aHasher({ parameters: { memory: 128, passes: 2, parallelism: 2 } }).verify(old, 'some password')).toBe(
      true,
    );
  });

  it.each([
    ['nothing', ''],
    ['a crypt of another kind', '$6$rounds=5000$salt$hash'],
    ['four gigabytes', '$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'],
    ['no pass', '$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'],
    ['900 passes', '$argon2id$v=19$m=256,t=900,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'],
    ['no tag', '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$'],
  ])('does not take %s for a hash', async (_, phc) => {
    const hasher = aHasher();
    await expect(hasher.verify(phc, 'password')).rejects.toThrow('cannot be read');
    expect(() => hasher.needsRehash(phc)).toThrow('cannot be read');
  });

  it('refuses parameters that argon2 does not take', () => {
    expect(() => aHasher({ parameters: { memory: 7, passes: 1, parallelism: 1 } })).toThrow(RangeError);
  });

  it('judges a new password in its own thread', async () => {
    const hasher = aHasher();
    expect((await hasher.check('password12345678', {}))?.code).toBe('password_guessable');
    expect((await hasher.check('roster1234567890', {}))?.code).toBe('password_contains_identity');
    expect(await hasher.check('correct horse battery staple', { email: 'ada@example.com' })).toBeNull();
    expect(hasher.hashes).toBe(0);
  });

  it('says that it is busy instead of queueing without end, and counts only what it takes', async () => {
    const hasher = aHasher({ maxQueue: 2, parameters: DEFAULT_PARAMETERS });
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => hasher.hash('some password')));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.length).toBeGreaterThanOrEqual(7);
    expect(refused.every(({ reason }) => reason instanceof HashingBusy)).toBe(true);
    expect(hasher.hashes).toBe(10 - refused.length);
    expect(hasher.hashes).toBeGreaterThanOrEqual(2);
    expect(hasher.queueSize).toBe(0);
    expect(await hasher.verify(await hasher.hash('later'), 'later')).toBe(true);
  });

  it('leaves the event loop free while eight hashes are computed', async () => {
    const hasher = aHasher({ parameters: DEFAULT_PARAMETERS });
    let done = false;
    let turns = 0;
    const hashes = Promise.all(Array.from({ length: 8 }, () => hasher.hash('some password'))).then(() => (done = true));
    while (!done) {
      await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
    }
    await hashes;
    // Computed on the loop, it would turn once or twice for each of the eight.
    expect(turns).toBeGreaterThan(100);
  });

  it('leaves libuv’s threads free: a file is read before the first of many hashes is done', async () => {
    const hasher = aHasher({ parameters: { ...DEFAULT_PARAMETERS, passes: 4 } });
    let finished = 0;
    const hashes = Array.from({ length: 8 }, () => hasher.hash('some password').then(() => (finished += 1)));
    await stat(fileURLToPath(import.meta.url));
    expect(finished).toBe(0);
    await Promise.all(hashes);
    expect(finished).toBe(8);
  });
});

describe('verifyPassword agrees with the reference implementation', () => {
  // phc-winner-argon2, src/test.c: argon2id, version 0x13.
  it.each([
    ['password', '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'],
    ['password', '$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc'],
    ['password', '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'],
    ['differentpassword', '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94'],
  ])('%s, %s', (password, phc) => {
    expect(verifyPassword({ phc, password })).toBe(true);
    expect(verifyPassword({ phc, password: `${password}x` })).toBe(false);
  });

  it('and reads a string into its parts', () => {
    const read = parseHash('$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4');
    expect(read.parameters).toEqual({ memory: 256, passes: 2, parallelism: 1 });
    expect(read.salt.toString()).toBe('somesalt');
    expect(read.tag).toHaveLength(32);
  });
});
