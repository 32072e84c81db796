import type { Result } from './report.js';
import type { Standing } from './rounds.js';

const WIDTH = 760;
const LEFT = 150;
const BAR = 18;
const GAP = 8;
const LONGEST = WIDTH - LEFT - 110;

/** The result as groups of bars, an SVG that any browser shows in light and dark: a group for each job. */
export function chart(result: Result): string {
  const { standings, node, postgresql, cores, processor, generator, date } = result;
  const [connections = 32] = [32, ...standings.map((each) => each.connections)].filter((count) =>
    standings.some((each) => each.connections === count),
  );
  const jobs = [...new Set(standings.map(({ job }) => job))];
  let y = 60;
  const groups = jobs.map((job) => {
    const rows = standings.filter((each) => each.job === job && each.connections === connections);
    const group = bars(`${job}: CPU of the server a request, µs (less is better)`, rows, y);
    y += rows.length * (BAR + GAP) + 46;
    return group;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 20}" font-family="system-ui, sans-serif" font-size="13">
  <style>
    .paper { fill: #fff } text { fill: #222 } .soft { fill: #667 } .ours { fill: #2f6f4f } .theirs { fill: #aab4c0 }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #16181c } text { fill: #e6e6e6 } .soft { fill: #9aa3ad } .ours { fill: #58b384 } .theirs { fill: #59636e }
    }
  </style>
  <rect class="paper" width="${WIDTH}" height="${y + 20}"/>
  <text x="16" y="28" font-size="17" font-weight="600">Roster and its peers, ${connections} connections</text>
${groups.join('\n')}
  <text class="soft" x="16" y="${y + 4}" font-size="11">${date} · Node ${node} · PostgreSQL ${postgresql} · ${cores} × ${processor} · ${generator}</text>
</svg>
`;
}

function bars(title: string, standings: readonly Standing[], top: number): string {
  const most = Math.max(...standings.map(({ cpuMicroseconds }) => cpuMicroseconds));
  const rows = standings.map(({ name, cpuMicroseconds, perSecond }, place) => {
    const y = top + 12 + place * (BAR + GAP);
    const width = Math.max(1, Math.round((cpuMicroseconds / most) * LONGEST));
    const middle = y + BAR / 2 + 4;
    return `  <text x="${LEFT - 10}" y="${middle}" text-anchor="end">${name}</text>
  <rect class="${name.startsWith('roster') ? 'ours' : 'theirs'}" x="${LEFT}" y="${y}" width="${width}" height="${BAR}" rx="3"/>
  <text x="${LEFT + width + 8}" y="${middle}">${cpuMicroseconds.toFixed(0)} <tspan class="soft" font-size="11">${Math.round(perSecond)}/s</tspan></text>`;
  });
  return `  <text x="16" y="${top}" font-weight="600">${title}</text>\n${rows.join('\n')}`;
}
