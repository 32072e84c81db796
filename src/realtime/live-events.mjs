// Shows events as they are committed. It asks for what its settings say, goes on from the last event when it was cut
// off, and draws at most once a frame, however many come.

const { document, history, location, performance, requestAnimationFrame } = globalThis;
const find = (id) => document.getElementById(id);
const MOST_ROWS = 200;
/** More than so many in one frame are too many to be pointed out one by one. */
const RUSH = 20;
const SECONDS = 60;

const form = find('settings');
const list = find('events');
let socket = null;
let lastEventId = null;
let count = 0;
let waiting = [];
let drawing = false;
let held = false;
const perSecond = Array(SECONDS).fill(0);

// Whoever starts the server may open the page with the token that it printed; it stays in no history.
const given = new globalThis.URLSearchParams(location.hash.slice(1)).get('token');
if (given) {
  form.elements.token.value = given;
  history.replaceState(null, '', location.pathname);
}

/** Served from the package, and in no folder of ours; after the token has left the address bar. */
const CLIENT = '/dev/realtime/socket.io.mjs';
const { io } = await import(CLIENT);

form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (socket) stop('off', 'not connected');
  else start();
});
find('clear').addEventListener('click', () => {
  list.replaceChildren();
  waiting = [];
  count = 0;
  show();
});
find('pause').addEventListener('click', ({ currentTarget }) => {
  held = !held;
  currentTarget.setAttribute('aria-pressed', String(held));
  currentTarget.textContent = held ? 'Let it run' : 'Hold the list';
  if (!held) later();
});
list.addEventListener('click', ({ target }) => toggle(target.closest('tr')));

function start() {
  const token = form.elements.token.value.trim();
  lastEventId = null;
  tell(null);
  state('lost', 'connecting');
  form.querySelector('button').textContent = 'Disconnect';
  socket = io({
    path: '/realtime',
    transports: ['websocket'],
    // Asked for at each handshake: after a cut it goes on from the last event.
    auth: (answer) => answer({ ...(token ? { token } : {}), ...wanted(), ...(lastEventId ? { lastEventId } : {}) }),
  });
  socket.on('ready', (standing) => {
    lastEventId ??= standing.lastEventId;
    state('on', 'connected');
    find('who').textContent =
      `as ${standing.userId}, until ${standing.expiresAt ? timeOf(standing.expiresAt) : 'ever'}`;
  });
  socket.on('event', take);
  socket.on('unsubscribed', ({ title }) => tell(`You are told of your own account only: ${title}`));
  socket.on('closing', ({ title, detail, again }) => {
    tell(`Closed: ${detail ?? title}`);
    if (!again) stop('off', 'closed');
  });
  socket.on('disconnect', () => socket && state('lost', 'cut off, trying again'));
  socket.on('connect_error', ({ message, data }) => {
    if (!data) return;
    tell(`${data.title}${data.detail ? `: ${data.detail}` : ''}${faultsOf(data)} (${message})`);
    stop('off', 'refused');
  });
}

function stop(name, words) {
  socket.off();
  socket.disconnect();
  socket = null;
  state(name, words);
  form.querySelector('button').textContent = 'Connect';
}

function wanted() {
  if (form.elements.own.checked) return {};
  const types = form.elements.types.value.split(/[\s,]+/).filter(Boolean);
  const subject = form.elements.subject.value.trim() || null;
  return { events: { types, subject } };
}

function take(event) {
  lastEventId = event.id;
  count += 1;
  perSecond[SECONDS - 1] += 1;
  waiting.push({ event, behind: Date.now() - Date.parse(event.time) });
  if (waiting.length > MOST_ROWS) waiting.shift();
  later();
}

function later() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    show();
  });
}

function show() {
  find('count').textContent = grouped(count);
  const newest = waiting.at(-1);
  if (newest) find('delay').textContent = grouped(Math.max(0, newest.behind));
  if (held) return;
  list.querySelector('.none')?.remove();
  const kind = waiting.length > RUSH ? '' : 'new';
  list.prepend(...waiting.reverse().map(({ event }) => rowOf(event, kind)));
  waiting = [];
  while (list.children.length > MOST_ROWS) list.lastElementChild.remove();
}

function rowOf(event, kind) {
  const row = document.createElement('tr');
  row.className = kind;
  row.event = event;
  row.tabIndex = 0;
  for (const text of [timeOf(event.time), event.type, event.subject ?? '']) {
    const cell = document.createElement('td');
    cell.textContent = text;
    row.append(cell);
  }
  row.children[1].className = 'kind';
  row.children[1].style.setProperty('--hue', hueOf(event.type));
  row.addEventListener('keydown', ({ key }) => key === 'Enter' && toggle(row));
  return row;
}

/** The whole event, under its row. */
function toggle(row) {
  if (!row?.event) return;
  if (row.nextElementSibling?.className === 'detail') return row.nextElementSibling.remove();
  const detail = document.createElement('tr');
  detail.className = 'detail';
  const cell = document.createElement('td');
  cell.colSpan = 3;
  const text = document.createElement('pre');
  text.textContent = JSON.stringify(row.event, null, 2);
  cell.append(text);
  detail.append(cell);
  row.after(detail);
}

function grouped(number) {
  return number.toLocaleString('en');
}

function timeOf(text) {
  const at = new Date(text);
  return `${at.toLocaleTimeString('en-GB')}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** The same kind of event always has the same colour. */
function hueOf(type) {
  return [...type.split('.')[0]].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7);
}

function faultsOf({ errors = [] }) {
  return errors.map(({ pointer, detail }) => `; ${pointer} ${detail}`).join('');
}

function state(name, words) {
  find('state').dataset.state = name;
  find('state').textContent = words;
}

function tell(text) {
  find('trouble').hidden = text === null;
  find('trouble').textContent = text ?? '';
}

/** The last minute, newest at the right; its height is that of the busiest second. */
function draw() {
  const top = Math.max(4, ...perSecond);
  const points = perSecond.map(
    (value, at) => `${((at / (SECONDS - 1)) * 240).toFixed(1)},${(46 - (value / top) * 44).toFixed(1)}`,
  );
  find('sparkline')
    .querySelector('.line')
    .setAttribute('d', `M${points.join('L')}`);
  find('sparkline')
    .querySelector('.area')
    .setAttribute('d', `M0,48L${points.join('L')}L240,48Z`);
}

let second = Math.floor(performance.now() / 1000);
globalThis.setInterval(() => {
  const now = Math.floor(performance.now() / 1000);
  // A page in the background is not woken each second.
  for (; second < now; second += 1) {
    find('rate').textContent = grouped(perSecond[SECONDS - 1]);
    perSecond.shift();
    perSecond.push(0);
  }
  draw();
}, 250);
