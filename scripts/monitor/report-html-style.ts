/** The page's only style sheet; its hash is in the page's policy, so nothing else is applied. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1a2330; --dim: #5c6b7d; --paper: #f6f8fa; --card: #fff; --edge: #dde3ea;
  --ok: #16794a; --warn: #96610b; --bad: #bb2233; --accent: #2563a8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4eaf1; --dim: #98a6b6; --paper: #10161d; --card: #18212b;
  --edge: #2b3744; --ok: #4cc38a; --warn: #e5b454; --bad: #ff7b82; --accent: #70aef0; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans CJK KR", "Noto Sans KR", sans-serif }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 60px }
header { display: flex; gap: 20px; align-items: center; margin-bottom: 24px }
h1 { font-size: 22px; margin: 0 } h2 { font-size: 16px; margin: 0 0 12px }
p { margin: 2px 0 } .dim { color: var(--dim) }
.grade { flex: none; width: 84px; height: 84px; border-radius: 18px; display: grid; place-items: center; color: #fff;
  font-size: 38px; font-weight: 700 }
.grade.grade { color: #fff } .grade.healthy { background: #16794a } .grade.degraded { background: #a2690c } .grade.down { background: #bb2233 }
.healthy { color: var(--ok) } .degraded { color: var(--warn) } .down { color: var(--bad) }
section { background: var(--card); border: 1px solid var(--edge); border-radius: 12px; padding: 18px 20px; margin: 0 0 18px }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th { text-align: left; font-weight: 500; font-size: 13px; color: var(--dim); white-space: nowrap }
th, td { padding: 7px 10px 7px 0; border-bottom: 1px solid var(--edge); vertical-align: middle }
tr:last-child td { border-bottom: 0 } .num { text-align: right; white-space: nowrap } td.name { font-weight: 600; white-space: nowrap }
td.state { font-weight: 600; white-space: nowrap }
ul.list { margin: 0; padding-left: 20px } ul.list li { margin: 3px 0; overflow-wrap: anywhere }
.charts { margin-top: 18px; display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 18px }
figure { margin: 0; max-width: 720px } figcaption { font-size: 13px; color: var(--dim); margin-bottom: 6px }
svg { display: block; max-width: 100% } figure svg { width: 100%; height: auto }
.grid { stroke: var(--edge) } .tick { fill: var(--dim); font-size: 11px } svg .name { fill: var(--ink); font-size: 12px }
.line path { fill: none; stroke: currentColor; stroke-width: 2 } .line circle { fill: currentColor }
.mini rect { fill: var(--accent) } rect.c0, rect.c1, rect.c2, rect.c3, rect.c4, rect.c5, rect.c6, rect.c7 { fill: currentColor }
.c0 { color: #3b7dd8 } .c1 { color: #d9822b } .c2 { color: #2f9e6e } .c3 { color: #c2417c }
.c4 { color: #7c5cd6 } .c5 { color: #1b9aaa } .c6 { color: #a57f1e } .c7 { color: #d14b4b }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 16px; padding: 0; margin: 6px 0 0; font-size: 12px }
.legend li::before { content: ""; display: inline-block; width: 10px; height: 10px; border-radius: 3px; background: currentColor; margin-right: 6px }
details summary { cursor: pointer; font-weight: 600; font-size: 16px } details table { margin-top: 12px }
td.said { overflow-wrap: anywhere }
@media print { body { background: #fff } section { break-inside: avoid } }
`
