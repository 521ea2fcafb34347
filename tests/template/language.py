"""Small templates, one feature each; make_golden.py asks jinja2 what they give. V: what they see."""

V = {
    "n": 7, "neg": -7, "f": 2.5, "big": 1e22, "small": 1e-7, "t": True, "no": False, "nil": None, "s": "Hello World",
    "e": "", "u": "Grüße, 世界 🦉!", "xs": [3, 1, 2], "names": ["bob", "Alice", "carol"], "nested": [[1, [2, 3]], [4]],
    "d": {"b": 1, "a": 2, "c": {"x": [1, {"y": "z"}]}}, "empty": {}, "none_list": [], "q": "it's \"quoted\"\n\\",
    "items_key": {"items": "field", "keys": 3, "x": 1},
    "users": [{"name": "Ann", "age": 30, "tags": ["a", "b"], "city": {"zip": 1}},
              {"name": "bob", "age": 25, "tags": [], "city": {"zip": 2}},
              {"name": "Cid", "age": 30, "tags": ["c"]}],
    "tree": [{"n": "a", "kids": [{"n": "b", "kids": [{"n": "c", "kids": []}]}, {"n": "d", "kids": []}]}],
    "html": "<a href=\"x\">&'</a>", "lines": "one\n  two\n\nthree\r\nfour", "spaces": " \t\n x y \u3000",
}

CASES = r'''
{{ n }}
{{ neg }}|{{ f }}|{{ big }}|{{ small }}|{{ t }}|{{ no }}|{{ nil }}
{{ 1.0 }} {{ 1e16 }} {{ 123456789012345.6 }} {{ 1e15 }} {{ 0.1 }} {{ 1e-5 }} {{ 0.0001 }} {{ 1e100 }} {{ 1.5e300 }}
{{ 0.1 + 0.2 }} {{ 1/3 }} {{ 2/1 }} {{ 1e22+1 }} {{ 100.0 }} {{ -0.0 }} {{ 5e-324 }}
{{ xs }} {{ d }} {{ nested }} {{ users[0] }}
{{ q }} {{ [q] }} {{ ["a'b", 'a"b', "\t\x07\u200b\xe9"] }}
{{ (1,) }} {{ () }} {{ (1, 2) }} {{ [] }} {{ {} }} {{ {1: 2, 'a': none, 1.5: true} }}
{{ 1, 2 }}
{{ undefined_name }}|{{ undefined_name is defined }}|{{ [undefined_name] }}
{{ undefined_name.x }}
{{ undefined_name['x'] }}
{{ undefined_name() }}
{{ d.nothing }}|{{ d.nothing is undefined }}|{{ d['nothing'] }}
{{ d.nothing.more }}
{{ nil.x }}|{{ nil['x'] }}|{{ n.x }}|{{ s.x }}|{{ s[0] }}|{{ s[-1] }}|{{ s[99] }}|{{ xs[5] }}
{{ xs.0 }} {{ xs[-1] }} {{ nested[0][1][0] }} {{ d.c.x[1].y }} {{ d['c']['x'][0] }}
{{ items_key.items is callable }} {{ items_key['items'] }} {{ items_key.x }} {{ items_key.keys() | list }} {{ items_key['keys'] }}
{{ 'abc'.upper() }} {{ 'abc'['upper']() }} {{ s.lower().title() }}
{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 0.5 }}
{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ -2 ** 2 }} {{ 2 ** 3 ** 2 }} {{ 10 - 3 - 2 }} {{ 7 / 2 }} {{ +n }} {{ -n }} {{ - -n }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1.0 % 0 }}
{{ 'a' + 'b' }} {{ 'a' * 3 }} {{ 3 * 'ab' }} {{ 'x' * -1 }}| {{ [1] + [2] }} {{ [0] * 3 }} {{ (1,) + (2,) }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] + (2,) }}
{{ nil + 1 }}
{{ undefined_name + 'x' }}
{{ 'x' ~ 1 ~ none ~ undefined_name ~ 1.5 ~ [1] ~ true }}
{{ 'a' ~ 'b' * 2 }} {{ 1 ~ 2 + 3 }}
{{ true + true }} {{ true * 3 }} {{ 5 / true }} {{ true == 1 }} {{ 1 == 1.0 }} {{ '1' == 1 }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 3 > 2 >= 2 != 1 }} {{ 1 == 1 == 1 }}
{{ 'a' < 'b' }} {{ 'B' < 'a' }} {{ [1, 2] < [1, 3] }} {{ (1,) < (1, 0) }} {{ 'é' > 'z' }}
{{ 1 < 'a' }}
{{ none < 1 }}
{{ d < d }}
{{ [1] == [1.0] }} {{ {'a': 1} == {'a': 1} }} {{ (1, 2) == [1, 2] }} {{ none == none }} {{ none == false }}
{{ undefined_name == undefined_other }} {{ undefined_name == none }} {{ undefined_name != 1 }}
{{ 2 in xs }} {{ 9 not in xs }} {{ 'ell' in s }} {{ 'b' in d }} {{ 'z' in d }} {{ 'x' in undefined_name }} {{ '' in '' }}
{{ 1 in 'abc' }}
{{ 1 in 5 }}
{{ not true }} {{ not not n }} {{ not none_list }} {{ not 'x' in s }} {{ not undefined_name }}
{{ n and s }} {{ e and n }} {{ e or 'default' }} {{ nil or none_list or 0 }} {{ t and no or 'z' }}
{{ 'yes' if n > 3 else 'no' }} {{ 'x' if no }}| {{ 'a' if no else 'b' if no else 'c' }} {{ ('x' if no) is defined }}
{{ ('x' if no).y }}
{{ 1 if t }}{{ 2 if undefined_name }}
{{ n is defined }} {{ n is not defined }} {{ nil is none }} {{ nil is not none }} {{ n is none }}
{{ s is string }} {{ n is string }} {{ d is mapping }} {{ xs is mapping }} {{ xs is iterable }} {{ s is iterable }} {{ n is iterable }}
{{ xs is sequence }} {{ s is sequence }} {{ d is sequence }} {{ n is sequence }} {{ undefined_name is sequence }} {{ undefined_name is iterable }}
{{ n is number }} {{ f is number }} {{ t is number }} {{ s is number }} {{ n is integer }} {{ t is integer }} {{ f is float }} {{ t is boolean }}
{{ t is true }} {{ 1 is true }} {{ no is false }} {{ 0 is false }} {{ n is odd }} {{ n is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(4) }}
{{ 1 is eq 1 }} {{ 1 is equalto(2) }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 3 is ge(3) }} {{ 3 is gt 4 }} {{ 2 is le 1 }} {{ 2 is in xs }} {{ 5 is not in xs }}
{{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 'aBc' is lower }} {{ '' is lower }} {{ '1' is upper }} {{ range is callable }} {{ s.upper is callable }} {{ n is callable }}
{{ none is sameas none }} {{ n is sameas 7 }} {{ 'upper' is filter }} {{ 'nope' is filter }} {{ 'odd' is test }} {{ (html|e) is escaped }} {{ html is escaped }}
{{ n is string or n is number }} {{ not n is string }} {{ n is defined and n > 3 }}
{{ n is nosuchtest }}
{{ n | nosuchfilter }}
{% if n %}a{% endif %}{% if none_list %}b{% elif e %}c{% elif n == 7 %}d{% else %}e{% endif %}
{% if n == 1, %}tuple{% endif %}
{% for x in xs %}{{ x }},{% endfor %}
{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}
{% for x in xs %}[{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }}]{{ loop.previtem is defined }}{% endfor %}
{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }}{{ loop.cycle('a', 'b') }} {% endfor %}
{% for x in none_list %}x{% else %}none{% endfor %}|{% for x in undefined_name %}x{% else %}undef{% endfor %}
{% for x in nil %}x{% endfor %}
{% for x in 5 %}x{% endfor %}
{% for k in d %}{{ k }}{% endfor %} {% for c in 'äb' %}{{ c }}.{% endfor %} {% for i in range(3) %}{{ i }}{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {% for k, v in d | dictsort %}{{ k }}{% endfor %} {% for k, v in d | items %}{{ k }}{% endfor %}
{% for a, (b, c) in [(1, (2, 3)), (4, (5, 6))] %}{{ a }}{{ b }}{{ c }} {% endfor %}
{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}
{% for a, b in [(1,)] %}{{ a }}{% endfor %}
{% for a, b in [5] %}{{ a }}{% endfor %}
{% for x in xs if x > 1 %}{{ loop.index }}:{{ x }} {% endfor %}{% for x in xs if x > 9 %}{% else %}nothing{% endfor %}
{% for x in xs | sort(reverse=true) if x != 2 %}{{ x }}{{ loop.last }}{% endfor %}
{% for x in xs %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %} {% for x in xs %}{{ x }}{% break %}{% endfor %}
{% for x in range(10) %}{% if x is odd %}{% continue %}{% endif %}{% if x > 6 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for n in tree recursive %}{{ n.n }}{{ loop.depth }}{% if n.kids %}({{ loop(n.kids) }}){% endif %}{% endfor %}
{% for x in xs %}{{ loop(x) }}{% endfor %}
{% for x in xs %}{% for y in xs %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}
{% for x in xs %}{% set outer = loop %}{% for y in [1] %}{{ outer.index }}{% endfor %}{% endfor %}
{% set x = 1 %}{% for i in xs %}{% set x = i %}{{ x }}{% endfor %}{{ x }}
{% set x = 1 %}{% if t %}{% set x = 2 %}{% endif %}{{ x }}
{% for i in [1, 2] %}{{ y }}{% set y = i %}{{ y }}{% endfor %}{{ y is defined }}
{% set ns = namespace(total=0, l=[]) %}{% for x in xs %}{% set ns.total = ns.total + x %}{% set ns.l = ns.l + [x] %}{% endfor %}{{ ns.total }} {{ ns.l }} {{ ns }}
{% set ns = namespace() %}{% set ns.x = 1 %}{{ ns.x }}{{ ns['x'] }}{{ ns.y is defined }}{{ ns.y }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}
{% set d.x = 1 %}
{% set ns = namespace(_x=1) %}{{ ns._x }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set a, b = b, a %}{{ a }}{{ b }}{% set (c, d2) = [3, 4] %}{{ c }}{{ d2 }}
{% set x = 1, 2 %}{{ x }}{% set y = (1) %}{{ y }}
{% set text %}a{{ n }}b{% endset %}{{ text }}|{{ text is string }}|{% set t2 | upper | replace('A', 'x') %}abc{% endset %}{{ t2 }}
{% filter upper %}abc {{ s }}{% endfilter %}|{% filter trim | replace('b', 'c') %}  abc  {% endfilter %}
{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}
{% with %}{% set q1 = 2 %}{{ q1 }}{% endwith %}{{ q1 is defined }}
{% with a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{% endwith %}
{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(1, c='y') }} {{ m(a=0, b=none) }} {{ m() }}
{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(z=1) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}{{ m() }}
{% macro m(a) %}{{ a }}{% for v in varargs %}-{{ v }}{% endfor %}{% endmacro %}{{ m(1, 2, 3) }}{{ m(*[1, 2], **{}) }}
{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 1, 'b': 2}) }}{{ m(1, **{'b': 3}) }}
{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}inside{{ n }}{% endcall %}
{% macro m(x) %}{{ caller(x, x * 2) }}{% endmacro %}{% call(a, b=5) m(3) %}{{ a }}-{{ b }}{% endcall %}
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
{% macro fact(k) %}{% if k <= 1 %}1{% else %}{{ k * fact(k - 1) | int }}{% endif %}{% endmacro %}{{ fact(6) }}
{% macro m() %}{{ later }}{% endmacro %}{% set later = 5 %}{{ m() }}
{% macro m() %}{% set inner = 1 %}{{ n }}{% endmacro %}{{ m() }}{{ inner is defined }}
{% macro m(a, b=1, *c) %}{% endmacro %}
{% macro m(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ m() }} {{ m }} {{ m.name }} {{ m.arguments }}
{% macro outer() %}{% macro inner(x) %}<{{ x }}>{% endmacro %}{{ inner(1) }}{{ inner(2) }}{% endmacro %}{{ outer() }}
{% for x in [1, 2] %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}
{{ m2() }}{% macro m2() %}x{% endmacro %}
{% set s2 = namespace(f='') %}{% macro add(x) %}{% set s2.f = s2.f ~ x %}{% endmacro %}{{ add('a') }}{{ add('b') }}{{ s2.f }}
{% raw %}{{ not }} {% raw %} {# a #}{% endraw %}|{%- raw -%}  x  {%- endraw -%}  |
a{# comment #}b{#- comment -#}  c {# multi
line #}
{# {{ n }} {% if %} #}x
{% print n, s %}
{% generation %}gen {{ n }}{% endgeneration %}
{% block title %}in block{{ n }}{% endblock %}{% block b scoped %}x{% endblock b %}
{{ "a" "b" 'c' }} {{ "\n" | length }} {{ 'tab\there' }} {{ 'uni\u00e9\x41\101' }} {{ 'keep\d\q' }} {{ "it's" }} {{ 'a\'b' }} {{ "\\" }}
{{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1_0.5_0 }} {{ 1E3 }} {{ 00 }}
{{ 012 }}
{{ s[1:4] }} {{ s[:5] }} {{ s[6:] }} {{ s[::-1] }} {{ s[::2] }} {{ s[-5:-1] }} {{ s[10:2:-3] }} {{ u[1:3] }} {{ u[::-1] }} {{ u[-3:] }} {{ s[5:1] }}|
{{ xs[1:] }} {{ xs[:-1] }} {{ xs[::-1] }} {{ (1, 2, 3)[1:] }} {{ range(10)[2:5] | list }} {{ range(10)[::3] }} {{ xs[5:] }} {{ xs[-9:2] }} {{ xs[none:2] }}
{{ xs[::0] }}
{{ xs['a':] }}
{{ d[1:2] }}
{{ nil[1:] }}
{{ undefined_name[1:] }}
{{ range(3) }} {{ range(1, 10, 3) | list }} {{ range(5, 0, -2) | list }} {{ range(3) | length }} {{ range(0) | list }} {{ range(3)[-1] }}
{{ range(100001) }}
{{ range(1, 2, 0) }}
{{ range('a') }}
{{ dict(a=1, b=2) }} {{ dict([('x', 1)]) }} {{ dict(d, z=9)['z'] }} {{ dict() }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}
{% set j = joiner('|') %}{{ j() }}a{{ j() }}b{{ j() }}c {% set k = joiner() %}{{ k() }}{{ k() }}
{{ raise_exception('broken: ' ~ n) }}
{{ raise_exception('é"quotes" <x>') }}
{{ strftime_now('%Y-%m-%d') }} {{ strftime_now('%d %b %Y') }} {{ strftime_now('%H:%M:%S %A %B %j %y %I %p %%') }} {{ strftime_now('%-d/%-m/%-H') }}
{{ strftime_now('%a %e %U %W %V %G %u %w %c %x %X %D %F %T %R %C %f|%z|%Z|%s%n%t') }}
{{ '  x '.strip() }}| {{ 'xxaxx'.strip('x') }} {{ 'abcba'.lstrip('ab') }} {{ 'abcba'.rstrip('ab') }} {{ spaces.strip() }}| {{ 'x'.strip(none) }}
{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a b c'.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b  c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a'.split('abc') }}
{{ 'a b c'.split(' ')[-1] }} {{ 'x</think>y</think>z'.split('</think>')[-1] }} {{ 'a'.split('') }}
{{ lines.splitlines() }} {{ lines.splitlines(true) }} {{ 'a\n'.splitlines() }} {{ ''.splitlines() }}
{{ 'hello'.startswith('he') }} {{ 'hello'.startswith(('x', 'h')) }} {{ 'hello'.endswith('lo') }} {{ 'hello'.startswith('l', 2) }} {{ 'hello'.endswith('') }} {{ 'hello'.startswith('hello!') }}
{{ 'hello'.startswith(1) }}
{{ 'aXbX'.replace('X', '-') }} {{ 'aXbX'.replace('X', '-', 1) }} {{ 'ab'.replace('', '.') }} {{ 'é世'.replace('', '-') }} {{ ''.replace('', 'x') }} {{ 'aaa'.replace('aa', 'b') }}
{{ 'héllo wörld'.upper() }} {{ 'ÀÉ'.lower() }} {{ "it's a tEST-case".title() }} {{ 'hELLO wORLD'.capitalize() }} {{ 'aBc'.swapcase() }} {{ 'straße'.upper() }} {{ 'ΟΔΥΣΣΕΥΣ'.lower() }} {{ 'ﬁn'.title() }}
{{ 'hello'.find('l') }} {{ 'hello'.rfind('l') }} {{ 'hello'.find('z') }} {{ 'üüa'.find('a') }} {{ 'hello'.index('e') }} {{ 'hello'.count('l') }} {{ 'aaa'.count('') }} {{ 'hello'.find('l', 3) }} {{ 'hello'.find('l', -2, 99) }} {{ 'hello'.find('', 9) }}
{{ 'hello'.index('z') }}
{{ 'a-b-c'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ 'abc'.partition('-') }} {{ 'abc'.rpartition('-') }}
{{ ','.join(['a', 'b']) }} {{ ''.join([]) }} {{ '-'.join('abc') }} {{ ','.join(d) }}
{{ ','.join([1]) }}
{{ 'x'.ljust(4, '.') }}|{{ 'x'.rjust(4) }}|{{ 'x'.center(4) }}|{{ 'ab'.center(5, '*') }}|{{ 'abc'.center(6) }}|{{ '-5'.zfill(5) }}|{{ 'ab'.center(1) }}
{{ 'abc'.isalpha() }} {{ '12'.isdigit() }} {{ '1.2'.isdigit() }} {{ 'a1'.isalnum() }} {{ ' '.isspace() }} {{ ''.isspace() }} {{ 'A'.isupper() }} {{ 'a'.islower() }} {{ 'Ab Cd'.istitle() }} {{ '½'.isnumeric() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ 'aé'.isascii() }} {{ 'a_1'.isidentifier() }}
{{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.txt'.removesuffix('.txt') }} {{ 'x'.removeprefix('y') }}
{{ '{} and {}'.format(1, 'b') }} {{ '{1}{0}'.format('a', 'b') }} {{ '{x}{y!r}'.format(x=1, y='q') }} {{ '{0[a]} {0.b}'.format(d) }} {{ '{{}}'.format() }}
{{ '{:>5}|{:<5}|{:^5}|{:*^7}|{:05d}|{:+d}|{:,}|{:.2f}|{:5.1f}|{:x}|{:#x}|{:e}|{:%}|{:.1%}|{:b}|{:o}|{:_}'.format('a', 'b', 'c', 'd', 42, 5, 1234567, 3.14159, 2.25, 255, 255, 12345.678, 0.5, 0.123, 5, 8, 1234567) }}
{{ '{:.3}|{:10.3}|{:g}|{}|{:s}|{:{}}|{:>{w}}'.format('abcdef', 'abcdef', 0.00001, 1.0, 'x', 'y', 3, 'z', w=4) }}
{{ '{}'.format() }}
{{ '{x}'.format(1) }}
{{ '{'.format(1) }}
{{ '%s %d %5.2f %r %x %% %-5s| %05d %+d %e %g %c' % ('a', 42, 3.14159, 'q', 255, 'l', 42, 5, 12345.678, 0.0001, 'z') }}
{{ '%s' % n }} {{ '%s %s' % (1, [2]) }} {{ '%(a)s-%(b)d' % d }} {{ 'abc' % () }} {{ '%s' % (d,) }} {{ '%.2s|%5s|%-5s|' % ('abc', 'é', 'é') }} {{ '%i' % 3.9 }} {{ '%*d' % (5, 3) }}
{{ '%d' % 'a' }}
{{ '%s %s' % 1 }}
{{ '%s' % (1, 2) }}
{{ '%y' % 1 }}
{{ d.items() }} {{ d.keys() }} {{ d.values() }} {{ d.items() | list }} {{ d.keys() | length }} {{ d.get('a') }} {{ d.get('z') }} {{ d.get('z', 5) }} {{ d.items() is sequence }} {{ d.items() is iterable }}
{{ d.items()[0] }}|{{ (d.items() | list)[0] }}
{{ d.get('a', default=5) }}
{{ 'a b'.split(sep=' ', maxsplit=1) }} {{ ' a b '.split(none, 1) }}|{{ ' a b '.rsplit(none, 1) }}
{{ 'x'.strip(chars='x') }}
{{ xs.index(1) }} {{ xs.count(3) }} {{ (1, 2, 1).count(1) }} {{ xs.copy() }} {{ d.copy() }}
{{ xs.index(99) }}
{{ xs.append(4) }}
{{ xs.append }}|{{ xs.append is defined }}|{{ d.update }}|{{ d.pop is defined }}
{{ d.pop('a') }}
{{ s.__class__ }}|{{ s.__class__ is defined }}|{{ n.__add__ is defined }}
{{ s.__class__.__mro__ }}
{{ n.bit_length() }} {{ f.is_integer() }} {{ 2.0.is_integer() }}
{{ s() }}
{{ n.foo() }}
{{ xs | length }} {{ s | length }} {{ u | length }} {{ d | count }} {{ undefined_name | length }}
{{ n | length }}
{{ nil | length }}
{{ '  x ' | trim }}| {{ 'xxaxx' | trim('x') }} {{ n | trim }} {{ undefined_name | trim }}|
{{ s | upper }} {{ s | lower }} {{ 'hello world-foo (bar)' | title }} {{ "they're" | title }} {{ 'hELLO' | capitalize }} {{ n | upper }} {{ nil | lower }}
{{ undefined_name | default('d') }} {{ e | default('d') }} {{ e | default('d', true) }} {{ nil | default('d') }} {{ no | d('x', boolean=true) }} {{ undefined_name | default }}| {{ undefined_name.x | default('y') }}
{{ xs | first }} {{ xs | last }} {{ none_list | first }}| {{ none_list | last }}| {{ s | first }} {{ s | last }} {{ d | first }} {{ d | last }}
{{ xs | join }} {{ xs | join(', ') }} {{ users | join('-', attribute='name') }} {{ s | join('.') }} {{ d | join(',') }} {{ [1, none, 'x', 1.5] | join('|') }} {{ undefined_name | join(',') }}|
{{ xs | sort }} {{ names | sort }} {{ names | sort(case_sensitive=true) }} {{ xs | sort(true) }} {{ users | sort(attribute='age,name') | map(attribute='name') | list }} {{ users | sort(attribute='age', reverse=true) | map(attribute='name') | join(',') }}
{{ [1, 'a'] | sort }}
{{ users | sort(attribute='city.zip') }}
{{ d | dictsort }} {{ {'b': 1, 'A': 2} | dictsort }} {{ {'b': 1, 'A': 2} | dictsort(true) }} {{ {'b': 1, 'A': 2} | dictsort(by='value') }} {{ {'b': 1, 'A': 2} | dictsort(false, 'key', true) }}
{{ undefined_name | dictsort }}
{{ xs | map('string') | list }} {{ names | map('upper') | join(',') }} {{ users | map(attribute='name') | list }} {{ users | map(attribute='city.zip', default='?') | list }} {{ users | map(attribute='tags.0', default='none') | list }} {{ xs | map('default', 3) | list }} {{ ['a b', 'c'] | map('replace', ' ', '_') | list }}
{{ users | map(attribute='city.zip') | list }}
{{ xs | map | list }}
{{ xs | map('nope') | list }}
{{ range(6) | select('odd') | list }} {{ range(6) | reject('odd') | list }} {{ [0, 1, '', 'a', none] | select | list }} {{ [0, 1, ''] | reject | list }} {{ range(6) | select('gt', 3) | list }} {{ range(6) | select('in', [1, 2]) | list }} {{ [1, none] | select('none') | list }}
{{ users | selectattr('age', 'equalto', 30) | map(attribute='name') | list }} {{ users | selectattr('city') | list | length }} {{ users | rejectattr('age', 'gt', 26) | map(attribute='name') | list }} {{ users | selectattr('tags') | map(attribute='name') | join }} {{ users | selectattr('city', 'defined') | list | length }} {{ users | rejectattr('nope') | list | length }}
{{ users | selectattr('role', 'undefined') | list | length }} {{ undefined_name | selectattr('x') | list }} {{ undefined_name | map('upper') | list }}
{% if xs | select('gt', 99) %}generators are true{% endif %} {{ xs | map('string') is sequence }} {{ (xs | map('string'))[0] is defined }}
{{ xs | select('odd') | length }}
{{ xs | unique | list }} {{ ['a', 'A', 'b'] | unique | list }} {{ ['a', 'A'] | unique(true) | list }} {{ users | unique(attribute='age') | map(attribute='name') | list }} {{ [1, 1.0, true, 2] | unique | list }}
{{ xs | min }} {{ xs | max }} {{ names | min }} {{ names | max }} {{ none_list | min }}| {{ users | max(attribute='age') }} {{ xs | sum }} {{ users | sum(attribute='age') }} {{ [0.5, 1] | sum(start=10) }} {{ [[1], [2]] | sum(start=[]) }}
{{ names | sum }}
{{ xs | reverse | list }} {{ s | reverse }} {{ u | reverse }} {{ range(3) | reverse | list }} {{ d | reverse | list }} {{ xs | reverse | first }}
{{ xs | list }} {{ s | list }} {{ d | list }} {{ 'ab' | list | join('-') }} {{ undefined_name | list }}
{{ n | list }}
{{ range(7) | batch(3) | list }} {{ range(7) | batch(3, 'x') | list }} {{ range(7) | slice(3) | list }} {{ range(7) | slice(3, 'x') | list }} {{ [] | batch(2) | list }}
{% for g, l in users | groupby('age') %}{{ g }}:{{ l | map(attribute='name') | join(',') }};{% endfor %} {% for x in users | groupby('city.zip', default=0) %}{{ x.grouper }}{{ x.list | length }}{% endfor %} {{ ['a', 'B', 'A'] | groupby(0) | length }}
{{ '3.7' | int }} {{ 'x' | int }} {{ 'x' | int(5) }} {{ '0x1f' | int(0, 16) }} {{ 3.99 | int }} {{ -3.99 | int }} {{ ' 42 ' | int }} {{ '1_000' | int }} {{ none | int }} {{ true | int }} {{ '1e3' | int }} {{ '0b11' | int(base=2) }} {{ [] | int(default=9) }} {{ 'inf' | int }}
{{ undefined_name | int }}
{{ '3.5' | float }} {{ 'x' | float }} {{ 3 | float }} {{ 'x' | float(1.5) }} {{ ' 1e3 ' | float }} {{ 'nan' | float }} {{ '-inf' | float }} {{ none | float }} {{ '1_0.5' | float }} {{ '.5' | float }} {{ '5.' | float }} {{ '0x10' | float }}
{{ 3.14159 | round(2) }} {{ 2.5 | round }} {{ 3.5 | round }} {{ 2.675 | round(2) }} {{ 3.2 | round(method='ceil') }} {{ 3.7 | round(0, 'floor') }} {{ 7 | round }} {{ 1234 | round(-2) }} {{ -2.5 | round }} {{ 1e300 | round(2) }} {{ 42.55 | round(1, 'floor') }} {{ 5 | round(2) }}
{{ 3.1 | round(1, 'nope') }}
{{ -5 | abs }} {{ (-5) | abs }} {{ (-2.5) | abs }} {{ neg | abs }}
{{ s | string }} {{ 5 | string ~ 'x' }} {{ [1] | string | length }} {{ none | string }}
{{ s | replace('o', '0') }} {{ s | replace('o', '0', 1) }} {{ n | replace(7, 8) }} {{ s | replace('', '-') }}
{{ lines | indent }}| {{ lines | indent(2, true) }}| {{ lines | indent(2, blank=true) }}| {{ 'a\nb' | indent('> ', first=true) }} {{ '' | indent }}|
{{ n | indent }}
{{ 'foo bar baz qux' | truncate(9) }} {{ 'foo bar baz qux' | truncate(9, true) }} {{ 'foo bar baz qux' | truncate(11) }} {{ 'foo bar baz qux' | truncate(9, false, '…', 0) }} {{ 'foobarbazqux' | truncate(5, leeway=0) }}
{{ 'one two, three-four' | wordcount }} {{ u | wordcount }} {{ 'x' | center(5) }}| {{ '%s-%s' | format('a', 1) }} {{ '%(x)s' | format(x=3) }}
{{ 'a' | format('b', c=1) }}
{{ html | e }} {{ html | escape }} {{ html | safe }} {{ html | e | e }} {{ html | forceescape }} {{ html | e | forceescape }} {{ (html | e) + '<' }} {{ '<' + (html | e) }} {{ (html | e) ~ '<' }} {{ n | e }} {{ [html] | e }}
{{ 'a b&c/d?é' | urlencode }} {{ {'a b': 1, 'c': 'x/y z'} | urlencode }} {{ [('k', 'v w')] | urlencode }} {{ 5 | urlencode }}
{{ 500 | filesizeformat }} {{ 1000 | filesizeformat }} {{ 1500000 | filesizeformat }} {{ 1048576 | filesizeformat(true) }} {{ 1 | filesizeformat }} {{ '123456789' | filesizeformat }} {{ 1e30 | filesizeformat }}
{{ d | tojson }} {{ xs | tojson }} {{ s | tojson }} {{ nil | tojson }} {{ t | tojson }} {{ f | tojson }} {{ u | tojson }} {{ q | tojson }} {{ html | tojson }} {{ (1, 2) | tojson }} {{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }} {{ [] | tojson }}{{ {} | tojson }}
{{ d | tojson(indent=2) }}
{{ d | tojson(indent=4, sort_keys=true) }} {{ d | tojson(indent=0) }} {{ d | tojson(indent='--') }}
{{ d | tojson(separators=(',', ':')) }} {{ d | tojson(separators=[' , ', ' : '], indent=1) }} {{ u | tojson(ensure_ascii=true) }} {{ u | tojson(true) }} {{ {'b': 1, 'a': [3, 1]} | tojson(sort_keys=true) }} {{ [[], {}, [[]]] | tojson(indent=2) }}
{{ "\u007f\u2028\x00\x1f\b\f" | tojson }} {{ "\u007f\u2028\x1f" | tojson(ensure_ascii=true) }} {{ [1e16, 1e22, 0.1, 1e-7, -0.0] | tojson }}
{{ undefined_name | tojson }}
{{ d.items() | tojson }}
{{ {(1, 2): 3} | tojson }}
{{ {'b': 1, 1: 2} | tojson(sort_keys=true) }}
{{ 5 | attr('x') is defined }} {{ 'abc' | attr('upper') is defined }} {{ d | attr('a') is defined }}
{{ {[1]: 2} }}
{{ {'a': 1, 'a': 2} }} {{ {1: 'a', true: 'b', 1.0: 'c'} }} {{ {'x': {'y': 1}}.x.y }} {{ {'a': 1}['a'] }} {{ [1, 2][0] }} {{ (1, 2)[1] }} {{ 'abc'[1] }}
{{ [1, 2,] }} {{ (1, 2,) }} {{ {'a': 1,} }} {{ m3 is defined }} {{ dict(a=1,) }}
{{ [x for x in xs] }}
{{ n ++ 1 }}
{{ n !
{{ n }
{% if n %}
{% endif %}
{% for %}
{% nosuchtag %}
{% set %}
{% set 5 = 3 %}
{% set x.y.z = 3 %}
{{ }}
{% %}
{{ 'unterminated }}
{# unterminated
{% raw %}unterminated
{{ (1 }}
{{ [1) }}
{{ 1 is defined is defined }}
{{ a b }}
{{ x.1.2 }}
{{ loop }}|{{ loop is defined }}
{% break %}
{% for x in xs %}{{ loop.index }}{% else %}{{ loop is defined }}{% endfor %}
{% set x %}{% for i in xs %}{{ i }}{% endfor %}{% endset %}{{ x | int + 1 }}
{{ namespace(a=1).a }} {{ (namespace(a=1)) is mapping }}
{{ '' is none }} {{ none is string }} {{ [] is none }} {{ {} is mapping }}
{{ users[0]['name'][0] }} {{ users[-1].tags[0] }} {{ users[0].tags | length > 1 }} {{ users | length - 1 }} {{ -users | length }}
{{ n|string|length }} {{ n | string + 'x' }} {{ xs|join(',')|length*2 }} {{ 'a' if xs|length == 3 else 'b' }} {{ xs | first is odd }}
{{ 'A' in names | map('first') | list }} {{ 'x' not in d and 'b' in d }} {{ (n > 3) | string }} {{ not n in xs }}
{{ (xs, d)[0] }} {{ ((1)) }} {{ (((n))) + 1 }} {{ [[n]][0][0] }} {{ {'k': [1]}.k[0] }}
{{ (0|e).split('l') }} {{ [(0|e).upper()] }} {{ [('a,b'|e).partition(',')] }} {{ ('a b'|e).splitlines() }}
{{ [('-'|e).join(['<', '<'|e, 1])] }} {{ [('a'|e).replace('a', '<')] }} {{ [('abc'|e)[0], ('abc'|e)[::2]] }}
{{ [('a{}{:>3}'|e).format('<', '<'|e)] }}
{{ [('a{}{:>3}{x}'|e).format('<', '<', x='"')] }} {{ [('%s-%s'|e) % ('<', '<'|e)] }} {{ ('%r'|e) % '<' }} {{ ('%(a)s'|e) % {'a': '<'} }}
{{ [('a'|e)|upper, ('a'|e)|capitalize, ('a'|e)|title, (' a'|e)|trim, ('ab'|e)|reverse, ('ab'|e)|last, ('ab'|e)|first] }}
{{ [('a\nb'|e)|indent('<'), ('a'|e)|center(5), ('abcdefgh'|e)|truncate(6, true, '<', 0), ('%s'|e)|format('<')] }}
{{ (('a'|e).center(5, '-'), ('a'|e).ljust(3), ('a'|e).zfill(4), ('ab'|e).removeprefix('a'), ('ab'|e).find('b'), ('ab'|e).isalpha()) }}
{{ xs | map('string') | string }} {{ xs | unique | wordcount }} {{ [xs | select] }} {{ xs | reverse | string }}
{{ 'a' % missing }} {{ 'a' % range(3) }} {{ 'a' % xs }} {{ 'a' % d }} {{ 'a' % () }}
{{ 'a' % d.keys() }}
{{ 'ß世 ßA -ßA' | title }} {{ 'ǆa ŉa ﬁx ΑΣ ΣΑ Σ' | title }} {{ 'ßa'.title() }} {{ 'ßa' | capitalize }}
{{ ((range(4))[1:9:-1])[:-1:2] }} {{ range(4)[::100] }} {{ range(4)[::-100] }} {{ range(10)[2:8:3][::-2] }}
{{ users[0].keys() not in d.c }}
{{ xs in d.keys() }}
{{ d[(xs,)] is undefined }} {{ d[d.keys()] is undefined }} {{ xs in d.values() }} {{ ('b', 1) in d.items() }}
{{ {d.keys(): 1} }}
{%- set v = 'a' -%} {{ v }} {%- if true -%} b {%- endif -%} c
  {%- if true %} x {% endif -%}  y
  {% if true %}
  x
  {% endif %}
y
  {%+ if true %}
  x
  {%+ endif +%}
y
a
   {{ n }}   
b
   {{- n -}}   
c
line {% if true %} inline {% endif %} rest
{% if true -%}
   strip
{%- endif %}

two newlines
   {# comment #}   
after
   {#- comment -#}   
after
{% for x in xs -%}
  {{ x }}
{%- endfor %}
{% for x in xs %}
  {{ x }}
{% endfor %}
end

{{ 'no newline at the end' }}
{%- macro p(x) -%}
  [{{ x }}]
{%- endmacro -%}
{{ p(1) }} {{ p(2) -}}
!
	{% if true %}tab before{% endif %}	
x {%- raw %} {{ x }} {% endraw -%} y
{{- 'a' }} {{ 'b' -}} {{+ 5 }}
'''


def cases():
    """One case a line, except that lines of the part on white space belong together."""
    lines = CASES.strip("\n").split("\n")
    out = []
    start = lines.index("{%- set v = 'a' -%} {{ v }} {%- if true -%} b {%- endif -%} c")
    i = 0
    while i < start:
        text = lines[i]
        while i + 1 < start and text.count("{#") > text.count("#}") and "line #}" in lines[i + 1]:
            i += 1
            text += "\n" + lines[i]
        out.append(text)
        i += 1
    blanks = "\n".join(lines[start:])
    out.append(blanks)
    for i in range(start, len(lines)):
        for size in (2, 3, 5, 8):
            out.append("\n".join(lines[i:i + size]))
    for source in ["", "\n", "\n\n", "x\r\ny\rz\n", "{{ n }}\n", "{{ n }}\n\n", "{% if t %}\n\n{% endif %}\n", "  {% if t %}  \n x\n  {%- endif %}\n",
                   "{# a #}\n{# b #}\nx", "  {# a #}  {# b #}\nx", "a {%- set q = 1 +%}\n b", "{%+ set q = 1 -%}\n b", "\n  {% set a = 1 %}\n  {% set b = 2 %}\n{{ a + b }}\n",
                   "{{ 'a\\\nb' }}", "{{ 'a\nb' }}", "a\u00a0{%- if t %} \u2003{%- endif %}x", "\u00a0{% if t %}x{% endif %}", "{% raw %}\n a\n{% endraw %}\n b", "{% raw -%}\n a\n  {%- endraw %}\n b",
                   "  {% raw %}\n  a\n  {% endraw %}\n b", "{%raw%}{{a}}{%endraw%}", "{{n}}{{n}}\n{{n}}", "{{ n }} \n", "{%if t%}a{%else%}b{%endif%}", "{%- if t -%}\n\n a \n\n{%- else -%} b {%- endif -%}\n",
                   "{{ '{{' }} {{ '}}' }} {{ '{%' }} {{ {'a': {'b': 1}}['a']['b'] }}", "{{ {'a': {'b': {}}}}}", "{ {% if t %}{ {% endif %}}", "a{{ n }}b{# c #}d{% if t %}e{% endif %}f", "{#-#}\nx", "{#--#}\n x", "a {#- b -#} c", "a {#+ b +#}\n c"]:
        out.append(source)
    return [c for c in dict.fromkeys(out)]
