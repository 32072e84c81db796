import type { Result } from './report.js';
import type { Standing } from './rounds.js';

const WIDTH = 760;
const LEFT = 110;
const BAR = 22;
const GAP = 12;
const LONGEST = WIDTH - LEFT - 110;

/** The result as two groups of bars, an SVG that any browser shows in light and dark. */
export function chart({ peers, node, postgresql, cores, processor, generator, date }: Result): string {
  const group = BAR + GAP;
  const second = 84 + peers.length * group + 38;
  const height = second + peers.length * group + 44;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13">
  <style>
    .paper { fill: #fff } text { fill: #222 } .soft { fill: #667 } .ours { fill: #2f6f4f } .theirs { fill: #aab4c0 }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #16181c } text { fill: #e6e6e6 } .soft { fill: #9aa3ad } .ours { fill: #58b384 } .theirs { fill: #59636e }
    }
  </style>
  <rect class="paper" width="${WIDTH}" height="${height}"/>
  <text x="16" y="28" font-size="17" font-weight="600">GET /api/v1/users/:id, authenticated</text>
  <text x="16" y="66" font-weight="600">CPU of the server a request, µs (less is better)</text>
${bars(peers, 'cpuMicroseconds', 1, 80)}
  <text x="16" y="${second - 14}" font-weight="600">Requests a second (more is better)</text>
${bars(peers, 'perSecond', 0, second)}
  <text class="soft" x="16" y="${height - 16}" font-size="11">${date} · Node ${node} · PostgreSQL ${postgresql} · ${cores} × ${processor} · ${generator}</text>
</svg>
`;
}

function bars(
  peers: readonly Standing[],
  member: 'cpuMicroseconds' | 'perSecond',
  digits: number,
  top: number,
): string {
  const most = Math.max(...peers.map((peer) => peer[member]));
  return peers
    .map((peer, place) => {
      const y = top + place * (BAR + GAP);
      const width = Math.max(1, Math.round((peer[member] / most) * LONGEST));
      const middle = y + BAR / 2 + 4;
      return `  <text x="${LEFT - 10}" y="${middle}" text-anchor="end">${peer.name}</text>
  <rect class="${peer.name === 'roster' ? 'ours' : 'theirs'}" x="${LEFT}" y="${y}" width="${width}" height="${BAR}" rx="3"/>
  <text x="${LEFT + width + 8}" y="${middle}">${peer[member].toFixed(digits)}</text>`;
    })
    .join('\n');
}
