import { createRequire } from 'node:module';
import { checkPassword, MAX_PASSWORD_LENGTH, normalizePassword, PasswordPolicy } from './password-policy.js';

const policy = new PasswordPolicy(15);
const ada = { email: 'ada.lovelace@example.com', username: 'countess', name: 'Ada Lovelace' };

const codeOf = (password: string, context = {}) => policy.check(password, context)?.code ?? 'accepted';

const BUILT_FROM_COMMON_PARTS: Record<string, string[]> = {
  'a common password with digits or signs': [
    'password12345678',
    'Password123456789',
    'P@ssw0rd12345678',
    'p4$$w0rdp4$$w0rd',
    'Welcome123456789',
    'changeme12345678',
    'superman12345678',
    'michaeljordan2323',
    'administrator123',
    'mypassword123456',
    '1password2password',
    'football2024!!!!',
  ],
  'a word repeated': [
    'passwordpassword1',
    'P@ssw0rdP@ssw0rd',
    'letmeinletmein123',
    'iloveyouiloveyou!',
    'adminadminadmin1',
    'rootrootrootroot1',
    'monkeymonkeymonkey',
    'test1234test1234',
    'drowssapdrowssap',
    'pässwördpässwörd',
    'password.password',
    'ＰａｓｓｗｏｒｄＰａｓｓｗｏｒｄ',
  ],
  'several common words': [
    'passwordqwerty123',
    'monkeydragonmaster',
    'monkeydragonmasterqwerty',
    'monkey-dragon-master',
    'liverpoolfootballclub',
    'superman-batman-spiderman',
    'iloveyou-forever-2024',
    'MyNameIsPassword1',
  ],
  'a word and its echo': [
    'Summer2024!Summer',
    'Welcome2024!Welcome',
    'ChangeMe123!ChangeMe',
    'MyPassword2024!MyPassword',
    'password-1234-password',
  ],
  'a run or a sequence': [
    'aaaaaaaaaaaaaaaa',
    'abababababababab',
    'aaaabbbbccccdddd',
    'aabbccddeeffgghh',
    'abcdefghijklmnop',
    'zyxwvutsrqponmlk',
    '123456789012345',
    '0987654321098765',
    '112233445566778899',
    'a1b2c3d4e5f6g7h8',
    '                ',
    '😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀',
  ],
  'a walk on the keyboard': [
    'qwertyuiopasdfgh',
    'qazwsxedcrfvtgb1',
    '1qaz2wsx3edc4rfv',
    '!QAZ@WSX#EDC$RFV',
    '1q2w3e4r5t6y7u8i9o',
    'azertyuiopqsdfgh',
    'Qwerty-Asdfgh-Zxcvbn',
    'poiuytrewqlkjhgfdsa',
    '1!2@3#4$5%6^7&8*',
    'йцукенгшщзхъфывап',
  ],
  'a date or a season': [
    'Summer2024Summer2024',
    'Summer2024!Winter2023!',
    'January2024January',
    '01012000010120000',
    '31/12/1999-31/12/1999',
    '19901991199219931994',
    '2024202420242024',
    'London2024London!',
  ],
  'another alphabet': ['парольпарольпароль', 'пароль1234567890', 'приветприветпривет', 'ghbdtnghbdtnghbdtn'],
  'separators between letters': ['p.a.s.s.w.o.r.d.', 'password password', 'q w e r t y u i o p'],
  'the name of the product': [
    'roster-roster-roster',
    'rosterrosterroster',
    'roster1234567890',
    'Roster2024Roster!',
    'rosterpassword123',
    'r0sterr0sterr0ster',
    'roster482910573829104',
  ],
};

const ACCEPTED = [
  'correct horse battery staple',
  'correct-horse-battery-stapler',
  'unwind plaza crepe molar',
  'gizmo-ember-tacky-sworn',
  'the cat sat quietly on my keyboard',
  'sleepytortoiseeatspurplelettuce',
  'xkqvjzmwpbnhtrf',
  'Tr7$kLm9#qWz2!xP',
  '9f8a7c6e5d4b3a2f1e0d',
  '}-{:>?|<~`_+;,."',
  'my constructor built a house',
  'очень длинный пароль дома',
  'вечером кот спит на печке',
  'grüne wiesen im märz riechen',
  'λόγος και μύθος στη θάλασσα',
  '我的猫在屋顶上唱歌给月亮听呢吧',
  '한강에서 자전거를 타는 고양이',
  'جمل يمشي في الصحراء ليلا',
  'मेरी बिल्ली छत पर गाती है',
  '🐢🌵🚲🎻🍋🧊🪁🦔🥁🧵🪐🐙🍄🛶🧲',
];

describe('PasswordPolicy', () => {
  describe('refuses what is built from common parts, though it is long enough', () => {
    for (const [kind, passwords] of Object.entries(BUILT_FROM_COMMON_PARTS)) {
      it.each(passwords)(`${kind}: %s`, (password) => {
        expect([...normalizePassword(password)].length).toBeGreaterThanOrEqual(15);
        expect(codeOf(password)).toMatch(/^password_(common|guessable|contains_identity)$/);
      });
    }

    it('in at least 50 examples', () => {
      expect(new Set(Object.values(BUILT_FROM_COMMON_PARTS).flat()).size).toBeGreaterThanOrEqual(50);
    });
  });

  it.each(ACCEPTED)('accepts without rules of composition (S2): %s', (password) => {
    expect(codeOf(password, ada)).toBe('accepted');
  });

  it('accepts random passwords of a generator', () => {
    // A fixed generator, so that the test is the same each time (Numerical Recipes' constants).
    let state = 20_240_101;
    const next = (below: number) => ((state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) >>> 16) % below;
    const alphabet = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
    for (let count = 0; count < 100; count += 1) {
      const password = Array.from({ length: 15 }, () => alphabet[next(alphabet.length)]).join('');
      expect([password, codeOf(password)]).toEqual([password, 'accepted']);
    }
  });

  it('refuses more than 10,000 common passwords that a shorter minimum would let through (S4)', () => {
    const common = commonPasswords().filter((password) => password.length >= 8);
    expect(new Set(common).size).toBeGreaterThan(10_000);
    const short = new PasswordPolicy(8);
    expect(common.filter((password) => short.check(password, {})?.code !== 'password_common')).toEqual([]);
    expect(common.filter((password) => short.check(password.toUpperCase(), {})?.code !== 'password_common')).toEqual(
      [],
    );
  });

  it('refuses common passwords that were stretched to the minimum', () => {
    const words = commonPasswords().filter((word) => word.length >= 4 && word.length <= 8);
    const sample = words.filter((_, rank) => rank % 150 === 0 && rank < 9_000);
    const stretched = sample.flatMap((word) => [`${word}123456789012`, word.repeat(Math.ceil(15 / word.length))]);
    expect(stretched.length).toBeGreaterThanOrEqual(100);
    expect(stretched.filter((password) => codeOf(password) === 'accepted')).toEqual([]);
  });

  it('lets a random password of a shorter minimum pass', () => {
    expect(new PasswordPolicy(8).check('kq7zv2xm', {})).toBeNull();
    expect(new PasswordPolicy(8).check('abcd1234', {})?.code).toBe('password_common');
  });

  describe('counts code points after normalisation', () => {
    const long = 'xkqvjzmwpbnhtrfgcdlsy'.repeat(13);
    it.each([
      ['8 characters', 'kq7zv2xm', 'password_too_short'],
      ['14 characters', 'xkqvjzmwpbnhtr', 'password_too_short'],
      ['15 characters', 'xkqvjzmwpbnhtrf', 'accepted'],
      ['64 characters', long.slice(0, 64), 'accepted'],
      ['256 characters', long.slice(0, MAX_PASSWORD_LENGTH), 'accepted'],
      ['257 characters', long.slice(0, MAX_PASSWORD_LENGTH + 1), 'password_too_long'],
      ['14 emoji of two units each', '🐢🌵🚲🎻🍋🧊🪁🦔🥁🧵🪐🐙🍄🛶', 'password_too_short'],
      [
        '256 letters as 512 code points of NFD',
        'éàüîñçõ'.repeat(37).slice(0, 256).normalize('NFD'),
        'password_guessable',
      ],
      ['14 ligatures that become 28 letters', 'ﬁﬂ'.repeat(7), 'password_guessable'],
    ])('%s', (_, password, code) => {
      expect(codeOf(password)).toBe(code);
    });

    it('in the sentence for the person, too', () => {
      expect(policy.check('short', {})?.message).toContain('15');
      expect(policy.check('x'.repeat(257), {})?.message).toContain('256');
    });
  });

  describe('judges a long password by its hardest part', () => {
    const hard = 'xkqvjzmwpbnhtrfqpz';
    it.each([
      ['a weak beginning', `${'a'.repeat(200)}${hard}`, 'accepted'],
      ['a weak end', `${hard}${'a'.repeat(200)}`, 'accepted'],
      ['a weak beginning and end', `${'a'.repeat(111)}${hard}${'a'.repeat(111)}`, 'accepted'],
      ['nothing but weakness', 'password'.repeat(32), 'password_guessable'],
      ['two characters in turn', 'ab'.repeat(128), 'password_guessable'],
    ])('%s', (_, password, code) => {
      expect(codeOf(password)).toBe(code);
    });
  });

  describe('refuses the owner and the product as a password (S5)', () => {
    it.each([
      ['ada.lovelace@example.com'],
      ['ADA.LOVELACE@EXAMPLE.COM'],
      ['ada.lovelace@example.com123'],
      ['lovelace19121815'],
      ['adalovelace12345'],
      ['Ada Lovelace 1815'],
      ['L0vel@ce20242024'],
      ['lovelace-lovelace-1'],
      ['countess482910573829'],
      ['roster482910573829104'],
      ['Roster!2024!2025!2026'],
    ])('%s', (password) => {
      expect(codeOf(password, ada)).toBe('password_contains_identity');
    });

    it('but not what merely contains a name', () => {
      expect(codeOf('lovelace walks through tall green grass', ada)).toBe('accepted');
      expect(codeOf('countess counting purple sheep nightly', ada)).toBe('accepted');
      expect(codeOf('xkqvjzmwpbnhtrf lovelace', ada)).toBe('accepted');
    });

    it('in the alphabet of the name', () => {
      const context = { name: 'Владимир Ковалевский' };
      expect(codeOf('Ковалевский190019', context)).toBe('password_contains_identity');
    });

    it('and lets the same words be the password of someone else', () => {
      expect(codeOf('countess482910573829', ada)).toBe('password_contains_identity');
      expect(codeOf('countess482910573829', { name: 'Grace Hopper' })).toBe('accepted');
    });

    it('with a context of any size', () => {
      const name = 'Wolfeschlegelsteinhausenbergerdorff '.repeat(200);
      expect(codeOf('unwind plaza crepe molar', { ...ada, name })).toBe('accepted');
    });
  });

  it('normalises to NFKC: composed or not, wide or not, a password is the same (S6)', () => {
    expect(normalizePassword('café\u0301'.normalize('NFD'))).toBe(normalizePassword('café\u0301'));
    expect(normalizePassword('Ａｄａ１')).toBe('Ada1');
    expect([...normalizePassword('한'.normalize('NFD'))]).toHaveLength(1);
  });

  it('is a worker’s task as well', () => {
    expect(checkPassword({ minLength: 15, password: 'password12345678', context: {} })?.code).toBe(
      'password_guessable',
    );
    expect(checkPassword({ minLength: 15, password: 'unwind plaza crepe molar', context: {} })).toBeNull();
  });
});

function commonPasswords(): string[] {
  const require = createRequire(import.meta.url);
  const common = require('@zxcvbn-ts/language-common') as typeof import('@zxcvbn-ts/language-common');
  return common.dictionary['passwords-common'];
}
