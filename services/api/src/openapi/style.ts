/** Style sheet of /docs: readable without anything else, light and dark. */
export const STYLE = `
:root{color-scheme:light dark;--line:#8883;--soft:#8881;--accent:#0a66c2}
@media (prefers-color-scheme:dark){:root{--accent:#6cb2ff}}
*{box-sizing:border-box}
body{margin:0;display:flex;font:16px/1.55 system-ui,sans-serif}
nav{position:sticky;top:0;height:100vh;overflow:auto;width:19rem;flex:none;padding:1rem 1.25rem;border-right:1px solid var(--line);font-size:.9rem}
nav h1{font-size:1.1rem;margin:.2rem 0}
nav h2{font-size:.75rem;text-transform:uppercase;letter-spacing:.06em;opacity:.7;margin:1.2rem 0 .3rem}
nav ul{list-style:none;margin:0;padding:0}
nav li{margin:.15rem 0}
main{flex:1;min-width:0;max-width:62rem;padding:1rem 2.5rem 6rem}
a{color:var(--accent);text-decoration:none}
a:hover{text-decoration:underline}
main h2{margin-top:3rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}
section{margin:2rem 0}
h3{font:600 1.05rem ui-monospace,monospace;margin:0 0 .4rem}
.verb{font-size:.75rem;padding:.15rem .45rem;border-radius:.3rem;background:var(--soft);border:1px solid var(--line)}
.verb.post{color:#2e7d32}.verb.get{color:var(--accent)}
pre,code{font-family:ui-monospace,monospace;font-size:.86em}
pre{background:var(--soft);border:1px solid var(--line);border-radius:.4rem;padding:.7rem .9rem;overflow:auto}
code{background:var(--soft);border-radius:.2rem;padding:.05rem .25rem}
details{margin:.4rem 0}
summary{cursor:pointer;font-weight:600;font-size:.9rem}
table{border-collapse:collapse;width:100%;font-size:.88rem;margin:.4rem 0 .8rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid var(--line)}
td:first-child{white-space:nowrap}
.req{color:#c62828;font-size:.75rem}.where{opacity:.6;font-size:.75rem}
@media (max-width:50rem){body{display:block}nav{position:static;width:auto;height:auto;border-right:0;border-bottom:1px solid var(--line)}main{padding:1rem}td:first-child{white-space:normal}}
`;
