import { hash } from 'node:crypto'

/** The style sheet of every page; inside the page, so that a page is one answer and needs nothing else. */
export const STYLES = `
:root{color-scheme:light dark;--page:#f3f6f8;--card:#fff;--text:#17212b;--soft:#51606f;--line:#c3ccd6;--field:#7b8896;
--main:#0b5c73;--main-over:#084657;--on-main:#fff;--quiet-over:#e6eef2;--bad:#a3161c;--bad-page:#fdeeee;--good:#17663a;--good-page:#e9f6ee}
@media (prefers-color-scheme:dark){:root{--page:#0e151b;--card:#172129;--text:#e8eef3;--soft:#a9b7c4;--line:#354552;--field:#7d8e9d;
--main:#74cde6;--main-over:#9bdcef;--on-main:#06232c;--quiet-over:#22303b;--bad:#ffb0ac;--bad-page:#3a1b1c;--good:#8fdcae;--good-page:#14301f}}
*{box-sizing:border-box}
html{font:1rem/1.6 system-ui,-apple-system,"Segoe UI","Apple SD Gothic Neo","Noto Sans KR","Malgun Gothic",sans-serif;
-webkit-text-size-adjust:100%;text-size-adjust:100%;background:var(--page);color:var(--text)}
body{margin:0;min-height:100vh;min-height:100dvh;display:flex;flex-direction:column;align-items:center;padding:1.5rem 1rem;gap:1.25rem;
word-break:keep-all;overflow-wrap:anywhere}
header{margin-top:auto;display:flex;align-items:center;gap:.6rem;font-weight:700;font-size:1.15rem}
header svg{width:2rem;height:2rem;flex:none;color:var(--main)}
main{width:100%;max-width:27rem;background:var(--card);border:1px solid var(--line);border-radius:1rem;padding:clamp(1.25rem,5vw,2.25rem);
box-shadow:0 1px 2px #0000000f,0 12px 32px #0000000d}
footer{margin-bottom:auto;font-size:.9rem}
h1{margin:0 0 .75rem;font-size:1.4rem;line-height:1.3;text-wrap:balance}
h2{margin:1.5rem 0 .5rem;font-size:1.05rem}
p{margin:0 0 1rem}main>:last-child,form>:last-child{margin-bottom:0}
ul,dl{margin:0 0 1rem;padding-left:1.25rem}dl{padding:0}dt{color:var(--soft);font-size:.9rem}dd{margin:0 0 .5rem}
code{font:.95em ui-monospace,Menlo,Consolas,monospace}
a{color:var(--main);text-underline-offset:.2em}
.soft{color:var(--soft);font-size:.92rem}
.field{margin:0 0 1.1rem}
label{display:block;font-weight:600;margin-bottom:.35rem}
input:not([type=checkbox],[type=radio],[type=hidden]){display:block;width:100%;min-height:2.9rem;padding:.55rem .8rem;font:inherit;color:inherit;
background:var(--card);border:1px solid var(--field);border-radius:.6rem}
input[readonly]{background:var(--page);border-color:var(--line)}
input[aria-invalid=true]{border-color:var(--bad);border-width:2px}
input.code{font-size:1.4rem;letter-spacing:.2em;text-align:center;font-family:ui-monospace,Menlo,Consolas,monospace}
.choice{display:flex;gap:.6rem;align-items:flex-start}.choice label{font-weight:400;margin:0}
.choice input{width:1.25rem;height:1.25rem;margin:.15rem 0 0;accent-color:var(--main);flex:none}
.hint,.fault{margin:.35rem 0 0;font-size:.92rem;color:var(--soft)}.fault{color:var(--bad);font-weight:600}
button,.button{display:flex;align-items:center;justify-content:center;width:100%;min-height:2.9rem;padding:.55rem 1rem;font:inherit;font-weight:600;
text-align:center;text-decoration:none;cursor:pointer;color:var(--on-main);background:var(--main);border:1px solid var(--main);border-radius:.6rem}
button:hover,.button:hover{background:var(--main-over);border-color:var(--main-over)}
.quiet{color:var(--main);background:transparent;border-color:var(--field)}.quiet:hover{background:var(--quiet-over);border-color:var(--field)}
button+button,form+form,.button+.button{margin-top:.7rem}
:focus-visible{outline:3px solid var(--main);outline-offset:2px}
.notice{margin:0 0 1.1rem;padding:.7rem .9rem;border:1px solid;border-radius:.6rem}
.notice.bad{color:var(--bad);background:var(--bad-page)}.notice.good{color:var(--good);background:var(--good-page)}
`

/** The style sheet's hash for the content security policy: this very text may be used and no other. */
export const STYLES_HASH = `'sha256-${hash('sha256', STYLES, 'base64')}'`
