import { isForeignHash, verifyForeign } from './foreign-hashes.js';

/** Made by other implementations: glibc's crypt, Python's hashlib, the reference of argon2, and Firebase's own example. */
const KNOWN: [kind: string, password: string, hash: string][] = [
  ['bcrypt $2a$', 'correct horse battery staple', '$2a$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS'],
  ['bcrypt $2b$', 'correct horse battery staple', '$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS'],
  ['bcrypt $2y$', 'correct horse battery staple', '$2y$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS'],
  ['argon2i', 'password', '$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8'],
  ['argon2id', 'password', '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'],
  [
    'scrypt',
    'correct horse battery staple',
    '$scrypt$ln=12,r=8,p=1$TmFDbE5hQ2xOYUNsTmFDbA$ETszFy2fundnE2CaNdyF4E3rDrHiozrN6fVsapif58w',
  ],
  [
    'PBKDF2 of Django',
    'correct horse battery staple',
    'pbkdf2_sha256$1000$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=',
  ],
  [
    'PBKDF2 of Keycloak',
    'correct horse battery staple',
    '$pbkdf2-sha256$i=27500$MDEyMzQ1Njc4OWFiY2RlZg$DGzF4+RpmttWHV7FCaK41NYsG4Rc9QqDO8q71k0T1ODS+Ooo+SM5Ep4eJNd+eywW2X+UkNdTatqTScXAD7qm+w',
  ],
  [
    'scrypt of Firebase',
    'user1password',
    '$firebase-scrypt$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA$m=14,r=8,s=Bw$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
  ],
];

describe('hashes of other systems', () => {
  it.each(KNOWN)('%s: verifies what another implementation made, and nothing else', (_, password, hash) => {
    expect(isForeignHash(hash)).toBe(true);
    expect(verifyForeign({ hash, texts: [password] })).toBe(true);
    expect(verifyForeign({ hash, texts: [`${password}x`] })).toBe(false);
    expect(verifyForeign({ hash, texts: ['another', password] })).toBe(true);
  });

  const bytes = (length: number): string => Buffer.alloc(length, 7).toString('base64').replace(/=+$/, '');

  it.each([
    ['argon2 of the least', `$argon2i$v=19$m=8,t=1,p=1$${bytes(8)}$${bytes(16)}`],
    ['argon2 of long bytes', `$argon2id$v=19$m=64,t=16,p=8$${bytes(128)}$${bytes(128)}`],
    ['argon2 with padding', `$argon2id$v=19$m=8,t=1,p=1$${bytes(8)}$${bytes(33)}=`],
    ['bcrypt of the least', `$2y$04$${'.'.repeat(53)}`],
    ['scrypt of the least', `$scrypt$ln=1,r=1,p=1$A$${bytes(16)}`],
    ['scrypt of as much as one block of memory allows', `$scrypt$ln=15,r=1,p=1$${bytes(128)}$${bytes(128)}`],
    ['scrypt of many lanes', `$scrypt$ln=1,r=32,p=16$A$${bytes(128)}`],
    ['PBKDF2 of the least', `$pbkdf2-sha512$1$A$${bytes(16)}`],
    ['PBKDF2 of many blocks', `$pbkdf2-sha1$i=1$A$${bytes(128)}`],
    ['scrypt of Firebase of the least', `$firebase-scrypt$A$m=1,r=1,s=$$${bytes(16)}`],
    ['scrypt of Firebase of long keys', `$firebase-scrypt$${'A'.repeat(512)}$m=15,r=1,s=AA$AA$${bytes(128)}`],
  ])('%s is taken, and can be verified', (_, hash) => {
    expect(isForeignHash(hash)).toBe(true);
    expect(verifyForeign({ hash, texts: ['x'.repeat(256)] })).toBe(false);
  });

  it.each([
    ['sha1', 1_500_000, 80, true],
    ['sha1', 1_500_000, 81, false],
    ['sha256', 2_000_000, 64, true],
    ['sha256', 2_000_000, 65, false],
    ['sha512', 2_000_000, 64, true],
    ['sha512', 2_000_000, 65, false],
  ])('PBKDF2 of %s: %i rounds for a tag of %i bytes: %s', (digest, rounds, length, taken) => {
    expect(isForeignHash(`$pbkdf2-${digest}$i=${rounds}$AAAA$${bytes(length)}`)).toBe(taken);
  });

  it.each([
    ['nothing', ''],
    ['an unsalted digest', '5f4dcc3b5aa765d61d8327deb882cf99'],
    ['a crypt of another kind', '$6$rounds=5000$salt$hash'],
    ['bcrypt of cost 31', '$2b$31$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS'],
    ['bcrypt of cost 15', '$2b$15$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS'],
    ['bcrypt that is cut', '$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO'],
    [
      'argon2 of four gigabytes',
      '$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
    ],
    [
      'argon2 whose passes are too many for its memory',
      '$argon2id$v=19$m=262144,t=16,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
    ],
    [
      'argon2 of an old version',
      '$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
    ],
    ['scrypt of a gigabyte', '$scrypt$ln=20,r=8,p=1$TmFDbA$ETszFy2fundnE2CaNdyF4E3rDrHiozrN6fVsapif58w'],
    ['scrypt whose lanes take a minute', '$scrypt$ln=18,r=8,p=16$TmFDbA$ETszFy2fundnE2CaNdyF4E3rDrHiozrN6fVsapif58w'],
    ['scrypt of more than its blocks allow', `$scrypt$ln=16,r=1,p=1$AAAA$${bytes(32)}`],
    ['the same of Firebase', `$firebase-scrypt$AAAA$m=16,r=1,s=$AAAA$${bytes(32)}`],
    ['PBKDF2 of ten million rounds', 'pbkdf2_sha256$10000000$salt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA='],
    ['PBKDF2 of no round', 'pbkdf2_sha256$0$salt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA='],
    ['PBKDF2 of MD5', '$pbkdf2-md5$1000$c2FsdA$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA'],
  ])('takes no notice of %s', (_, hash) => {
    expect(isForeignHash(hash)).toBe(false);
    expect(() => verifyForeign({ hash, texts: ['password'] })).toThrow('cannot be read');
  });
});
