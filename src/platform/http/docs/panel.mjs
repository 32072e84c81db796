// The bar above Swagger UI: signing in, who is signed in, and what went wrong.

const { document } = globalThis;
const find = (id) => document.getElementById(id);

/** Shows what the session keeps, and turns the forms into its deeds. @param session a Session */
export function drawPanel(session) {
  /** A sign-in that waits for its second factor. */
  let due = null;
  const alert = find('alert');
  const say = (text) => {
    alert.textContent = text ?? '';
    alert.hidden = !text;
  };

  /** While a deed is under way its button waits; a refusal is told in the words of its problem. */
  const on = (form, deed) =>
    find(form).addEventListener('submit', async (event) => {
      event.preventDefault();
      const button = event.submitter ?? event.target.querySelector('button');
      say(null);
      button.disabled = true;
      try {
        await deed(new globalThis.FormData(event.target));
        event.target.reset();
      } catch (error) {
        say(error.code || error.name === 'Refused' ? error.message : `The server cannot be reached (${error.message})`);
        event.target.querySelector('input')?.focus();
      } finally {
        button.disabled = false;
      }
    });

  on('sign-in', async (fields) => {
    const password = fields.get('password');
    due = await session.signIn(fields.get('identifier').trim(), password);
    find('show-factor').hidden = due === null;
    if (due) find('code').focus();
    // It was typed a moment ago, and the change asks for it once more.
    if (session.kept?.passwordChangeRequired) find('current-password').value = password;
  });
  on('show-factor', async (fields) => {
    await session.showFactor(due, fields.get('code').trim());
    find('show-factor').hidden = true;
  });
  on('change-password', (fields) => session.changePassword(fields.get('current-password'), fields.get('new-password')));
  on('sign-out', () => session.signOut());

  return (kept, why) => {
    const { activeElement } = document;
    const hadFocus = activeElement && find('session').contains(activeElement);
    find('sign-in').hidden = kept !== null;
    find('change-password').hidden = !kept?.passwordChangeRequired;
    find('sign-out').hidden = kept === null;
    find('leave').textContent = kept && !kept.name ? 'Forget the token' : 'Sign out';
    find('who').replaceChildren(...wordsAbout(kept));
    if (kept || why) say(why);
    const next = kept === null ? 'identifier' : kept.passwordChangeRequired ? 'new-password' : 'leave';
    // What had the focus may be hidden now, and the keyboard would start again at the top.
    if (hadFocus) find(next).focus();
  };
}

function wordsAbout(kept) {
  if (!kept) return [];
  const who = kept.name ? ['Signed in as ', strong(kept.name), ` (${kept.email})`] : ['A bearer token, given by hand'];
  if (kept.until === null) return who;
  return [...who, ' until ', time(kept.until), kept.refreshToken ? ', renewed by itself' : ''];
}

function strong(text) {
  const element = document.createElement('strong');
  element.textContent = text;
  return element;
}

function time(milliseconds) {
  const moment = new Date(milliseconds);
  const element = document.createElement('time');
  element.dateTime = moment.toISOString();
  element.textContent = moment.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return element;
}
