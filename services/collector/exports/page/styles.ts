import { hash } from 'node:crypto'

/** The style sheet of the page; inside it, so that the page is one answer and needs nothing else. */
export const STYLES = `
:root{color-scheme:light dark;--page:#f3f6f8;--card:#fff;--text:#17212b;--soft:#51606f;--line:#d5dce3;--head:#eef2f5;--main:#0b5c73;
--good:#17663a;--good-page:#e9f6ee;--bad:#a3161c;--bad-page:#fdeeee;--warn:#7a4b00;--warn-page:#fff3dc;--calm:#41505e;--calm-page:#eaeff3}
@media (prefers-color-scheme:dark){:root{--page:#0e151b;--card:#172129;--text:#e8eef3;--soft:#a9b7c4;--line:#33424e;--head:#1f2b35;--main:#74cde6;
--good:#8fdcae;--good-page:#14301f;--bad:#ffb0ac;--bad-page:#3a1b1c;--warn:#ffd592;--warn-page:#35270f;--calm:#b9c6d2;--calm-page:#24313c}}
*{box-sizing:border-box}
html{font:1rem/1.6 system-ui,-apple-system,"Segoe UI","Apple SD Gothic Neo","Noto Sans KR","Noto Sans CJK KR","Malgun Gothic",sans-serif;
-webkit-text-size-adjust:100%;text-size-adjust:100%;background:var(--page);color:var(--text)}
body{margin:0 auto;max-width:60rem;padding:1.5rem clamp(.75rem,4vw,2rem) 3rem;word-break:keep-all;overflow-wrap:anywhere}
.brand{margin:0;color:var(--main);font-weight:700;font-size:.95rem}
h1{margin:.1rem 0 .75rem;font-size:1.5rem;line-height:1.3}
h1 bdi{display:block;font:.95rem/1.5 ui-monospace,Menlo,Consolas,monospace;color:var(--soft);font-weight:400}
h2{margin:0 0 .75rem;font-size:1.1rem;line-height:1.3}
section,.facts{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1rem clamp(.9rem,3vw,1.4rem);margin:0 0 1rem}
.facts{display:flex;flex-wrap:wrap;gap:.5rem 2rem}.facts div{min-width:0}dt{color:var(--soft);font-size:.85rem}dd{margin:0}
p{margin:0 0 .75rem}section>:last-child{margin-bottom:0}
ul{margin:0;padding-inline-start:1.25rem}li+li{margin-top:.25rem}
table{width:100%;border-collapse:collapse;font-size:.95rem}
th,td{padding:.4rem .6rem;text-align:start;vertical-align:top;border-bottom:1px solid var(--line);min-width:3.5rem}
th{background:var(--head);font-weight:600;white-space:nowrap}tbody tr:last-child td{border-bottom:0}
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;font:.9rem/1.5 ui-monospace,Menlo,Consolas,"Noto Sans Mono CJK KR",monospace}
.word{display:inline-block;padding:0 .55em;border-radius:1em;font-weight:600;white-space:nowrap;color:var(--calm);background:var(--calm-page)}
.pass{color:var(--good);background:var(--good-page)}.warn{color:var(--warn);background:var(--warn-page)}
.fail,.block{color:var(--bad);background:var(--bad-page)}
.notice{border:1px solid;border-radius:.6rem;padding:.6rem .9rem;color:var(--warn);background:var(--warn-page)}
footer{color:var(--soft);font-size:.9rem}a{color:var(--main)}
@media screen and (max-width:36rem){
table.wide,.wide tbody,.wide tr,.wide td{display:block}.wide thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.wide td{display:grid;grid-template-columns:6.5rem minmax(0,1fr);gap:.6rem;border:0;padding:.15rem 0}.wide td>*{justify-self:start;min-width:0}
.wide td::before{content:attr(data-head);color:var(--soft);font-size:.88rem}.wide td.empty{display:none}
.wide tr{padding:.6rem 0;border-bottom:1px solid var(--line)}.wide tr:last-child{border-bottom:0}}
@page{size:A4;margin:16mm 14mm}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--text:#000;--soft:#444;--line:#999;--head:#eee;--main:#000;--good:#000;--good-page:#fff;
--bad:#000;--bad-page:#fff;--warn:#000;--warn-page:#fff;--calm:#000;--calm-page:#fff}
html{font-size:10.5pt}body{max-width:none;padding:0}section,.facts{border:0;border-radius:0;padding:0;margin:0 0 6mm}
.word{padding:0;border-radius:0}.fail,.block{text-decoration:underline}h2{break-after:avoid}tr,li{break-inside:avoid}
thead{display:table-header-group}footer{display:none}}
@media (min-width:36.01rem){.wide td:nth-child(-n+2){min-width:7.5rem}}
`

/** The style sheet's hash for the content security policy: this very text may be used and no other. */
export const STYLES_HASH = `'sha256-${hash('sha256', STYLES, 'base64')}'`
