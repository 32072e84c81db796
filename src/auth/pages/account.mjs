// The pages that the links of mails lead to. The token stands after the "#": no server was sent it by the click that
// opened the page, and nothing happens before the button is pressed, for scanners of mail open links too.

const { document, history, location } = globalThis;
const find = (id) => document.getElementById(id);
const form = find('account');
const outcome = find('outcome');
const token = new globalThis.URLSearchParams(location.hash.slice(1)).get('token');
const words = JSON.parse(find('words').textContent);

/** What was begun by the token, once it was shown: the second step of a sign-in. */
let second = null;

// Not for the history of the browser, nor for whoever looks over the shoulder.
if (token) history.replaceState(null, '', location.pathname);
else {
  say(words.incomplete);
  form.hidden = true;
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  button.disabled = true;
  say('');
  try {
    await deed();
  } catch {
    say(words.unreachable);
  } finally {
    button.disabled = false;
  }
});

async function deed() {
  const fields = Object.fromEntries([...new globalThis.FormData(form)].filter(([, value]) => value !== ''));
  const answer = second
    ? await post('/api/v1/auth/mfa/verify', { ...second, ...fields, session: 'cookie' })
    : await post(form.dataset.action, { token, ...fields, ...JSON.parse(form.dataset.also ?? '{}') });
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

function askForFactor({ mfaToken, methods }) {
  second = { mfaToken, method: methods.includes('totp') ? 'totp' : 'recovery_code' };
  show('code-field');
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
