"""What a model might say to make the page run something, fetch something or become something. TRIP is the name of a function that
the tests watch, OUTSIDE an origin that nothing may ask."""

OUTSIDE = "http://outside.invalid"
RUN = "tripwire()"

# Into Markdown, as a model's answer.
TEXTS = [
    # scripts and what runs on its own
    f"<script>{RUN}</script>",
    f"<script src={OUTSIDE}/a.js></script>",
    f"<ScRiPt type=module>import('{OUTSIDE}/m.js');{RUN}</sCrIpT>",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    f"<img src=x onerror={RUN}>",
    f"<img src={OUTSIDE}/pixel.gif srcset='{OUTSIDE}/2.gif 2x' loading=eager>",
    f"<body onload={RUN}><div onmouseover={RUN} style='position:fixed;inset:0'>x</div>",
    f"<input autofocus onfocus={RUN}><select autofocus onfocus={RUN}></select>",
    f"<details open ontoggle={RUN}><summary>x</summary></details>",
    f"<video autoplay src={OUTSIDE}/v.mp4 onerror={RUN}><source src={OUTSIDE}/w.mp4 onerror={RUN}></video><audio src=x onerror={RUN}>",
    f"<marquee onstart={RUN}>x</marquee><xss onanimationstart={RUN} style='animation-name:a'></xss>",
    f"<iframe src=javascript:parent.{RUN}></iframe><iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<object data=javascript:{RUN}></object><embed src=javascript:{RUN}><applet code={OUTSIDE}/a></applet>",
    f"<object type=text/html data={OUTSIDE}/o></object><embed src={OUTSIDE}/e>",
    f"<meta http-equiv=refresh content='0;url={OUTSIDE}/r'><base href={OUTSIDE}/>",
    f"<link rel=stylesheet href={OUTSIDE}/s.css><link rel=prefetch href={OUTSIDE}/p><link rel=dns-prefetch href={OUTSIDE}>",
    f"<style>@import '{OUTSIDE}/i.css'; body{{background:url({OUTSIDE}/b.png)}} *{{display:none!important}}</style>",
    f"<div style='background:url({OUTSIDE}/d.png);width:expression({RUN})'>x</div>",
    f"<form action={OUTSIDE}/f><input name=q><button formaction=javascript:{RUN}>Send</button></form>",
    f"<template><script>{RUN}</script></template><noscript><p title='</noscript><img src=x onerror={RUN}>'></noscript>",
    # other kinds of elements
    f"<svg onload={RUN}><script>{RUN}</script><image href={OUTSIDE}/s.png /></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s><set attributeName=href to=javascript:{RUN}></svg>",
    f"<svg><use href='data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg><script>{RUN}</script></svg>#x'></use></svg>",
    f"<svg><foreignObject><iframe src={OUTSIDE}/fo></iframe></foreignObject></svg>",
    f"<math><maction actiontype=statusline xlink:href=javascript:{RUN}>x</maction><mtext><img src=x onerror={RUN}></mtext></math>",
    f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={RUN}>",
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror={RUN}&gt;'>",
    f"<svg></p><style><a id='</style><img src=1 onerror={RUN}>'>",
    # Markdown's own ways
    f"[click](javascript:{RUN})",
    f"[click](JaVaScRiPt&colon;{RUN}) [click](&#106;avascript:{RUN}) [click](java%0ascript:{RUN})",
    f"[click](\\x01javascript:{RUN}) [click](vbscript:{RUN}) [click](data:text/html,<script>{RUN}</script>)",
    f"[click](data:text/html;base64,PHNjcmlwdD50cmlwd2lyZSgpPC9zY3JpcHQ+) <javascript:{RUN}>",
    f"[click]({OUTSIDE}/'onmouseover='{RUN}) [click]({OUTSIDE}/\" onclick=\"{RUN})",
    f"[a]({OUTSIDE}/ 'title\" onclick=\"{RUN}')",
    f"![x]({OUTSIDE}/image.png) ![x]({OUTSIDE}/i.png 'a\" onerror=\"{RUN}')",
    f"![x\" onerror=\"{RUN}](x) ![x](javascript:{RUN}) ![x](data:image/svg+xml,<svg/onload={RUN}>)",
    f"[![x]({OUTSIDE}/nested.png)](javascript:{RUN})",
    f"[ref]\n\n[ref]: javascript:{RUN} \"t\"\n\n![ref2]\n\n[ref2]: {OUTSIDE}/ref.png",
    f"<{OUTSIDE}/auto\"onclick={RUN}> www.outside.invalid/\"onclick={RUN}",
    f"```html\" onmouseover=\"{RUN}\ncode\n```",
    f"```\"><img src=x onerror={RUN}>\n</code></pre><script>{RUN}</script>\n```",
    f"```__proto__\nx\n```\n\n```constructor\nx\n```\n\n```toString\n<img src=x onerror={RUN}>\n```",
    f"```html\n<script>{RUN}</script><img src={OUTSIDE}/c.png onerror={RUN}>\n```",
    f"`<img src=x onerror={RUN}>` and ``</code><script>{RUN}</script>``",
    f"| a | b |\n|---|---|\n| <img src=x onerror={RUN}> | [x](javascript:{RUN}) |",
    f"- [x] <input onfocus={RUN} autofocus>\n- [ ] <label for=question>x</label>",
    f"# <img src=x onerror={RUN}> heading {{#question}}\n\n<h1 id=log>x</h1>",
    f"> <script>{RUN}</script>\n> <iframe src={OUTSIDE}/q></iframe>",
    f"<!--><script>{RUN}</script>--> <![CDATA[<script>{RUN}</script>]]> <?xml <script>{RUN}</script>?>",
    # formulas
    f"$\\href{{javascript:{RUN}}}{{x}}$ $\\url{{javascript:{RUN}}}$",
    f"$$\\includegraphics[height=1em]{{{OUTSIDE}/k.png}}$$",
    f"$\\htmlStyle{{background:url({OUTSIDE}/h.png)}}{{x}}$ $\\htmlClass{{top}}{{x}}$ $\\htmlId{{question}}{{x}}$ $\\htmlData{{a=b}}{{x}}$",
    f"\\(\\text{{<img src=x onerror={RUN}>}}\\) $\\color{{red;background:url({OUTSIDE}/kc.png)}}x$ $\\fcolorbox{{red}}{{blue}}{{x}}$ $\\pmb{{x}}$",
    "$\\def\\a{\\a\\a}\\a$ $" + "{" * 300 + "}" * 300 + "$ $\\rule{1e9em}{1e9em}$",
    # names that scripts look up
    "<a id=question></a><form id=log name=body><input name=children></form><img name=getElementById><a id=tripwire href=x></a>",
    "<form name=head><input name=attributes><input name=nodeName><input name=parentNode></form><a id=shadowNode></a>",
    "[__proto__]: x\n\n[__proto__] [constructor] [hasOwnProperty]\n\n# __proto__\n\n# constructor",
    # characters
    f"<\u017fcript>{RUN}</\u017fcript> \uff1cscript\uff1e{RUN}\uff1c/script\uff1e <script\u00a0>{RUN}</script\u00a0>",
    f"[click](java\u200bscript:{RUN}) [click](\u202egpj.x) <a href='java&Tab;script:{RUN}'>x</a> <a href='\u0001javascript:{RUN}'>x</a>",
    f"<img/src=x/onerror={RUN}//><a/href=javascript:{RUN}>x</a><svg/onload={RUN}>\u2028<script>{RUN}</script>",
    f"&lt;script&gt;{RUN}&lt;/script&gt; &#60;img src=x onerror={RUN}&#62; &amp;lt;script&amp;gt;",
    "a" * 5000 + "*" * 400 + "[" * 400 + "](" * 400 + "`" * 301 + "|" * 400 + "<" * 400,
]
