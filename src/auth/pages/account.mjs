// The pages that the links of mails lead to. The token stands after the "#": no server was sent it by the click that
// opened the page, and nothing happens before the button is pressed, for scanners of mail open links too.

const { PublicKeyCredential, document, history, location, navigator } = globalThis;
const find = (id) => document.getElementById(id);
const form = find('account');
const outcome = find('outcome');
const token = new globalThis.URLSearchParams(location.hash.slice(1)).get('token');
const words = JSON.parse(find('words').textContent);

/** Of the second step of a sign-in, once the token was shown and has begun it. */
let mfaToken = null;

// Not for the history of the browser, nor for whoever looks over the shoulder.
if (token) history.replaceState(null, '', location.pathname);
else {
  say(words.incomplete);
  form.hidden = true;
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void attempt(deed);
});
find('passkey')?.addEventListener('click', () => void attempt(byPasskey));

/** One at a time. */
async function attempt(what) {
  const buttons = [...form.querySelectorAll('button')];
  for (const button of buttons) button.disabled = true;
  say('');
  try {
    await what();
  } catch {
    say(words.unreachable);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

async function deed() {
  const fields = Object.fromEntries([...new globalThis.FormData(form)].filter(([, value]) => value !== ''));
  if (mfaToken) return showFactor(factorIn(fields.code));
  return finish(await post(form.dataset.action, { token, ...fields, ...JSON.parse(form.dataset.also ?? '{}') }));
}

/** An app shows six digits, perhaps with a space between them; no recovery code looks like that. */
function factorIn(typed) {
  const code = typed.replace(/\s/g, '');
  return { method: /^\d{6}$/.test(code) ? 'totp' : 'recovery_code', code };
}

async function byPasskey() {
  const answer = await post('/api/v1/auth/passkeys/options', { mfaToken });
  const body = await answer.json();
  if (!answer.ok) return refused(body);
  const response = await askPasskey(body.options);
  // Whoever closed the browser's question may press the button once more.
  if (!response) return say(words.passkey_cancelled);
  return showFactor({ method: 'passkey', challengeId: body.challengeId, response });
}

async function askPasskey(options) {
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return (await navigator.credentials.get({ publicKey })).toJSON();
  } catch {
    return null;
  }
}

async function showFactor(proof) {
  return finish(await post('/api/v1/auth/mfa/verify', { mfaToken, ...proof, session: 'cookie' }));
}

async function finish(answer) {
  const body = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) return refused(body);
  if (body.mfaRequired) return askForFactor(body);
  form.hidden = true;
  say(words.done);
}

function post(url, body) {
  return globalThis.fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify(body),
  });
}

/** Only the link of a registration wants its password: it is asked for when the server says so. */
function refused({ code, title, errors = [] }) {
  const missing = errors.some(({ pointer, code: why }) => pointer === '/password' && why === 'required');
  if (missing && find('password-field')) {
    show('password-field');
    say(words.password);
    return;
  }
  say(words[code] ?? [title, ...errors.map(({ detail }) => detail)].filter(Boolean).join(': '));
}

function askForFactor({ mfaToken: given, methods }) {
  mfaToken = given;
  if (methods.includes('passkey')) find('passkey').hidden = false;
  if (methods.some((method) => method !== 'passkey')) show('code-field');
  else find('button').hidden = true;
  say(words.factor);
}

function show(id) {
  const field = find(id);
  field.hidden = false;
  field.querySelector('input').required = true;
  field.querySelector('input').focus();
}

function say(text) {
  outcome.textContent = text;
}
